using System.Buffers;
using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wire;

public enum FrameResult : byte
{
    /// <summary>One whole packet.</summary>
    Packet,

    /// <summary>The input is used up; read more from the connection.</summary>
    NeedMore,

    /// <summary>The stream is not OpenVPN's: what came was swallowed. Keep reading and answer nothing.</summary>
    Poisoned,

    /// <summary>Poisoned, and enough was swallowed: close the connection.</summary>
    Close,
}

/// <summary>
/// Cuts a TCP stream into packets: a big-endian uint16 length, which does not count itself, before each.
/// A server that closes at the first illegal length can be told apart from others by two bytes, so a stream that turned out illegal is
/// read on and swallowed for a random while ("OpenVPN is Open to VPN Fingerprinting", USENIX Security 2022).
/// Lives in one place: a copy would share its buffer. Holds a buffer only while a packet is incomplete.
/// </summary>
public struct StreamFramer(int maxPacket, int poisonedBytes)
{
    public const int LengthField = 2;

    private readonly int _maxPacket = maxPacket;
    private int _poisonedBytesLeft = poisonedBytes;
    private byte[]? _partial;
    private int _partialLength;
    private bool _partialIsDelivered;

    public bool IsPoisoned { get; private set; }

    /// <summary>A framer that swallows a random number of bytes once poisoned.</summary>
    public static StreamFramer Create(IEntropy entropy)
    {
        Span<byte> random = stackalloc byte[2];
        entropy.Fill(random);
        var extra = BinaryPrimitives.ReadUInt16BigEndian(random) % OpenVpnLimits.MinPoisonedBytes;
        return new StreamFramer(OpenVpnLimits.MaxStreamPacket, OpenVpnLimits.MinPoisonedBytes + extra);
    }

    /// <summary>Writes the length field that goes before a packet.</summary>
    public static void WriteLength(Span<byte> field, int packetLength) =>
        BinaryPrimitives.WriteUInt16BigEndian(field, checked((ushort)packetLength));

    /// <summary>
    /// Takes bytes from the front of <paramref name="received"/> up to the end of the next packet. The packet lies in the input where it was
    /// whole there, otherwise in the framer's own buffer; it may be changed in place and is valid until the next call.
    /// </summary>
    public FrameResult TryRead(ref Span<byte> received, out Span<byte> packet)
    {
        packet = default;
        ReleaseDelivered();
        if (IsPoisoned)
        {
            return Swallow(ref received);
        }

        if (_partial is not null)
        {
            return Continue(ref received, out packet);
        }

        if (received.Length < LengthField)
        {
            return Keep(ref received);
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(received);
        if (!IsLegal(length))
        {
            Poison();
            return Swallow(ref received);
        }

        if (received.Length < LengthField + length)
        {
            return Keep(ref received);
        }

        packet = received.Slice(LengthField, length);
        received = received[(LengthField + length)..];
        return FrameResult.Packet;
    }

    /// <summary>From here on everything is swallowed. For the caller whose packet did not verify.</summary>
    public void Poison()
    {
        IsPoisoned = true;
        Release();
    }

    /// <summary>Gives the buffer back. The framer may be used on as if at the start of a packet.</summary>
    public void Release()
    {
        if (_partial is not null)
        {
            ArrayPool<byte>.Shared.Return(_partial);
        }

        _partial = null;
        _partialLength = 0;
        _partialIsDelivered = false;
    }

    private readonly bool IsLegal(int length) => length >= 1 && length <= _maxPacket;

    private FrameResult Keep(ref Span<byte> received)
    {
        if (!received.IsEmpty)
        {
            _partial = ArrayPool<byte>.Shared.Rent(LengthField + _maxPacket);
            received.CopyTo(_partial);
            _partialLength = received.Length;
            received = default;
        }

        return FrameResult.NeedMore;
    }

    private FrameResult Continue(ref Span<byte> received, out Span<byte> packet)
    {
        packet = default;
        if (!Fill(ref received, LengthField))
        {
            return FrameResult.NeedMore;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(_partial);
        if (!IsLegal(length))
        {
            Poison();
            return Swallow(ref received);
        }

        if (!Fill(ref received, LengthField + length))
        {
            return FrameResult.NeedMore;
        }

        packet = _partial.AsSpan(LengthField, length);
        _partialIsDelivered = true;
        return FrameResult.Packet;
    }

    private bool Fill(ref Span<byte> received, int wanted)
    {
        var count = Math.Clamp(wanted - _partialLength, 0, received.Length);
        received[..count].CopyTo(_partial.AsSpan(_partialLength));
        _partialLength += count;
        received = received[count..];
        return _partialLength >= wanted;
    }

    private FrameResult Swallow(ref Span<byte> received)
    {
        _poisonedBytesLeft = Math.Max(0, _poisonedBytesLeft - received.Length);
        received = default;
        return _poisonedBytesLeft == 0 ? FrameResult.Close : FrameResult.Poisoned;
    }

    private void ReleaseDelivered()
    {
        if (_partialIsDelivered)
        {
            Release();
        }
    }
}
