using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Peers;

/// <summary>What became of numbered datagrams.</summary>
public sealed record DatagramTally(int Sent, int Lost, int Duplicated, int Reordered, IReadOnlyList<int> FirstLost)
{
    public override string ToString() =>
        $"{Sent} sent, {Lost} lost{(Lost > 0 ? " (" + string.Join(' ', FirstLost) + ")" : "")}, {Duplicated} duplicated, {Reordered} reordered";
}

/// <summary>Numbered datagrams to a <see cref="UdpEcho"/> at a steady pace, counted when they come back.</summary>
public sealed class UdpStream : IAsyncDisposable
{
    private readonly Socket socket;
    private readonly CancellationTokenSource stop = new();
    private readonly int size;
    private readonly TimeSpan pace;
    private readonly Lock gate = new();
    private readonly HashSet<int> seen = [];
    private readonly Task sending;
    private readonly Task receiving;
    private int sent;
    private int duplicated;
    private int reordered;
    private int highest = -1;

    public UdpStream(Namespace from, IPAddress to, int port, int size = 200, int paceMs = 5)
    {
        this.size = size;
        pace = TimeSpan.FromMilliseconds(paceMs);
        socket = from.Run(() =>
        {
            var made = new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            made.Connect(new IPEndPoint(to, port));
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

    /// <summary>Stops sending, waits for the late ones and counts.</summary>
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
            return new DatagramTally(sent, lost.Length, duplicated, reordered, lost[..Math.Min(20, lost.Length)]);
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
        var datagram = new byte[size];
        try
        {
            while (!stop.IsCancellationRequested)
            {
                BinaryPrimitives.WriteInt32BigEndian(datagram, sent);
                try
                {
                    await socket.SendAsync(datagram, SocketFlags.None, CancellationToken.None);
                }
                catch (SocketException)
                {
                    // An ICMP answer to an earlier one: that number counts as lost.
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
        var buffer = new byte[64 * 1024];
        while (true)
        {
            try
            {
                var count = await socket.ReceiveAsync(buffer, SocketFlags.None);
                if (count >= 4)
                {
                    Note(BinaryPrimitives.ReadInt32BigEndian(buffer));
                }
            }
            catch (SocketException e) when (e.SocketErrorCode != SocketError.OperationAborted)
            {
                // As above.
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private void Note(int number)
    {
        lock (gate)
        {
            if (!seen.Add(number))
            {
                duplicated++;
            }

            if (number < highest)
            {
                reordered++;
            }

            highest = Math.Max(highest, number);
        }
    }
}
