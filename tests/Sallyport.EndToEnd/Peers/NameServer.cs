using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>A name server inside a namespace that knows some IPv4 addresses, and of all other names that they do not exist.</summary>
public sealed class NameServer : IDisposable
{
    private readonly Socket socket;
    private readonly IReadOnlyDictionary<string, IPAddress> names;

    public NameServer(Namespace where, IPAddress address, IReadOnlyDictionary<string, IPAddress> names)
    {
        this.names = names;
        socket = where.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            made.Bind(new IPEndPoint(address, 53));
            return made;
        });
        _ = Task.Run(Serve);
    }

    /// <summary>Names that it was asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    public void Dispose() => socket.Dispose();

    private async Task Serve()
    {
        var buffer = new byte[4096];
        while (true)
        {
            try
            {
                var got = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                var query = buffer[..got.ReceivedBytes];
                var name = DnsWire.NameOf(query);
                Asked.Enqueue(name);
                var found = names.GetValueOrDefault(name);
                await socket.SendToAsync(DnsWire.Answer(query, found, (byte)(found is null ? 3 : 0)), SocketFlags.None, got.RemoteEndPoint);
            }
            catch (SocketException)
            {
                // An ICMP error of an earlier answer; the next question is another matter.
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }
}
