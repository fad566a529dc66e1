using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Esp;

/// <summary>
/// A pair of SAs (RFC 4303): what comes under our SPI and what leaves under the peer's. Lives in arrays and is used by reference; the default
/// value holds no key. Packets are sealed and opened in place and nothing is allocated. Whoever holds the array calls <see cref="Free"/> once. Not for
/// two threads at a time.
/// <code>
/// AEAD: SPI 4 | sequence 4 | IV 8  | E(packet | TFC | 1, 2, 3 .. | count | next header) | tag 16      nonce = salt 4 | IV; IV = sequence number
/// CBC:  SPI 4 | sequence 4 | IV 16 | E(packet | TFC | 1, 2, 3 .. | count | next header) | tag         HMAC over all before it
/// GMAC: SPI 4 | sequence 4 | IV 8  |   packet | TFC | 1, 2, 3 .. | count | next header  | tag 16
/// </code>
/// With extended sequence numbers the upper half is authenticated, not sent.
/// </summary>
public struct EspSa
{
    private const int HeadLength = 8;
    private const int SequenceAt = 4;
    private const int AeadIvLength = 8;

    /// <summary>Pad length and next header.</summary>
    private const int TrailerLength = 2;

    private const byte InnerV4 = 4;
    private const byte InnerV6 = 41;
    private const byte NoNextHeader = 59;

    private AeadContext _sealing;
    private AeadContext _opening;
    private GmacContext _sealingGmac;
    private GmacContext _openingGmac;
    private uint _sealingSalt;
    private uint _openingSalt;

    private CbcContext _encrypting;
    private CbcContext _decrypting;
    private CbcContext _ivs;
    private HmacContext _sealingMac;
    private HmacContext _openingMac;

    private EspSuite _suite;
    private EspMode _mode;
    private byte _ivLength;
    private byte _tagLength;
    private byte _alignment;
    private ushort _padTo;
    private EspEnds _ends;
    private EspLifetime _lifetime;

    private ulong _lastSent;
    private ulong _sealedBlocks;
    private ulong _openedBlocks;
    private ReplayWindow _window;

    public readonly bool Exists => InboundSpi != 0;

    public readonly EspSuite Suite => _suite;

    public readonly EspMode Mode => _mode;

    /// <summary>Ours: what comes carries it.</summary>
    public uint InboundSpi { get; private set; }

    /// <summary>The peer's: what we send carries it.</summary>
    public uint OutboundSpi { get; private set; }

    /// <summary>Bytes that <see cref="Seal"/> needs before the inner packet: at most <see cref="EspLimits.HeadroomMax"/>.</summary>
    public readonly int Headroom => HeadLength + _ivLength;

    /// <summary>Bytes that <see cref="Open(Span{byte}, int, int, out int, out int)"/> needs before a packet: none in tunnel mode.</summary>
    public readonly int OpeningHeadroom =>
        _mode == EspMode.Tunnel ? 0 : Math.Max((_ends.Local.IsV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength) - Headroom, 0);

    /// <summary>The sequence number of the last packet sealed.</summary>
    public readonly ulong SealedPackets => _lastSent;

    public ulong SealedBytes { get; private set; }

    /// <summary>Genuine and fresh packets, and the bytes of the packets inside.</summary>
    public ulong OpenedPackets { get; private set; }

    public ulong OpenedBytes { get; private set; }

    public ulong BadTags { get; private set; }

    public ulong Replays { get; private set; }

    /// <summary>The highest sequence number that came in a genuine packet: a packet that raises it is the newest of the peer's.</summary>
    public readonly ulong HighestOpened => _window.Highest;

    /// <summary>True once either direction nears a limit: time to negotiate the next SA.</summary>
    public readonly bool NeedsRekey =>
        _lifetime.IsSoftOver(SealedBytes, _lastSent)
        || _lifetime.IsSoftOver(OpenedBytes, OpenedPackets)
        || (!_suite.ExtendedSequence && Math.Max(_lastSent, _window.Highest) >= EspLimits.RekeyFromSequence)
        || BadTags >= EspLimits.BadTagsRekey
        || (HasBlockLimit
            && Math.Max(_sealedBlocks + _lastSent, _openedBlocks + OpenedPackets) >= EspLimits.GcmBlocksRekey);

