using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ServerRole;

/// <summary>
/// The thinnest shell around a <see cref="Door"/> and one <see cref="ServerSession"/> at a time: one socket, one thread, and answers to
/// echo requests at the inner address 10.8.0.1.
/// </summary>
internal sealed class ServerShell : IDisposable
{
    public const uint PeerId = 5;
    private const int Room = 4096;

    private readonly Door door;
    private readonly ICredentialDirectory directory;
    private readonly TlsContext tls;
    private readonly ServerSessionOptions options;
    private readonly Func<AuthenticationRequest, SessionGrant?> decide;
    private readonly bool isStream;
    private readonly Socket listener;
    private readonly Thread thread;
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly Instant epoch = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private readonly DataKey[] keys = new DataKey[8];
    private readonly List<KeyMaterial> materials = [];
    private readonly ConcurrentQueue<string> notes = new();
    private readonly byte[] incoming = new byte[70_000];
    private Socket? stream;
    private int incomingLength;
    private ServerSession? session;
    private EndPoint peer;
    private int sendingKey = -1;
    private volatile bool stop;
    private int renegotiated;

    public ServerShell(
        Namespace where, bool isStream, Door door, ICredentialDirectory directory, TlsContext tls, ServerSessionOptions options,
        Func<AuthenticationRequest, SessionGrant?> decide)
    {
        this.isStream = isStream;
        this.door = door;
        this.directory = directory;
        this.tls = tls;
        this.options = options with { IsStream = isStream };
        this.decide = decide;
        peer = new IPEndPoint(IPAddress.IPv6Any, 0);
        listener = where.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetworkV6, isStream ? SocketType.Stream : SocketType.Dgram, isStream ? ProtocolType.Tcp : ProtocolType.Udp);
            made.DualMode = true;
            made.Bind(new IPEndPoint(IPAddress.IPv6Any, StockConfig.Port));
            if (isStream)
            {
                made.Listen();
            }

