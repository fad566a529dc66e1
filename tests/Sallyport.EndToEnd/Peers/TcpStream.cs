using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>
/// One long TCP conversation with a <see cref="TcpEcho"/>: a paced stream of numbered bytes, each checked when it comes back.
/// </summary>
public sealed class TcpStream : IAsyncDisposable
{
    private readonly Socket socket;
    private readonly CancellationTokenSource stop = new();
    private readonly Task sending;
    private readonly Task receiving;
    private readonly int chunkBytes;
    private readonly TimeSpan pace;
    private long echoed;
    private long lastProgress;
    private string? fault;

    private TcpStream(Socket socket, int chunkBytes, TimeSpan pace)
    {
        this.socket = socket;
        this.chunkBytes = chunkBytes;
        this.pace = pace;
        lastProgress = Stopwatch.GetTimestamp();
        sending = Task.Run(Send);
        receiving = Task.Run(Receive);
    }

    /// <summary>Bytes that made the way there and back, in order and unharmed.</summary>
    public long Echoed => Interlocked.Read(ref echoed);

    /// <summary>Null while the connection lives; else what ended it.</summary>
    public string? Fault => Volatile.Read(ref fault);

    public TimeSpan SinceProgress => Stopwatch.GetElapsedTime(Interlocked.Read(ref lastProgress));

    /// <summary>When the last bytes came back, by the wall clock.</summary>
    public DateTimeOffset LastProgressAt => DateTimeOffset.UtcNow - SinceProgress;

    public static async Task<TcpStream> Open(Namespace from, IPAddress to, int port, int chunkBytes = 1000, int paceMs = 10)
    {
        var socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await socket.ConnectAsync(new IPEndPoint(to, port), limit.Token);
        socket.NoDelay = true;
        return new TcpStream(socket, chunkBytes, TimeSpan.FromMilliseconds(paceMs));
    }

    /// <summary>Waits until <paramref name="bytes"/> more came back.</summary>
    public async Task Progress(long bytes, int seconds = 20)
    {
        var goal = Echoed + bytes;
        await Eventually.True(() => Echoed >= goal || Fault is not null, $"{bytes} more bytes over TCP (at {Echoed})", seconds);
        Fault.ShouldBeNull();
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        socket.Dispose();
        await Task.WhenAll(sending, receiving);
        stop.Dispose();
    }

    /// <summary>The byte at a place of the stream; its period (251, a prime) is no divisor of a segment or a buffer.</summary>
    private static byte At(long position) => (byte)(position % 251);

    private async Task Send()
    {
        var chunk = new byte[chunkBytes];
        var position = 0L;
        try
        {
            while (!stop.IsCancellationRequested)
            {
                for (var i = 0; i < chunk.Length; i++)
                {
                    chunk[i] = At(position + i);
                }

                var rest = chunk.AsMemory();
                while (!rest.IsEmpty)
                {
                    rest = rest[await socket.SendAsync(rest, SocketFlags.None, stop.Token)..];
                }

                position += chunk.Length;
                await Task.Delay(pace, stop.Token);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Note(e);
        }
    }

    private async Task Receive()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var count = await socket.ReceiveAsync(buffer, SocketFlags.None, stop.Token);
                if (count == 0)
                {
                    // A reset is told once, to whichever call comes first (sk_err): where the sender took it, the receiver sees an end like any other.
                    await Task.WhenAny(sending, Task.Delay(TimeSpan.FromMilliseconds(500)));
                    Interlocked.CompareExchange(ref fault, "closed by the other end", null);
                    return;
                }

                for (var i = 0; i < count; i++)
                {
                    if (buffer[i] != At(echoed + i))
                    {
                        Interlocked.CompareExchange(ref fault, $"wrong byte at {echoed + i}", null);
                        return;
                    }
                }

                Interlocked.Add(ref echoed, count);
                Interlocked.Exchange(ref lastProgress, Stopwatch.GetTimestamp());
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Note(e);
        }
    }

    private void Note(Exception e)
    {
        if (!stop.IsCancellationRequested)
        {
            Interlocked.CompareExchange(ref fault, e is SocketException socketFault ? socketFault.SocketErrorCode.ToString() : e.Message, null);
        }
    }
}