    /// <param name="inboundSpi">Allotted by us.</param>
    /// <param name="outboundSpi">Allotted by the peer.</param>
    /// <param name="inboundKeymat"><see cref="EspSuite.KeyLength"/> bytes: cipher key, salt, integrity key.</param>
    /// <param name="ends">For transport mode.</param>
    /// <param name="padTo">The least payload that is sent, so that lengths tell less (TFC, RFC 4303 section 2.7); 0 to leave packets as long as they are. Tunnel mode only.</param>
    public static EspSa Create(
        EspSuite suite, EspMode mode, uint inboundSpi, uint outboundSpi, ReadOnlySpan<byte> inboundKeymat, ReadOnlySpan<byte> outboundKeymat,
        EspLifetime lifetime = default, EspEnds ends = default, ushort padTo = 0)
    {
        Invariant.Check(inboundSpi > EspLimits.ReservedSpis && outboundSpi > EspLimits.ReservedSpis, "SPIs up to 255 are reserved");
        Invariant.Check(inboundKeymat.Length == suite.KeyLength && outboundKeymat.Length == suite.KeyLength, "key material has the length of its suite");
        Invariant.Check(mode == EspMode.Tunnel || (ends.Local.IsV4 == ends.Remote.IsV4 && padTo == 0), "transport mode has two addresses of one family and no TFC padding");
        var sa = new EspSa
        {
            _suite = suite,
            _mode = mode,
            InboundSpi = inboundSpi,
            OutboundSpi = outboundSpi,
            _ivLength = (byte)(suite.IsCbc ? CbcContext.BlockLength : AeadIvLength),
            _tagLength = (byte)suite.TagLength,
            _alignment = (byte)suite.Alignment,
            _padTo = padTo,
            _ends = ends,
            _lifetime = lifetime,
        };
        if (suite.IsCbc)
        {
            sa.SetCbcKeys(inboundKeymat, outboundKeymat);
        }
        else
        {
            sa.SetAeadKeys(inboundKeymat, outboundKeymat);
        }

        return sa;
    }

    /// <summary>Bytes that <see cref="Seal"/> needs behind an inner packet of this length.</summary>
    public readonly int Tailroom(int length)
    {
        if (_mode == EspMode.Transport)
        {
            // What is sealed is shorter, by a header that nobody has looked at yet.
            return _alignment - 1 + TrailerLength + _tagLength;
        }

        var payload = Math.Max(length, _padTo);
        return payload - length + Padding(payload) + TrailerLength + _tagLength;
    }

    /// <summary>
    /// Seals the IP packet buffer[start..start+length) in place; in transport mode what it carries. False where there is no key or it is worn
    /// out; the buffer is then untouched. The caller holds the packet against the SA's selectors before.
    /// </summary>
    /// <param name="start">At least <see cref="Headroom"/>; as many bytes after the packet as <see cref="Tailroom"/>.</param>
    public bool Seal(Span<byte> buffer, int start, int length, out int sealedStart, out int sealedLength)
    {
        sealedStart = 0;
        sealedLength = 0;
        if (!MaySeal())
        {
            return false;
        }

        Invariant.Check(
            length > 0 && start >= Headroom && start + length + Tailroom(length) <= buffer.Length,
            "a packet to seal has room before and after it");
        var nextHeader = buffer[start] >> 4 == 6 ? InnerV6 : InnerV4;
        if (_mode == EspMode.Transport && !TryTakeHeaderOff(buffer, ref start, ref length, out nextHeader))
        {
            return false;
        }

        var payload = Math.Max(length, _padTo);
        var padding = Padding(payload);
        var text = payload + padding + TrailerLength;
        var blocks = Blocks(text);
        if (HasBlockLimit && _sealedBlocks + blocks + _lastSent + 1 > EspLimits.GcmBlocksMax)
        {
            return false;
        }

        if (_mode == EspMode.Transport && _ends.PathLocal != default)
        {
            CarryOver(buffer.Slice(start, length), nextHeader);
        }

        _lastSent++;
        _sealedBlocks += blocks;
        SealedBytes += (ulong)length;
        buffer.Slice(start + length, payload - length).Clear();
        PadBytes[..padding].CopyTo(buffer[(start + payload)..]);
        buffer[start + text - 2] = (byte)padding;
        buffer[start + text - 1] = nextHeader;

        sealedStart = start - Headroom;
        sealedLength = Headroom + text + _tagLength;
        var packet = buffer.Slice(sealedStart, sealedLength);
        BinaryPrimitives.WriteUInt32BigEndian(packet, OutboundSpi);
        BinaryPrimitives.WriteUInt32BigEndian(packet[SequenceAt..], (uint)_lastSent);
        if (_suite.IsCbc)
        {
            SealCbc(packet);
        }
        else
        {
            SealAead(packet);
        }

        return true;
    }