            return made;
        });
        thread = new Thread(Loop) { IsBackground = true };
        thread.Start();
    }

    public int Renegotiated => Volatile.Read(ref renegotiated);

    public DataFormat Format { get; private set; }

    public SessionEnded? Ended { get; private set; }

    public string Notes => string.Join('\n', notes);

    public void Dispose()
    {
        stop = true;
        thread.Join();
        listener.Dispose();
        stream?.Dispose();
        session?.Dispose();
        materials.ForEach(material => material.Dispose());
        foreach (ref var key in keys.AsSpan())
        {
            key.Free();
        }
    }

    private Instant Now() => epoch + Stopwatch.GetElapsedTime(started);

    private void Loop()
    {
        try
        {
            while (!stop)
            {
                if (isStream && stream is null && listener.Poll(0, SelectMode.SelectRead))
                {
                    stream = listener.Accept();
                    peer = stream.RemoteEndPoint!;
                    incomingLength = 0;
                }

                Drain();
                var source = isStream ? stream : listener;
                if (source is null)
                {
                    listener.Poll(2000, SelectMode.SelectRead);
                }
                else if (source.Poll(2000, SelectMode.SelectRead))
                {
                    Receive(source);
                }

                if (session is { } live && live.NextDeadline <= Now())
                {
                    live.HandleTimeout(Now());
                }
            }
        }
        catch (Exception e)
        {
            notes.Enqueue(e.ToString());
        }
    }

    private void Receive(Socket source)
    {
        if (!isStream)
        {
            EndPoint from = new IPEndPoint(IPAddress.IPv6Any, 0);
            var length = source.ReceiveFrom(incoming, ref from);
            Handle(incoming.AsSpan(0, length), (IPEndPoint)from);
            return;
        }

        int read;
        try
        {
            read = source.Receive(incoming.AsSpan(incomingLength));
        }
        catch (SocketException)
        {
            read = 0;
        }

        if (read == 0)
        {
            notes.Enqueue("connection closed by the client");
            stream!.Dispose();
            stream = null;
            return;
        }

        incomingLength += read;
        var position = 0;
        while (incomingLength - position >= 2)
        {
            var length = (incoming[position] << 8) | incoming[position + 1];
            if (incomingLength - position - 2 < length)
            {
                break;
            }

            Handle(incoming.AsSpan(position + 2, length), (IPEndPoint)peer);
            position += 2 + length;
        }

        incoming.AsSpan(position, incomingLength - position).CopyTo(incoming);
        incomingLength -= position;
    }

    private void Handle(Span<byte> packet, IPEndPoint from)
    {
        var now = Now();
        if (packet.IsEmpty)
        {
            return;
        }

        var head = new PacketHead(packet[0]);
        if (head.IsData)
        {
            HandleData(packet, head.KeyId);
            return;
        }

        if (session is not null && !session.IsFinished)
        {
            var reason = session.HandlePacket(packet, now);
            Drain();
            if (reason == DropReason.None)
            {
                return;
            }

            notes.Enqueue($"session: {head.Opcode} {packet.Length}: {reason}");
        }

        Span<byte> reply = stackalloc byte[Room];
        var verdict = door.Handle(
            packet, new OuterAddress(IpAddress.From(from.Address), (ushort)from.Port), isStream, directory, now, reply, out var replyLength, out var admission);
        notes.Enqueue($"door: {head.Opcode} {packet.Length}: {verdict.Action} {verdict.Reason} {replyLength}");
        if (verdict.Action == DoorAction.Reply)
        {
            listener.SendTo(reply[..replyLength], from);
        }
        else if (verdict.Action == DoorAction.Admit)
        {
            peer = from;
            session?.Dispose();
            session = new ServerSession(options, tls, admission!, new SystemEntropy(), now);
            Drain();
        }
    }

    private void HandleData(Span<byte> packet, byte keyId)
    {
        var opened = keys[keyId].Open(packet, out var start, out var length);
        if (opened != DropReason.None)
        {
            notes.Enqueue($"data with key {keyId}: {opened}");
            return;
        }

        if (sendingKey < 0 || !InnerEcho.TryTurn(packet.Slice(start, length)))
        {
            return;
        }

        Span<byte> buffer = stackalloc byte[Room];
        ref var key = ref keys[sendingKey];
        packet.Slice(start, length).CopyTo(buffer[key.Headroom..]);
        if (key.Seal(buffer, key.Headroom, length, out var sealedStart, out var sealedLength))
        {
            Transmit(buffer.Slice(sealedStart, sealedLength));
        }
    }

    private void Drain()
    {
        if (session is not { } live)
        {
            return;
        }

        while (live.TryDequeueEvent(out var happened))
        {
            notes.Enqueue(happened.ToString());
            switch (happened)
            {
                case AuthenticationRequired asked:
                    if (decide(asked.Request) is { } grant)
                    {
                        live.Accept(grant, Now());
                    }
                    else
                    {
                        live.Reject(ControlMessage.AuthFailed("no"), "the test said no", Now());
                    }

                    break;
                case KeysReady made:
                    materials.Add(made.Keys);
                    keys[made.KeyId].Free();
                    keys[made.KeyId] = DataKey.Create(made.Keys, made.Format, isServer: true, made.KeyId, PeerId);
                    Format = made.Format;
                    sendingKey = made.IsFirst ? made.KeyId : sendingKey;
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

        Span<byte> datagram = stackalloc byte[Room];
        while (live.TryDequeueTransmit(datagram, Now(), out var length))
        {
            Transmit(datagram[..length]);
        }
    }

    private void Transmit(ReadOnlySpan<byte> packet)
    {
        if (!isStream)
        {
            listener.SendTo(packet, peer);
            return;
        }

        Span<byte> framed = stackalloc byte[Room + 2];
        StreamFramer.WriteLength(framed, packet.Length);
        packet.CopyTo(framed[2..]);
        try
        {
            stream?.Send(framed[..(packet.Length + 2)]);
        }
        catch (SocketException)
        {
            // The client has gone; the next read says so.
        }
    }
}
