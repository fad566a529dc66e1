using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// The other end of a session on a wire that loses nothing, with valid keys and no manners: it says inside TLS whatever it is given. Without wrapping.
/// </summary>
internal sealed class RawPeer(bool isServer, Instant now) : IDisposable
{
    private const int ChunkLength = 1000;

    /// <summary>Packets one way and the other, of a handshake and everything after it.</summary>
    private const int TurnsMax = 500;

    public static readonly SessionId Id = new(0x0102_0304_0506_0708);

    private readonly TlsPump _tls = new(isServer ? FuzzPki.Server : FuzzPki.Client, now);
    private readonly List<uint> _acks = [];
    private SessionId _other;
    private uint _nextToSend;
    private uint _nextToReceive;

    /// <summary>The records that the session wrote inside TLS.</summary>
    public List<byte[]> Heard { get; } = [];

    public bool IsHandshakeDone => _tls.IsHandshakeDone;

    /// <summary>Our reset, for the door.</summary>
    public byte[] Reset() => Packet(Opcode.HardResetClientV2, _nextToSend++, []);

    public void Say(ReadOnlySpan<byte> plaintext)
    {
        if (_tls.IsHandshakeDone && !plaintext.IsEmpty)
        {
            _tls.Write(plaintext);
        }
    }

    /// <summary>Hands packets to and fro until both have nothing to say.</summary>
    public void Converse(Session session, Instant at, Probe probe)
    {
        Span<byte> datagram = stackalloc byte[2048];
        for (var turn = 0; ; turn++)
        {
            var moved = false;
            while (session.TryDequeueTransmit(datagram, at, out var length))
            {
                moved = true;
                probe.That(++turn < TurnsMax, "the session falls silent sooner or later");
                Receive(datagram[..length], probe);
            }

            Pump();
            foreach (var packet in Answer())
            {
                moved = true;
                probe.Reach((long)session.HandlePacket(packet, at));
            }

            probe.That(turn < TurnsMax, "the conversation ends");
            if (!moved)
            {
                return;
            }
        }
    }

    public void Dispose() => _tls.Dispose();

    private void Receive(ReadOnlySpan<byte> datagram, Probe probe)
    {
        probe.That(ControlPacket.TryParse(datagram, out var packet), "what a session sends is a control packet");
        _other = packet.Sender;
        if (!packet.HasMessageId || packet.KeyId != 0)
        {
            return;
        }

        _acks.Add(packet.MessageId);
        if (packet.MessageId != _nextToReceive)
        {
            return;
        }

        _nextToReceive++;
        if (packet.Opcode is Opcode.ControlV1 or Opcode.ControlWkcV1)
        {
            _tls.Feed(packet.Payload);
        }
    }

    private void Pump()
    {
        if (_nextToReceive == 0)
        {
            return;
        }

        if (!_tls.IsHandshakeDone && _tls.Handshake() != TlsStatus.Done)
        {
            return;
        }

        Span<byte> plaintext = stackalloc byte[4096];
        while (_tls.Read(plaintext, out var count) == TlsStatus.Done && count > 0)
        {
            Heard.Add(plaintext[..count].ToArray());
        }
    }

    private List<byte[]> Answer()
    {
        var packets = new List<byte[]>();
        if (isServer && _nextToReceive > 0 && _nextToSend == 0)
        {
            packets.Add(Packet(Opcode.HardResetServerV2, _nextToSend++, []));
        }

        var chunk = new byte[ChunkLength];
        while (_nextToReceive > 0 && _tls.PendingOutput > 0)
        {
            var length = _tls.Drain(chunk);
            packets.Add(Packet(Opcode.ControlV1, _nextToSend++, chunk.AsSpan(0, length)));
        }

        while (_acks.Count > 0)
        {
            packets.Add(Packet(Opcode.AckV1, null, []));
        }

        return packets;
    }

    private byte[] Packet(Opcode opcode, uint? messageId, ReadOnlySpan<byte> payload)
    {
        var count = Math.Min(_acks.Count, OpenVpnLimits.MaxPiggybackedAcks);
        uint[] acks = [.. _acks[..count]];
        _acks.RemoveRange(0, count);
        var packet = new byte[OpenVpnLimits.MaxControlPacket];
        return packet[..ControlPacket.Write(packet, opcode, 0, Id, acks, _other, messageId, payload)];
    }
}
