using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>Numbered ICMP echo requests at a steady pace from inside a namespace.</summary>
public sealed class Pinger : IAsyncDisposable
{
    private readonly Socket socket;
    private readonly CancellationTokenSource stop = new();
    private readonly Lock gate = new();
    private readonly HashSet<int> seen = [];
    private readonly bool v6;
    private readonly TimeSpan pace;
    private readonly Task sending;
    private readonly Task receiving;
    private int sent;
    private int duplicated;

    public Pinger(Namespace from, IPAddress to, int paceMs = 50)
    {
        v6 = to.AddressFamily == AddressFamily.InterNetworkV6;
        pace = TimeSpan.FromMilliseconds(paceMs);
        socket = from.Run(() =>
        {
            // The kernel's own "ping socket": it sets the identifier and the checksum, and hands up only our replies.
            File.WriteAllText("/proc/sys/net/ipv4/ping_group_range", "0\t2147483647");
            var made = new Socket(to.AddressFamily, SocketType.Dgram, v6 ? ProtocolType.IcmpV6 : ProtocolType.Icmp);
            made.Connect(new IPEndPoint(to, 0));
            return made;
        });
        sending = Task.Run(Send);
        receiving = Task.Run(Receive);
    }

    public int Received
    {
        get
        {
            lock (gate)
            {
                return seen.Count;
            }
        }
    }

    /// <summary>One request; whether the reply came within the limit.</summary>
    public static async Task<bool> Once(Namespace from, IPAddress to, int limitMs = 2000)
    {
        await using var pinger = new Pinger(from, to, paceMs: limitMs);
        for (var waited = 0; waited < limitMs; waited += 20)
        {
            if (pinger.Received > 0)
            {
                return true;
            }

            await Task.Delay(20);
        }

        return false;
    }

    public async Task<DatagramTally> Finish(int drainMs = 1000)
    {
        await stop.CancelAsync();
        await sending;
        for (var waited = 0; waited < drainMs && Received < sent; waited += 50)
        {
            await Task.Delay(50);
        }

        lock (gate)
        {
            var lost = Enumerable.Range(0, sent).Where(number => !seen.Contains(number)).ToArray();
            return new DatagramTally(sent, lost.Length, duplicated, 0, lost[..Math.Min(20, lost.Length)]);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await sending;
        socket.Dispose();
        await receiving;
        stop.Dispose();
    }

    private async Task Send()
    {
        // RFC 792, RFC 4443 §4.1: type, code, checksum, identifier, sequence.
        var request = new byte[64];
        request[0] = (byte)(v6 ? 128 : 8);
        try
        {
            while (!stop.IsCancellationRequested)
            {
                BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), (ushort)sent);
                try
                {
                    await socket.SendAsync(request, SocketFlags.None, CancellationToken.None);
                }
                catch (SocketException)
                {
                }

                sent++;
                await Task.Delay(pace, stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task Receive()
    {
        var buffer = new byte[2048];
        while (true)
        {
            try
            {
                var count = await socket.ReceiveAsync(buffer, SocketFlags.None);
                if (count < 8 || buffer[0] != (v6 ? 129 : 0))
                {
                    continue;
                }

                lock (gate)
                {
                    if (!seen.Add(BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(6))))
                    {
                        duplicated++;
                    }
                }
            }
            catch (SocketException e) when (e.SocketErrorCode != SocketError.OperationAborted)
            {
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }
}
