using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ClientRole;

/// <summary>
/// The thinnest shell around a <see cref="ClientSession"/>: one socket, one thread, and numbered echo requests to the server's inner
/// address as traffic.
/// </summary>
internal sealed class ClientShell : IDisposable
{
    private const int Room = 4096;
    private static readonly TimeSpan EchoPace = TimeSpan.FromMilliseconds(20);
    private static readonly byte[] ServerInner = IPAddress.Parse(StockConfig.ServerInner).GetAddressBytes();

    private readonly ClientSession session;
    private readonly Socket socket;
    private readonly bool isStream;
    private readonly Thread thread;
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly Instant epoch = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private readonly DataKey[] keys = new DataKey[8];
    private readonly List<KeysReady> ready = [];
    private readonly HashSet<ushort> answered = [];
    private readonly List<string> notes = [];
    private readonly byte[] incoming = new byte[70_000];
    private int incomingLength;
    private int sendingKey = -1;
    private byte[] ownInner = [];
    private Instant nextEcho;
    private volatile bool stop;
    private volatile bool echoing = true;
    private volatile bool established;
    private int sent;
    private int renegotiated;
    private Exception? fault;

    public ClientShell(Namespace from, IPEndPoint server, bool isStream, Func<Instant, ClientSession> create)
    {
        this.isStream = isStream;
        session = create(epoch);
        socket = from.Run(() =>
        {
            var made = new Socket(server.AddressFamily, isStream ? SocketType.Stream : SocketType.Dgram, isStream ? ProtocolType.Tcp : ProtocolType.Udp);
            made.Connect(server);
            return made;
        });
        thread = new Thread(Loop) { IsBackground = true };
        thread.Start();
    }

    public PushOptions? Options { get; private set; }

    public DataFormat Format { get; private set; }

    public SessionEnded? Ended { get; private set; }

    public int Renegotiated => Volatile.Read(ref renegotiated);

    public int Sent => Volatile.Read(ref sent);

    public int Answered
    {
        get
        {
            lock (answered)
            {
                return answered.Count;
            }
        }
    }

    /// <summary>What happened, for the message of a failed test.</summary>
    public string Notes
    {
        get
        {
            lock (notes)
            {
                return string.Join('\n', notes);
            }
        }
    }

    public Task UntilEstablished(Func<string> serverLog, int seconds = 15) => Until(() => established, "established", serverLog, seconds);

    public Task UntilAnswered(int count, Func<string> serverLog, int seconds = 15) => Until(() => Answered >= count, $"{count} echoes", serverLog, seconds);

    public Task UntilRenegotiated(int times, Func<string> serverLog, int seconds = 40) =>
        Until(() => Renegotiated >= times, $"{times} renegotiations", serverLog, seconds);

    /// <summary>No more requests; waits for the late replies and says how many never came.</summary>
    public async Task<int> FinishAndCountLost()
    {
        echoing = false;
        await Task.Delay(100);
        for (var turn = 0; turn < 20 && Answered < Sent; turn++)
        {
            await Task.Delay(50);
        }

        return Sent - Answered;
    }

    public void Dispose()
    {
        stop = true;
        thread.Join();
        socket.Dispose();
        session.Dispose();
        foreach (var one in ready)
        {
            one.Keys.Dispose();
        }

        foreach (ref var key in keys.AsSpan())
        {
            key.Free();
        }
    }

    private async Task Until(Func<bool> condition, string what, Func<string> serverLog, int seconds)
    {
        try
        {
            await Eventually.True(() => condition() || Ended is not null || fault is not null, what, seconds);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{Notes}\n--- server\n{serverLog()}");
        }

        condition().ShouldBeTrue($"{what}: {Ended} {fault}\n{Notes}\n--- server\n{serverLog()}");
    }

    private Instant Now() => epoch + Stopwatch.GetElapsedTime(started);

    private void Loop()
    {
        try
        {
            while (!stop && !session.IsFinished)
            {
                Drain();
                if (socket.Poll(2000, SelectMode.SelectRead) && !Receive())
                {
                    Note("the server closed the connection");
                    return;
                }

                var now = Now();
                if (session.NextDeadline <= now)
                {
                    session.HandleTimeout(now);
                }

                if (echoing && sendingKey >= 0 && ownInner.Length > 0 && nextEcho <= now)
                {
                    nextEcho = now + EchoPace;
                    SendEcho();
                }
            }
        }
        catch (Exception e)
        {
            fault = e;
            Note(e.ToString());
        }
    }