    /// <summary>The same for a packet that lies in a buffer of its own; not for transport mode, which needs room before it.</summary>
    public DropReason Open(Span<byte> packet, out int innerStart, out int innerLength) =>
        Open(packet, 0, packet.Length, out innerStart, out innerLength);

    /// <summary>
    /// Opens a whole ESP packet, SPI first, in place, and says where the inner IP packet lies in the buffer. What the window has seen costs no more
    /// than that look (RFC 4303 section 3.4.3); only a packet whose tag is genuine changes anything but a count. After any other answer than
    /// None the bytes mean nothing. Where it is None, there is an IP packet of the version and length that its header says.
    /// </summary>
    /// <param name="start">At least <see cref="OpeningHeadroom"/>.</param>
    public DropReason Open(Span<byte> buffer, int start, int length, out int innerStart, out int innerLength)
    {
        innerStart = 0;
        innerLength = 0;
        if (!Exists)
        {
            return DropReason.UnknownKey;
        }

        Invariant.Check(start >= OpeningHeadroom, "a packet to open has room before it");
        var packet = buffer.Slice(start, length);
        var text = length - Headroom - _tagLength;
        if (text < TrailerLength)
        {
            return DropReason.TooShort;
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(packet) != InboundSpi)
        {
            return DropReason.UnknownSpi;
        }

        if (BadTags >= EspLimits.BadTagsMax || _lifetime.IsHardOver(OpenedBytes, OpenedPackets))
        {
            return DropReason.KeyExhausted;
        }

        if (!TryFindSequence(BinaryPrimitives.ReadUInt32BigEndian(packet[SequenceAt..]), out var sequence) || !_window.IsFresh(sequence))
        {
            Replays++;
            return DropReason.Replayed;
        }

        // A length that no sealed packet has is visible to anybody, so that refusing it early tells nothing.
        if (text % _alignment != 0 || !(_suite.IsCbc ? OpenCbc(packet, sequence) : OpenAead(packet, sequence)))
        {
            BadTags++;
            return DropReason.BadTag;
        }

        _window.Mark(sequence);
        OpenedPackets++;
        _openedBlocks += Blocks(text);
        innerStart = start + Headroom;
        var reason = TakeTrailerOff(packet.Slice(Headroom, text), out innerLength, out var nextHeader);
        if (reason == DropReason.None)
        {
            OpenedBytes += (ulong)innerLength;
            reason = _mode == EspMode.Tunnel
                ? CheckInner(buffer.Slice(innerStart, innerLength), nextHeader, ref innerLength)
                : PutHeaderOn(buffer, nextHeader, ref innerStart, ref innerLength);
        }

        if (reason != DropReason.None)
        {
            innerStart = 0;
            innerLength = 0;
        }

        return reason;
    }

