using System.Net;
using Sallyport.Core.Primitives;
using Sallyport.Harness;
using Sallyport.Harness.Stock;
using Sallyport.Simulator.Enrolment;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Stages;

/// <summary><c>openvpn --server</c> as a distribution ships it: client-to-client, topology subnet, AES-256-GCM, tls-crypt.</summary>
internal sealed class StockServer : IVpnServer
{
    private const int Port = 1195;
    private const string ReceiverName = "receiver";
    private const string ReceiverAddress = "10.8.255.250";
    private const string SinkName = "sink";
    private const string SinkAddress = "10.8.255.251";
    private readonly Namespace where;
    private readonly StockPki pki = new();
    private readonly string key = StockConfig.GenerateKey("secret");
    private readonly string fixedAddresses = Directory.CreateTempSubdirectory("sp-bench-").FullName;
    private readonly string config;
    private OpenVpnProcess process;

    private StockServer(Namespace where)
    {
        this.where = where;
        File.WriteAllText(Path.Combine(fixedAddresses, ReceiverName), $"ifconfig-push {ReceiverAddress} 255.255.0.0\n");
        File.WriteAllText(Path.Combine(fixedAddresses, SinkName), $"ifconfig-push {SinkAddress} 255.255.0.0\n");
        var credential = pki.Server();
        config = Text(
            [
                "dev tun-server",
                "topology subnet",
                "server 10.8.0.0 255.255.0.0",
                "proto udp4",
                $"port {Port}",
                "client-to-client",
                "max-clients 20000",
                $"client-config-dir {fixedAddresses}",
                "data-ciphers AES-256-GCM",
                "keepalive 10 60",
                "dh none",
                "disable-dco",
                "verb 1",
            ],
            credential);
        process = new OpenVpnProcess(where, config);
        SenderProfile = ClientText("sender", "tun-stock");
        ReceiverProfile = ClientText(ReceiverName, "tun-stock");
    }

    public int ProcessId => process.ProcessId;

    public int? ControlProcessId => null;

    public string SenderProfile { get; }

    public string ReceiverProfile { get; }

    public IPAddress Target { get; } = IPAddress.Parse(ReceiverAddress);

    public static async Task<StockServer> Start(Namespace where)
    {
        var made = new StockServer(where);
        await made.process.WaitUntilConnected();
        return made;
    }

    public Task<IReadOnlyList<string>> MakeProfiles(int count, string wrapping) => wrapping == "tls-crypt"
        ? Task.FromResult<IReadOnlyList<string>>([.. Enumerable.Range(0, count).Select(index => ClientText($"device-{index}", "tun"))])
        : throw new NotSupportedException($"the stock server of this benchmark speaks tls-crypt, not {wrapping}");

    public Task<Station> MakeStation(int devices) => Task.FromResult(new Station(
        [.. Enumerable.Range(0, devices).Select(index => ClientText($"station-{index}", "tun"))],
        ClientText(SinkName, "tun"),
        new InnerEnd(IpAddress.Parse(SinkAddress), FleetPlan.Port)));

    public async Task Restart()
    {
        process.Stop();
        process.Dispose();
        process = new OpenVpnProcess(where, config);
        await process.WaitUntilConnected();
    }

    public ValueTask DisposeAsync()
    {
        process.Dispose();
        pki.Dispose();
        Directory.Delete(fixedAddresses, recursive: true);
        return ValueTask.CompletedTask;
    }

    private string ClientText(string name, string device) => Text(
        ["client", $"dev {device}", "proto udp4", $"remote {Topology.GatewayV4} {Port}", "nobind", "remote-cert-tls server", "disable-dco", "verb 1"],
        pki.Client(name));

    private string Text(IEnumerable<string> lines, StockCredential credential) => string.Join(
        '\n',
        lines.Concat(
        [
            StockConfig.Inline("ca", pki.AuthorityPem),
            StockConfig.Inline("cert", credential.CertificatePem),
            StockConfig.Inline("key", credential.KeyPem),
            StockConfig.Inline("tls-crypt", key),
        ])) + "\n";
}
