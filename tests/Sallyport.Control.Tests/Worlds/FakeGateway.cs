using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;
using Sallyport.Api.Nodes;

namespace Sallyport.Control.Tests.Worlds;

/// <summary>The other end of a real node socket, frame by frame.</summary>
internal sealed class FakeGateway : IDisposable
{
    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private NetworkStream? stream;

    public static async Task<FakeGateway> ConnectAsync(ControlWorld world, string name = "gw-1", long modelVersion = 0)
    {
        var gateway = await DialAsync(world);
        await gateway.SendAsync(new Hello(name, "0.1.0", Hello.CurrentProtocol, Environment.ProcessId, modelVersion));
        (await gateway.ReceiveAsync()).ShouldBeOfType<Welcome>();
        return gateway;
    }

    public static async Task<FakeGateway> DialAsync(ControlWorld world)
    {
        var gateway = new FakeGateway();
        await gateway.socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(world.Directory, "gateway.sock")));
        gateway.stream = new NetworkStream(gateway.socket);
        return gateway;
    }

    public async Task SendAsync(NodeMessage message)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(message, NodeJson.Default.NodeMessage);
        var head = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(head, body.Length);
        await SendRawAsync([.. head, .. body]);
    }

    public async Task SendRawAsync(byte[] bytes) => await stream!.WriteAsync(bytes);

    /// <summary>The next frame; null where control ended the link.</summary>
    public async Task<NodeMessage?> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            var head = new byte[4];
            await stream!.ReadExactlyAsync(head, limit.Token);
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head)];
            await stream.ReadExactlyAsync(body, limit.Token);
            return JsonSerializer.Deserialize(body, NodeJson.Default.NodeMessage);
        }
        catch (Exception e) when (e is IOException or EndOfStreamException)
        {
            return null;
        }
    }

    public async Task<T> ReceiveAsync<T>()
        where T : NodeMessage => (await ReceiveAsync()).ShouldBeOfType<T>();

    public void Dispose()
    {
        stream?.Dispose();
        socket.Dispose();
    }

    public static TunnelState Tunnel(int identityId, long tunnelId = 1, bool up = true) => new()
    {
        TunnelId = tunnelId,
        IdentityId = identityId,
        Up = up,
        Protocol = "openvpn/udp",
        OuterAddress = "203.0.113.7:40000",
        Cipher = "AES-256-GCM",
        Tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
        Wrapping = "tls-crypt-v2",
        ClientVersion = "2.6.14",
        ClientPlatform = "linux",
        Since = 1_700_000_000_000_000_000,
        LastSeen = 1_700_000_001_000_000_000,
        BytesIn = 10,
        BytesOut = 20,
        PacketsIn = 1,
        PacketsOut = 2,
        Sas = [],
        Renegotiations = 0,
        EndReason = up ? "" : "exit",
    };

    public static FlowState Flow(int networkId, int fromId, int toId, long flowId = 1) => new()
    {
        FlowId = flowId,
        NetworkId = networkId,
        FromId = fromId,
        ToId = toId,
        Protocol = "tcp",
        Source = "10.20.0.3",
        SourcePort = 40_000,
        Destination = "192.168.50.10",
        DestinationPort = 8883,
        Allowed = false,
        RuleId = 0,
        ApplicationId = 0,
        Reason = "NoApplication",
        FirstSeen = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000,
        LastSeen = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000,
        PacketsOut = 1,
        BytesOut = 60,
        PacketsBack = 0,
        BytesBack = 0,
        Ended = false,
    };
}