    /// <summary>Forgets the keys. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        _sealing.Free();
        _opening.Free();
        _sealingGmac.Free();
        _openingGmac.Free();
        _encrypting.Free();
        _decrypting.Free();
        _ivs.Free();
        _sealingMac.Free();
        _openingMac.Free();
        this = default;
    }

    /// <summary>For tests of limits that no test could reach packet by packet.</summary>
    internal void Wear(ulong lastSent = 0, ulong highestOpened = 0, ulong sealedBlocks = 0, ulong openedBlocks = 0, ulong badTags = 0)
    {
        _lastSent = lastSent;
        _window = default;
        _window.Mark(highestOpened);
        _sealedBlocks = sealedBlocks;
        _openedBlocks = openedBlocks;
        BadTags = badTags;
    }

    private static ReadOnlySpan<byte> PadBytes => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    private readonly bool HasBlockLimit => !_suite.IsCbc && _suite.Cipher != EspCipher.ChaCha20Poly1305;

    private static ulong Blocks(int length) => (ulong)((length + 15) / 16);

    /// <summary>What is encrypted fills whole blocks, and in any case whole words (RFC 4303 section 2.4).</summary>
    private readonly int Padding(int payload) => -(payload + TrailerLength) & (_alignment - 1);

    private readonly bool MaySeal() =>
        Exists
        && _lastSent != (_suite.ExtendedSequence ? ulong.MaxValue : uint.MaxValue)
        && !_lifetime.IsHardOver(SealedBytes, _lastSent);

    private void SetAeadKeys(ReadOnlySpan<byte> inbound, ReadOnlySpan<byte> outbound)
    {
        var length = _suite.CipherKeyLength - EspSuite.SaltLength;
        _openingSalt = BinaryPrimitives.ReadUInt32BigEndian(inbound[length..]);
        _sealingSalt = BinaryPrimitives.ReadUInt32BigEndian(outbound[length..]);
        if (_suite.IsGmac)
        {
            _openingGmac = GmacContext.Create(inbound[..length]);
            _sealingGmac = GmacContext.Create(outbound[..length]);
        }
        else
        {
            _opening = AeadContext.ForOpening(_suite.Aead, inbound[..length]);
            _sealing = AeadContext.ForSealing(_suite.Aead, outbound[..length]);
        }
    }

    private void SetCbcKeys(ReadOnlySpan<byte> inbound, ReadOnlySpan<byte> outbound)
    {
        var length = _suite.CipherKeyLength;
        _decrypting = CbcContext.ForDecrypting(inbound[..length]);
        _encrypting = CbcContext.ForEncrypting(outbound[..length]);
        _openingMac = HmacContext.Create(_suite.Integrity, inbound[length..]);
        _sealingMac = HmacContext.Create(_suite.Integrity, outbound[length..]);

        // IVs must be unpredictable: a counter under a key of its own (NIST SP 800-38A appendix C). KEYMAT has none to spare, so that it comes
        // from the integrity key, by a message that is shorter than any packet. The peer reads IVs off the packet and need not know.
        Span<byte> derived = stackalloc byte[HashKinds.MaxLength];
        _sealingMac.Compute("ESP IV"u8, derived[.._suite.Integrity.Length()]);
        _ivs = CbcContext.ForEncrypting(derived[..16]);
        CryptographicOperations.ZeroMemory(derived);
    }

    [SkipLocalsInit]
    private readonly void SealAead(Span<byte> packet)
    {
        // The IV is the sequence number: unique under the key, as RFC 4106 section 3.1 asks.
        BinaryPrimitives.WriteUInt64BigEndian(packet[HeadLength..], _lastSent);
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        BinaryPrimitives.WriteUInt32BigEndian(nonce, _sealingSalt);
        BinaryPrimitives.WriteUInt64BigEndian(nonce[EspSuite.SaltLength..], _lastSent);
        Span<byte> extended = stackalloc byte[HeadLength + sizeof(uint)];
        var aad = _suite.ExtendedSequence ? Extend(packet, _lastSent, extended) : packet[..HeadLength];
        var text = packet[Headroom..^AeadContext.TagLength];
        var tag = packet[^AeadContext.TagLength..];
        if (_suite.IsGmac)
        {
            // The IV is authenticated, too (RFC 4543 section 3.3).
            _sealingGmac.Compute(nonce, aad, packet[HeadLength..^AeadContext.TagLength], tag);
        }
        else
        {
            _sealing.Seal(nonce, aad, text, tag);
        }
    }

    [SkipLocalsInit]
    private readonly bool OpenAead(Span<byte> packet, ulong sequence)
    {
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        BinaryPrimitives.WriteUInt32BigEndian(nonce, _openingSalt);
        packet.Slice(HeadLength, AeadIvLength).CopyTo(nonce[EspSuite.SaltLength..]);
        Span<byte> extended = stackalloc byte[HeadLength + sizeof(uint)];
        var aad = _suite.ExtendedSequence ? Extend(packet, sequence, extended) : packet[..HeadLength];
        var tag = packet[^AeadContext.TagLength..];
        return _suite.IsGmac
            ? _openingGmac.Verify(nonce, aad, packet[HeadLength..^AeadContext.TagLength], tag)
            : _opening.Open(nonce, aad, packet[Headroom..^AeadContext.TagLength], tag);
    }

    /// <summary>SPI and both halves of the sequence number (RFC 4106 section 5).</summary>
    private static Span<byte> Extend(ReadOnlySpan<byte> packet, ulong sequence, Span<byte> extended)
    {
        packet[..SequenceAt].CopyTo(extended);
        BinaryPrimitives.WriteUInt64BigEndian(extended[SequenceAt..], sequence);
        return extended;
    }

    private readonly void SealCbc(Span<byte> packet)
    {
        var iv = packet.Slice(HeadLength, CbcContext.BlockLength);
        iv.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(iv, _lastSent);
        ReadOnlySpan<byte> zero = stackalloc byte[CbcContext.BlockLength];
        _ivs.Transform(zero, iv);
        var tag = packet[^_tagLength..];
        _encrypting.Transform(iv, packet[Headroom..^_tagLength]);
        Span<byte> mac = stackalloc byte[HashKinds.MaxLength];
        ComputeMac(_sealingMac, packet[..^_tagLength], _lastSent, mac);
        mac[.._tagLength].CopyTo(tag);
    }

    private readonly bool OpenCbc(Span<byte> packet, ulong sequence)
    {
        Span<byte> mac = stackalloc byte[HashKinds.MaxLength];
        ComputeMac(_openingMac, packet[..^_tagLength], sequence, mac);
        if (!CryptographicOperations.FixedTimeEquals(mac[.._tagLength], packet[^_tagLength..]))
        {
            return false;
        }

        _decrypting.Transform(packet.Slice(HeadLength, CbcContext.BlockLength), packet[Headroom..^_tagLength]);
        return true;
    }

    /// <summary>Over the packet and, where there is one, the upper half of the sequence number behind it (RFC 4303 section 2.2.1).</summary>
    private readonly void ComputeMac(in HmacContext context, ReadOnlySpan<byte> packet, ulong sequence, Span<byte> mac)
    {
        Span<byte> high = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(high, (uint)(sequence >> 32));
        context.Compute(packet, _suite.ExtendedSequence ? high : default, mac[..context.Length]);
    }

    /// <summary>
    /// The whole number of which the lower half is known: the one that lies from the window's lower edge on (RFC 4303 appendix A2.2). False
    /// where that would be below zero.
    /// </summary>
    private readonly bool TryFindSequence(uint low, out ulong sequence)
    {
        sequence = low;
        if (!_suite.ExtendedSequence)
        {
            return true;
        }

        var bottom = unchecked((long)(_window.Highest - ReplayWindow.Width + 1));
        sequence = unchecked((ulong)bottom + (low - (uint)bottom));
        var isBeforeStart = _window.Highest < ReplayWindow.Width - 1 && (long)sequence < 0;
        var isBeyondEnd = _window.Highest >= ReplayWindow.Width - 1 && sequence < (ulong)bottom;
        return !isBeforeStart && !isBeyondEnd;
    }

    private static DropReason TakeTrailerOff(ReadOnlySpan<byte> text, out int payload, out byte nextHeader)
    {
        nextHeader = text[^1];
        int padding = text[^2];
        payload = text.Length - TrailerLength - padding;
        if (payload < 0 || !IsPadding(text.Slice(payload, padding)))
        {
            return DropReason.PaddingInvalid;
        }

        return nextHeader == NoNextHeader ? DropReason.DummyPacket : DropReason.None;
    }

    /// <summary>Only a peer with the key gets here: no oracle. Up to 255 bytes, to hide a length, are as good as the three or fifteen that are needed.</summary>
    private static bool IsPadding(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != i + 1)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The packet is what the trailer says; what is behind its end hides its length (RFC 4303 section 2.7).</summary>
    private static DropReason CheckInner(ReadOnlySpan<byte> payload, byte nextHeader, ref int length)
    {
        var isPacket = !payload.IsEmpty && nextHeader switch
        {
            InnerV4 => payload[0] >> 4 == 4,
            InnerV6 => payload[0] >> 4 == 6,
            _ => false,
        };
        if (!isPacket)
        {
            return DropReason.NextHeaderInvalid;
        }

        if (payload.Length < (nextHeader == InnerV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength))
        {
            return DropReason.IpMalformed;
        }

        var own = nextHeader == InnerV4
            ? BinaryPrimitives.ReadUInt16BigEndian(payload[2..])
            : Ipv6View.HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(payload[4..]);
        if (own > payload.Length || own < Ipv4View.MinimumHeaderLength)
        {
            return DropReason.IpMalformed;
        }

        length = own;
        return DropReason.None;
    }

    /// <summary>False for what transport mode cannot carry: parts of a datagram (RFC 4303 section 3.3.4), broken headers.</summary>
    private static bool TryTakeHeaderOff(ReadOnlySpan<byte> buffer, ref int start, ref int length, out byte nextHeader)
    {
        nextHeader = 0;
        var packet = buffer.Slice(start, length);
        if (packet[0] >> 4 == 6)
        {
            if (!Ipv6View.TryCreate(packet, out var v6))
            {
                return false;
            }

            nextHeader = v6.NextHeader;
            length = v6.Payload.Length;
            start += Ipv6View.HeaderLength;
            return true;
        }

        if (!Ipv4View.TryCreate(packet, out var v4) || v4.IsFragment)
        {
            return false;
        }

        nextHeader = v4.Protocol;
        length = v4.Payload.Length;
        start += v4.HeaderLength;
        return true;
    }

    /// <summary>The peer holds the sum against the addresses of the path. It changes by increments, so that a packet that was broken stays broken.</summary>
    private readonly void CarryOver(Span<byte> payload, byte protocol)
    {
        var at = SumAt(protocol, payload.Length);
        if (payload.Length < at + sizeof(ushort))
        {
            return;
        }

        var field = payload[at..];
        var sum = BinaryPrimitives.ReadUInt16BigEndian(field);
        if (protocol == (byte)IpProtocol.Udp && sum == 0)
        {
            return;
        }

        sum = InternetChecksum.Lower(sum, InternetChecksum.PseudoHeader(_ends.Local, _ends.Remote, 0, 0));
        sum = InternetChecksum.Raise(sum, InternetChecksum.PseudoHeader(_ends.PathLocal, _ends.PathRemote, 0, 0));
        BinaryPrimitives.WriteUInt16BigEndian(field, sum == 0 && protocol == (byte)IpProtocol.Udp ? ushort.MaxValue : sum);
    }

    private readonly DropReason PutHeaderOn(Span<byte> buffer, byte nextHeader, ref int start, ref int length)
    {
        var payload = buffer.Slice(start, length);
        if (_ends.IsTranslated)
        {
            Resum(payload, nextHeader);
        }

        var header = _ends.Local.IsV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength;
        start -= header;
        IpHeader.Write(buffer[start..], _ends.Remote, _ends.Local, (IpProtocol)nextHeader, length);
        length += header;
        return DropReason.None;
    }

    /// <summary>
    /// The tag has proven that the bytes are the sender's, so that the sum is made anew: over which addresses the old one was, nobody here knows.
    /// </summary>
    private readonly void Resum(Span<byte> payload, byte protocol)
    {
        var at = SumAt(protocol, payload.Length);
        if (payload.Length < at + sizeof(ushort))
        {
            return;
        }

        var field = payload[at..];
        if (protocol == (byte)IpProtocol.Udp && BinaryPrimitives.ReadUInt16BigEndian(field) == 0)
        {
            return;
        }

        BinaryPrimitives.WriteUInt16BigEndian(field, 0);
        var sum = InternetChecksum.Compute(payload, InternetChecksum.PseudoHeader(_ends.Remote, _ends.Local, protocol, payload.Length));
        BinaryPrimitives.WriteUInt16BigEndian(field, sum == 0 && protocol == (byte)IpProtocol.Udp ? ushort.MaxValue : sum);
    }

    /// <summary>Where the checksum is that addresses are part of; the end where there is none.</summary>
    private readonly int SumAt(byte protocol, int end) => (IpProtocol)protocol switch
    {
        IpProtocol.Tcp => 16,
        IpProtocol.Udp => 6,
        IpProtocol.IcmpV6 when !_ends.Local.IsV4 => 2,
        _ => end,
    };
}