    private bool Receive()
    {
        if (!isStream)
        {
            try
            {
                var count = socket.Receive(incoming);
                Handle(incoming.AsSpan(0, count));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                Note("port unreachable");
            }

            return true;
        }

        var read = socket.Receive(incoming.AsSpan(incomingLength));
        incomingLength += read;
        var position = 0;
        while (incomingLength - position >= 2)
        {
            var length = (incoming[position] << 8) | incoming[position + 1];
            if (incomingLength - position - 2 < length)
            {
                break;
            }

            Handle(incoming.AsSpan(position + 2, length));
            position += 2 + length;
        }

        incoming.AsSpan(position, incomingLength - position).CopyTo(incoming);
        incomingLength -= position;
        return read > 0;
    }

    private void Handle(Span<byte> packet)
    {
        if (packet.IsEmpty)
        {
            return;
        }

        var head = new PacketHead(packet[0]);
        if (!head.IsData)
        {
            var reason = session.HandlePacket(packet, Now());
            if (reason != DropReason.None)
            {
                Note($"control packet {head.Opcode}: {reason}");
            }

            Drain();
            return;
        }

        var opened = keys[head.KeyId].Open(packet, out var start, out var length);
        if (opened != DropReason.None)
        {
            Note($"data packet with key {head.KeyId}: {opened}");
            return;
        }

        if (InnerEcho.ReplySequence(packet.Slice(start, length)) is { } sequence)
        {
            lock (answered)
            {
                answered.Add(sequence);
            }
        }
    }

    private void Drain()
    {
        var now = Now();
        Span<byte> datagram = stackalloc byte[Room];
        while (session.TryDequeueTransmit(datagram, now, out var length))
        {
            Transmit(datagram[..length]);
        }

        while (session.TryDequeueEvent(out var happened))
        {
            Note(happened.ToString());
            switch (happened)
            {
                case KeysReady made:
                    ready.Add(made);
                    Format = made.Format;
                    if (made.IsFirst && !established)
                    {
                        break;
                    }

                    Use(made);
                    break;
                case Established configured:
                    Options = configured.Options;
                    ownInner = new byte[4];
                    IPAddress.Parse(configured.Options!.Ifconfig!.Value.Address.ToString()).GetAddressBytes().CopyTo(ownInner, 0);
                    foreach (var first in ready)
                    {
                        Use(first);
                    }

                    sendingKey = 0;
                    established = true;
                    break;
                case Renegotiated done:
                    sendingKey = done.KeyId;
                    Interlocked.Increment(ref renegotiated);
                    break;
                case SessionEnded ended:
                    Ended = ended;
                    break;
                default:
                    break;
            }
        }
    }

    private void Use(KeysReady made)
    {
        keys[made.KeyId].Free();
        keys[made.KeyId] = DataKey.Create(made.Keys, made.Format, isServer: false, made.KeyId, Options?.PeerId ?? 0);
    }

    private void SendEcho()
    {
        Span<byte> buffer = stackalloc byte[Room];
        var start = keys[sendingKey].Headroom;
        InnerEcho.WriteRequest(buffer[start..], ownInner, ServerInner, (ushort)sent);
        if (keys[sendingKey].Seal(buffer, start, InnerEcho.Length, out var sealedStart, out var sealedLength))
        {
            Interlocked.Increment(ref sent);
            Transmit(buffer.Slice(sealedStart, sealedLength));
        }
    }

    private void Transmit(ReadOnlySpan<byte> packet)
    {
        if (!isStream)
        {
            try
            {
                socket.Send(packet);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                Note("port unreachable");
            }

            return;
        }

        Span<byte> framed = stackalloc byte[Room + 2];
        StreamFramer.WriteLength(framed, packet.Length);
        packet.CopyTo(framed[2..]);
        socket.Send(framed[..(packet.Length + 2)]);
    }

    private void Note(string text)
    {
        lock (notes)
        {
            notes.Add(text);
        }
    }
}
