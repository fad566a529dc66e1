using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Sallyport.Api.Networks;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Admission;

public sealed class DarknessFixture : FleetFixture
{
    protected override Task Prepare() => AddNetworkWithSite(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
}

/// <summary>What somebody without a key sees: nothing. What somebody with a key can make the gateway keep: nothing.</summary>
public sealed class DarknessTests(DarknessFixture fleet) : IClassFixture<DarknessFixture>
{
    private static readonly IPEndPoint Gateway = new(IPAddress.Parse(Topology.GatewayV4), 1194);

    [NetworkFact]
    public async Task Garbage_over_UDP_gets_no_answer()
    {
        var host = fleet.NewHost("stranger");
        using var socket = Datagrams(host);
        var random = new byte[1500];
        for (var turn = 0; turn < 2000; turn++)
        {
            RandomNumberGenerator.Fill(random);

            // Every opcode, known and unknown, at every kind of length.
            random[0] = (byte)turn;
            await socket.SendAsync(random.AsMemory(0, turn % 1473));
        }

        await socket.SendAsync(PlainReset());
        (await Answer(socket)).ShouldBe(0);
        await DevicesStillConnect("after-garbage");
    }

    [NetworkFact]
    public async Task Garbage_over_TCP_gets_no_byte_back()
    {
        var host = fleet.NewHost("stranger-tcp");
        foreach (var first in new byte[][] { [0, 0], [255, 255], [0, 14, 0x38], "GET / HTTP/1.1\r\n\r\n"u8.ToArray(), [22, 3, 1, 2, 0], [0, (byte)PlainReset().Length, .. PlainReset()] })
        {
            using var socket = host.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            await socket.ConnectAsync(Gateway);
            await socket.SendAsync(first.Concat(RandomNumberGenerator.GetBytes(600)).ToArray());
            (await Answer(socket, 500)).ShouldBe(0);
        }

        await DevicesStillConnect("after-garbage-tcp");
    }

    [NetworkFact]
    public async Task Idle_connections_of_a_stranger_keep_no_device_of_the_same_prefix_out()
    {
        var host = fleet.NewHost("squatter");
        List<Socket> idle = [];
        try
        {
            // More than the share of one prefix; some of them with bytes that are none of ours.
            for (var i = 0; i < 1500; i++)
            {
                var socket = host.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                idle.Add(socket);
                await socket.ConnectAsync(Gateway);
                if (i % 3 == 0)
                {
                    await socket.SendAsync("GET / HTTP/1.1"u8.ToArray());
                }
            }

            var text = await fleet.AddAllowedDevice("beside-squatters", "plant");
            using var client = new OpenVpnProcess(fleet.NewHost("beside-squatters"), text.Dialing(Topology.GatewayV4, "tcp4"));
            await fleet.Connected(client);
            client.Count("TCP connection established").ShouldBe(1, client.Log);
        }
        finally
        {
            idle.ForEach(socket => socket.Dispose());
        }
    }

    [NetworkFact]
    public async Task A_wrapping_key_of_another_installation_gets_no_answer()
    {
        using var socket = Datagrams(fleet.NewHost("foreigner"));
        using var foreign = new TlsCryptV2Keys(StockConfig.GenerateTlsCryptV2ClientKey(StockConfig.GenerateKey("tls-crypt-v2-server")));
        for (var turn = 0; turn < 100; turn++)
        {
            await socket.SendAsync(foreign.Reset());
        }

        (await Answer(socket)).ShouldBe(0);
    }

    [NetworkFact]
    public async Task A_flood_of_resets_with_a_right_key_grows_nothing_and_devices_still_connect()
    {
        var created = await fleet.AddDevice("flooder", "plant");
        using var keys = new TlsCryptV2Keys(created.Profile!.Text.Block("tls-crypt-v2"));
        using var socket = Datagrams(fleet.NewHost("flooder"));
        async Task Flood(int count)
        {
            for (var turn = 0; turn < count; turn++)
            {
                await socket.SendAsync(keys.Reset());
            }
        }

        // What the first packets make it load and compile is no growth, nor is what the collector keeps for a busier program; but what a
        // packet leaves behind grows with every round: two in a row, not one that a collection made good, have to be quiet together.
        var gateway = fleet.Installation.GatewayProcessId()!.Value;
        var sizes = new List<long>();
        do
        {
            await Flood(50_000);
            sizes.Add(ResidentKiB(gateway));
        }
        while (sizes.Count < 12 && !(sizes.Count > 2 && sizes[^1] - sizes[^3] <= 1024));

        (sizes[^1] - sizes[^3]).ShouldBeLessThanOrEqualTo(1024, $"resident KiB after each 50,000 resets: {string.Join(", ", sizes)}");
        (await fleet.Tunnels("flooder", "plant")).ShouldBeEmpty();
        await DevicesStillConnect("after-flood");
    }

