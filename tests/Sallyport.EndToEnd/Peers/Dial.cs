using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

public enum DialOutcome
{
    Connected,
    Refused,

    /// <summary>An ICMP error: administratively prohibited, host or network unreachable.</summary>
    Unreachable,
    TimedOut,
    OtherError,
}

/// <summary>How an attempt to reach something ended, and after what time.</summary>
public sealed record DialResult(DialOutcome Outcome, TimeSpan After, string Detail = "")
{
    /// <summary>The network answered "no" at once, where a packet that vanishes would have cost seconds.</summary>
    public bool DeniedAtOnce => Outcome is DialOutcome.Refused or DialOutcome.Unreachable && After < TimeSpan.FromSeconds(2);
}

/// <summary>Attempts from inside a namespace.</summary>
public static class Dial
{
    /// <summary>Connects and, where that works, sends a line and awaits it back.</summary>
    /// <param name="source">An address to send from; null: what the route says.</param>
    public static async Task<DialResult> Tcp(Namespace from, IPAddress to, int port, int limitSeconds = 5, IPAddress? source = null)
    {
        using var socket = from.Run(() =>
        {
            var made = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (source is not null)
            {
                made.Bind(new IPEndPoint(source, 0));
            }

            return made;
        });
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(limitSeconds));
        var watch = Stopwatch.StartNew();
        try
        {
            await socket.ConnectAsync(new IPEndPoint(to, port), limit.Token);
            var sent = "hello\n"u8.ToArray();
            await socket.SendAsync(sent, SocketFlags.None, limit.Token);
            var answer = new byte[sent.Length];
            var count = await socket.ReceiveAsync(answer, SocketFlags.None, limit.Token);
            return count > 0
                ? new DialResult(DialOutcome.Connected, watch.Elapsed)
                : new DialResult(DialOutcome.OtherError, watch.Elapsed, "closed without an answer");
        }
        catch (OperationCanceledException)
        {
            return new DialResult(DialOutcome.TimedOut, watch.Elapsed);
        }
        catch (SocketException e)
        {
            return new DialResult(Classify(e.SocketErrorCode), watch.Elapsed, e.SocketErrorCode.ToString());
        }
    }

    /// <summary>Sends one datagram and awaits it back.</summary>
    public static async Task<DialResult> Udp(Namespace from, IPAddress to, int port, int limitSeconds = 2)
    {
        using var socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(limitSeconds));
        var watch = Stopwatch.StartNew();
        try
        {
            await socket.ConnectAsync(new IPEndPoint(to, port), limit.Token);
            await socket.SendAsync("hello"u8.ToArray(), SocketFlags.None, limit.Token);
            await socket.ReceiveAsync(new byte[100], SocketFlags.None, limit.Token);
            return new DialResult(DialOutcome.Connected, watch.Elapsed);
        }
        catch (OperationCanceledException)
        {
            return new DialResult(DialOutcome.TimedOut, watch.Elapsed);
        }
        catch (SocketException e)
        {
            return new DialResult(Classify(e.SocketErrorCode), watch.Elapsed, e.SocketErrorCode.ToString());
        }
    }

    private static DialOutcome Classify(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => DialOutcome.Refused,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.AccessDenied => DialOutcome.Unreachable,
        SocketError.TimedOut => DialOutcome.TimedOut,
        _ => DialOutcome.OtherError,
    };
}
