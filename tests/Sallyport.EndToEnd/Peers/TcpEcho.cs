using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>An application inside a namespace that sends back every byte.</summary>
public sealed class TcpEcho : IDisposable
{
    private readonly Socket listener;
    private int accepted;

    public TcpEcho(Namespace where, IPAddress address, int port)
    {
        listener = where.Run(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(64);
            return socket;
        });
        _ = Task.Run(Accept);
    }

    /// <summary>Connections that reached it.</summary>
    public int Accepted => Volatile.Read(ref accepted);

    public void Dispose() => listener.Dispose();

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var connection = await listener.AcceptAsync();
                Interlocked.Increment(ref accepted);
                _ = Serve(connection);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private static async Task Serve(Socket connection)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            using (connection)
            {
                connection.NoDelay = true;
                while (true)
                {
                    var count = await connection.ReceiveAsync(buffer);
                    if (count == 0)
                    {
                        return;
                    }

                    await SendAll(connection, buffer.AsMemory(0, count));
                }
            }
        }
        catch (SocketException)
        {
        }
    }

    private static async Task SendAll(Socket connection, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await connection.SendAsync(bytes)..];
        }
    }
}
