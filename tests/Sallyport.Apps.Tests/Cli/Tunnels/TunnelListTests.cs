using System.Text.Json.Nodes;
using Sallyport.Api;
using Sallyport.Api.Tunnels;
using Sallyport.Cli;
using Sallyport.Cli.Output;
using Sallyport.Cli.Tunnels;

namespace Sallyport.Apps.Tests.Cli.Tunnels;

/// <summary>What is printed of tunnels: of IPsec with its SAs and its IKE SA.</summary>
[Collection("console")]
public sealed class TunnelListTests : IAsyncLifetime
{
    private CannedServer server = null!;

    public async Task InitializeAsync() => server = await CannedServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task In_a_pipe_a_tunnel_is_one_line_with_its_SAs_at_the_end()
    {
        server.Says("GET /api/v1/tunnels", $$"""{"items":[{{Tunnel(sas: $"{Sa("c0ffee01", minutes: 12)},{Sa("c0ffee02", minutes: 75, sends: false)}")}},{{Tunnel(ike: false)}}]}""");
        var (code, output, remarks) = await server.RunAsync("tunnel", "list");
        code.ShouldBe(ExitCodes.Ok, remarks);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(3);
        foreach (var heading in (string[])["TLS OR IKE", "WRAPPING OR PROOF", "REKEYS", "SAS"])
        {
            lines[0].ShouldContain(heading);
        }

        lines[1].ShouldContain("IKEv2 aes256gcm16-prfsha384-x25519");
        lines[1].ShouldEndWith("SA c0ffee01 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3 rekeys, in 1.2 MB, out 340 kB; "
            + "SA c0ffee02 in, 00000abc out: AES-256-GCM/ESN, 1h15m old, 3 rekeys, in 1.2 MB, out 340 kB, not sent by");
        lines[2].ShouldNotContain("SA ");
    }

