using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>An application inside a namespace that sends back every datagram.</summary>
public sealed class UdpEcho : IDisposable
{
    private readonly Socket socket;
    private readonly IPEndPoint any;
    private int received;

    public UdpEcho(Namespace where, IPAddress address, int port)
    {
        any = new IPEndPoint(address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        socket = where.Run(() =>
        {
            var made = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            made.Bind(new IPEndPoint(address, port));
            return made;
        });
        _ = Task.Run(Serve);
    }

    public int Received => Volatile.Read(ref received);

    public void Dispose() => socket.Dispose();

    private async Task Serve()
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            try
            {
                var result = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any);
                Interlocked.Increment(ref received);
                await socket.SendToAsync(buffer.AsMemory(0, result.ReceivedBytes), SocketFlags.None, result.RemoteEndPoint);
            }
            catch (SocketException)
            {
                // An ICMP error of an earlier answer; the next datagram is another matter.
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }
}
