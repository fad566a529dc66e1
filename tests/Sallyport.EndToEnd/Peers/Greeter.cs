using System.Net;
using System.Net.Sockets;
using System.Text;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>Tells whoever connects its own name and what it sees him as, then sends back every byte.</summary>
public sealed class Greeter : IDisposable
{
    private readonly Socket listener;

    public Greeter(Namespace where, IPAddress address, int port, string name)
    {
        listener = where.Run(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(64);
            return socket;
        });
        _ = Task.Run(() => Accept(name));
    }

    /// <summary>The port of who came last, as he is seen here.</summary>
    public int LastPort { get; private set; }

    /// <summary>"east, you are 198.19.0.10".</summary>
    public static async Task<string> Ask(Namespace from, IPAddress to, int port)
    {
        using var socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await socket.ConnectAsync(new IPEndPoint(to, port), limit.Token);
        var answer = new byte[200];
        return Encoding.ASCII.GetString(answer, 0, await socket.ReceiveAsync(answer, SocketFlags.None, limit.Token));
    }

    public void Dispose() => listener.Dispose();

    private async Task Accept(string name)
    {
        try
        {
            while (true)
            {
                using var connection = await listener.AcceptAsync();
                LastPort = ((IPEndPoint)connection.RemoteEndPoint!).Port;
                await connection.SendAsync(Encoding.ASCII.GetBytes($"{name}, you are {((IPEndPoint)connection.RemoteEndPoint!).Address}"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }
}
