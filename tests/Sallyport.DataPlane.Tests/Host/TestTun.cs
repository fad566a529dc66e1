using System.Net.Sockets;
using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Tests.Host;

/// <summary>The kernel's side of a queue, played over a pair of datagram sockets: one message is one packet, as with a TUN.</summary>
internal sealed class TestTun : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sp-tun-").FullName;
    private readonly Socket _kernel;
    private readonly Socket _gateway;

    public TestTun(bool offloads = true)
    {
        var (kernel, gateway) = (new UnixDomainSocketEndPoint(Path.Combine(_folder, "k")), new UnixDomainSocketEndPoint(Path.Combine(_folder, "g")));
        _kernel = Open(kernel);
        _gateway = Open(gateway);
        _kernel.Connect(gateway);
        _gateway.Connect(kernel);
        Queue = new TunQueue((int)_gateway.Handle, offloads, offloads);
    }

    public static HandleSpace Handles { get; } = Space();

    public TunQueue Queue { get; }

    public void Send(OffloadHeader offload, byte[] packet)
    {
        var message = new byte[OffloadHeader.Length + packet.Length];
        offload.Write(message);
        packet.CopyTo(message, OffloadHeader.Length);
        _kernel.Send(message);
    }

    /// <summary>What was written to the queue since.</summary>
    public List<(OffloadHeader Offload, byte[] Packet)> Received()
    {
        var all = new List<(OffloadHeader, byte[])>();
        var buffer = new byte[70_000];
        while (_kernel.Available > 0)
        {
            var count = _kernel.Receive(buffer);
            all.Add((OffloadHeader.Read(buffer), buffer[OffloadHeader.Length..count]));
        }

        return all;
    }

    public void Dispose()
    {
        _kernel.Dispose();
        _gateway.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Socket Open(UnixDomainSocketEndPoint at)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        socket.Bind(at);
        return socket;
    }

    private static HandleSpace Space()
    {
        HandleSpace.TryCreate(IpPrefix.Parse(Fixtures.TestFleet.HandlePrefix), out var space).ShouldBeTrue();
        return space;
    }
}