    [NetworkFact]
    public async Task Forged_data_packets_disturb_nobody_and_move_no_tunnel()
    {
        var text = await fleet.AddAllowedDevice("calm", "plant");
        var host = fleet.NewHost("calm");
        using var client = new OpenVpnProcess(host, text.Dialing(Topology.GatewayV4, "udp4"));
        await fleet.Connected(client);
        await using var stream = await TcpStream.Open(host, Topology.Application, TestApplication.Port);
        await stream.Progress(10_000);
        var before = await fleet.UntilTunnel("calm", "plant", found => found is not null);

        using var socket = Datagrams(fleet.NewHost("forger"));
        var packet = RandomNumberGenerator.GetBytes(200);
        for (var turn = 0; turn < 20_000; turn++)
        {
            // Every peer id that the few tunnels here may have, with every key id.
            packet[0] = PacketHead.Of(Opcode.DataV2, turn & 1).Value;
            packet[1] = 0;
            packet[2] = 0;
            packet[3] = (byte)(turn / 2 % 32);
            await socket.SendAsync(packet);
        }

        await stream.Progress(50_000);
        (await Answer(socket, 200)).ShouldBe(0);
        var after = await fleet.UntilTunnel("calm", "plant", found => found is not null);
        after!.OuterAddress.ShouldBe(before!.OuterAddress);
        client.Connections.ShouldBe(1, client.Log);
    }

    [NetworkFact]
    public async Task The_answer_to_a_reset_is_not_larger_than_the_reset()
    {
        var created = await fleet.AddDevice("amplifier", "plant");
        using var keys = new TlsCryptV2Keys(created.Profile!.Text.Block("tls-crypt-v2"));
        using var socket = Datagrams(fleet.NewHost("amplifier"));
        var reset = keys.Reset();
        await socket.SendAsync(reset);
        var answered = await Answer(socket, 2000);
        answered.ShouldBeGreaterThan(0);
        answered.ShouldBeLessThanOrEqualTo(reset.Length);
    }

    private static byte[] PlainReset()
    {
        var packet = new byte[100];
        var length = ControlPacket.Write(packet, Opcode.HardResetClientV2, 0, new SessionId(7), [], default, 0, []);
        return packet[..length];
    }

    private static Socket Datagrams(Namespace host) => host.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(Gateway);
        return socket;
    });

    /// <summary>Bytes of the first answer within the time; 0 where none came or the connection was closed.</summary>
    private static async Task<int> Answer(Socket socket, int limitMs = 1500)
    {
        using var limit = new CancellationTokenSource(limitMs);
        try
        {
            return await socket.ReceiveAsync(new byte[2000], SocketFlags.None, limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return 0;
        }
    }

    private static long ResidentKiB(int processId) => long.Parse(
        File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

    private async Task DevicesStillConnect(string name)
    {
        var text = await fleet.AddAllowedDevice(name, "plant");
        var host = fleet.NewHost(name);
        using var client = new OpenVpnProcess(host, text);
        await fleet.Connected(client);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, client.Log);
    }

    /// <summary>Makes the first packet of ever new sessions with one client's keys.</summary>
    private sealed class TlsCryptV2Keys : IDisposable
    {
        private readonly TlsCryptV2ClientKey key;

        public TlsCryptV2Keys(string pem) =>
            key = TlsCryptV2ClientKey.TryParsePem(pem, out var parsed) ? parsed : throw new InvalidOperationException("no tls-crypt-v2 client key");

        public byte[] Reset()
        {
            using var wrapper = TlsCryptWrapper.ForClient(key);
            Span<byte> clear = stackalloc byte[100];
            Span<byte> wrapped = stackalloc byte[2000];
            var session = new SessionId(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1);
            var length = ControlPacket.Write(clear, Opcode.HardResetClientV3, 0, session, [], default, 0, []);
            var now = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            return wrapped[..wrapper.Wrap(clear[..length], wrapped, now)].ToArray();
        }

        public void Dispose() => key.Dispose();
    }
}