    [Fact]
    public void In_a_terminal_SAs_are_lines_below_their_tunnel()
    {
        var output = new StringWriter();
        var tunnel = Parse(Tunnel(sas: $"{Sa("c0ffee01")},{Sa("c0ffee02")}"));
        new Printer(OutputFormat.Table, output, TextWriter.Null, terminalWidth: 130).ManyWithLines(
            [tunnel, tunnel with { Identity = "pump-18", Sas = [] }], ApiJson.Default.TunnelInfo, "", new Below<TunnelInfo>("SAS", TunnelText.Sas), new Column<TunnelInfo>("IDENTITY", t => t.Identity));
        output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).ShouldBe(
        [
            "dc",
            "  SA c0ffee01 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3 rekeys, in 1.2 MB, out 340 kB",
            "  SA c0ffee02 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3 rekeys, in 1.2 MB, out 340 kB",
            "pump-18",
        ]);
    }

    [Theory]
    [InlineData(60, "  SA c0ffee01 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3|    rekeys, in 1.2 MB, out 340 kB")]
    [InlineData(80, "  SA c0ffee01 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3 rekeys, in 1.2 MB,|    out 340 kB")]
    public void In_a_narrow_terminal_an_SA_goes_on_in_the_next_line(int width, string lines)
    {
        var output = new StringWriter();
        new Printer(OutputFormat.Table, output, TextWriter.Null, terminalWidth: width).ManyWithLines(
            [Parse(Tunnel(sas: Sa("c0ffee01")))], ApiJson.Default.TunnelInfo, "", new Below<TunnelInfo>("SAS", TunnelText.Sas), new Column<TunnelInfo>("IDENTITY", t => t.Identity));
        output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(2).ShouldBe(lines.Split('|'));
    }

    [Fact]
    public async Task Who_has_an_IKE_SA_alone_is_said_to_have_that_everywhere()
    {
        server.Says("GET /api/v1/tunnels", $$"""{"items":[{{Tunnel(ikeOnly: true)}}]}""");
        (await server.RunAsync("tunnel", "list")).Output.ShouldContain("  up, IKE only  ");
        var shown = (await server.RunAsync("tunnel", "show", "site:dc")).Output;
        shown.ShouldContain("gateway local: up, IKE only\n");
        shown.ShouldContain("  SAs:             none: IKE only, and nothing passes until the peer asks for one\n");

        server.Says("GET /api/v1/devices", $$"""{"items":[{{Device(Tunnel(ikeOnly: true))}}]}""");
        (await server.RunAsync("device", "list")).Output.ShouldContain("online, IKE only");
        server.Says("GET /api/v1/devices/pump-17", Device(Tunnel(ikeOnly: true)));
        var device = (await server.RunAsync("device", "show", "pump-17")).Output;
        device.ShouldContain("online:     online, IKE only\n");
        device.ShouldContain("none: IKE only, and nothing passes until the peer asks for one\n");
        server.Says("GET /api/v1/devices/pump-17", Device(Tunnel(sas: Sa("c0ffee01"))));
        (await server.RunAsync("device", "show", "pump-17")).Output.ShouldNotContain("IKE only");
    }

    [Fact]
    public async Task A_device_is_shown_with_its_SAs_as_the_list_has_them()
    {
        server.Says("GET /api/v1/devices/pump-17", Device(Tunnel(sas: $"{Sa("c0ffee01")},{Sa("c0ffee02", sends: false)}")));
        var shown = (await server.RunAsync("device", "show", "pump-17")).Output;
        shown.ShouldEndWith(
            "  SA c0ffee01 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3 rekeys, in 1.2 MB, out 340 kB\n"
            + "  SA c0ffee02 in, 00000abc out: AES-256-GCM/ESN, 12m old, 3 rekeys, in 1.2 MB, out 340 kB, not sent by\n"
            + "  each uplink, with selectors: sallyport tunnel show site:dc.plant-a\n");
        server.Says("GET /api/v1/devices/pump-17", Device(Tunnel(sas: Sa("c0ffee01"))).Replace("\"online\"", "\"offline\"", StringComparison.Ordinal));
        (await server.RunAsync("device", "show", "pump-17")).Output.ShouldNotContain("SA c0ffee01", customMessage: "it is gone with the tunnel");
        server.Says("GET /api/v1/devices/pump-17", Device(Tunnel(ike: false)));
        (await server.RunAsync("device", "show", "pump-17")).Output.ShouldNotContain("tunnel show");
    }

    [Fact]
    public async Task One_tunnel_is_shown_with_its_IKE_SA_and_each_SA()
    {
        server.Says("GET /api/v1/tunnels", $$"""{"items":[{{Tunnel(sas: Sa("c0ffee01"))}}]}""");
        var shown = (await server.RunAsync("tunnel", "show", "site:dc")).Output;
        shown.ShouldContain("  IKE:             IKEv2 aes256gcm16-prfsha384-x25519\n");
        shown.ShouldContain("  IKE SPIs:        0123456789abcdef (initiator, the peer), fedcba9876543210 (responder, the gateway)\n");
        shown.ShouldMatch(@"  IKE keys since:  \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ \(2d03h\), 1 rekey\n");
        shown.ShouldMatch(@"    keys since:   \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ \(12m\)\n");

        var json = JsonNode.Parse((await server.RunAsync("tunnel", "show", "site:dc", "-o", "json")).Output)![0]!;
        ((string)json["ike"]!["spiInitiator"]!, (int)json["ike"]!["rekeys"]!, (string)json["sas"]![0]!["spiIn"]!).ShouldBe(("0123456789abcdef", 1, "c0ffee01"));
    }

    [Theory]
    [InlineData(-5, "0s")]
    [InlineData(59, "59s")]
    [InlineData(60, "1m")]
    [InlineData(3_600 + 300, "1h05m")]
    [InlineData((2 * 86_400) + (4 * 3_600), "2d04h")]
    public void An_age_has_the_units_that_fit(int seconds, string text) =>
        Human.Age(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddSeconds(seconds)).ShouldBe(text);

    private static TunnelInfo Parse(string json) => System.Text.Json.JsonSerializer.Deserialize(json, ApiJson.Default.TunnelInfo)!;

    private static string Ago(double minutes) => DateTimeOffset.UtcNow.AddMinutes(-minutes).AddSeconds(-5).ToString("O");

    private static string Sa(string spi, int minutes = 12, bool sends = true) => $$"""
        {"spiIn":"{{spi}}","spiOut":"00000abc","suite":"AES-256-GCM/ESN","mode":"tunnel","sends":{{(sends ? "true" : "false")}},"local":["10.20.0.0/16"],"remote":["192.168.50.0/24"],
        "since":"{{Ago(minutes)}}","rekeys":3,"bytesIn":1200000,"bytesOut":340000,"packetsIn":3,"packetsOut":2,"badTags":0,"replays":0}
        """;

    private static string Ike() => $$"""
        {"spiInitiator":"0123456789abcdef","spiResponder":"fedcba9876543210","initiator":"peer","suite":"aes256gcm16-prfsha384-x25519","since":"{{Ago((2 * 1440) + 180)}}","rekeys":1}
        """;

    private static string Tunnel(string sas = "", bool ike = true, bool ikeOnly = false) => $$"""
        {"gateway":"local","tunnelId":7,"identityKind":"site","identity":"dc","network":"plant-a","state":"up","protocol":"{{(ike ? "ipsec/udp" : "openvpn/udp")}}",
        "outerAddress":"203.0.113.9:4500","cipher":"AES-256-GCM","tls":"IKEv2 as it was","wrapping":"psk","clientVersion":"",
        "clientPlatform":"","since":"2026-11-20T10:00:00Z","lastSeen":"2026-11-20T10:01:00Z","bytesIn":2048,"bytesOut":100,"packetsIn":3,
        "packetsOut":2,"renegotiations":4,"sas":[{{sas}}],"ike":{{(ike ? Ike() : "null")}},"ikeOnly":{{(ikeOnly ? "true" : "false")}}}
        """;

    private static string Device(string tunnel) => $$"""
        {"id":2,"name":"pump-17","network":"plant-a","state":"active","stateSince":"2026-11-20T09:00:00Z","addresses":["10.20.0.2"],
        "labels":{},"groups":[],"locks":[],"posture":[],"presence":"online","tunnel":{{tunnel}},"createdAt":"2026-11-20T09:00:00Z","revision":4}
        """;
}
