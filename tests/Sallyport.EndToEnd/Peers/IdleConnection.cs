using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>A TCP connection to a <see cref="TcpEcho"/> on which nobody speaks until it is asked whether it is still there.</summary>
public sealed class IdleConnection : IDisposable
{
    private static readonly byte[] OneByte = [42];
    private readonly Socket socket;

    private IdleConnection(Socket socket)
    {
        this.socket = socket;
    }

    public static async Task<IdleConnection> Open(Namespace from, IPAddress to, int port)
    {
        var socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await socket.ConnectAsync(new IPEndPoint(to, port), limit.Token);
        socket.NoDelay = true;
        var made = new IdleConnection(socket);
        (await made.Ask(10_000)).ShouldBe("answered");
        return made;
    }

    /// <summary>Sends one byte: "answered", the name of the error, or "silence".</summary>
    public async Task<string> Ask(int limitMs)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(limitMs));
        try
        {
            await socket.SendAsync(OneByte, SocketFlags.None, limit.Token);
            return await socket.ReceiveAsync(new byte[1], SocketFlags.None, limit.Token) == 1 ? "answered" : "closed";
        }
        catch (OperationCanceledException)
        {
            return "silence";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
    }

    /// <summary>Waits in silence: the name of the error that ends it, or "silence".</summary>
    public async Task<string> Listen(int limitMs)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(limitMs));
        try
        {
            return await socket.ReceiveAsync(new byte[1], SocketFlags.None, limit.Token) == 0 ? "closed" : "data";
        }
        catch (OperationCanceledException)
        {
            return "silence";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
    }

    public void Dispose() => socket.Dispose();
}
