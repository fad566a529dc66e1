using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Data;

/// <summary>
/// Both directions of one key id. Lives in arrays and is used by reference; the default value holds no key. Packets are sealed
/// and opened in place and nothing is allocated. Whoever holds the array calls <see cref="Free"/> once. Not for two threads at a time.
/// <code>
/// AEAD: op [peer-id 3] | pid 4 | tag 16 | ciphertext          nonce = pid | salt 8; P_DATA_V2 authenticates its head
/// CBC:  op [peer-id 3] | HMAC | IV 16 | E(pid 4 | packet | padding)       HMAC over IV and ciphertext
/// </code>
/// </summary>
public struct DataKey
{
    private const byte DataV1 = 6;
    private const byte DataV2 = 9;

    private const byte LzoPlain = 0xfa;
    private const byte SwapPlain = 0xfb;
    private const byte V2Escape = 0x50;
    private const byte V2Plain = 0x00;

    private AeadContext _sealing;
    private AeadContext _opening;
    private ulong _sealingSalt;
    private ulong _openingSalt;

    private CbcContext _encrypting;
    private CbcContext _decrypting;
    private CbcContext _ivs;
    private HmacContext _sealingMac;
    private HmacContext _openingMac;

    private DataFormat _format;
    private byte _headroom;
    private byte _tailroom;
    private uint _head;
    private uint _lastSentId;
    private ulong _sealedBlocks;
    private ulong _openedBlocks;
    private ReplayWindow _window;

    public readonly bool Exists => _sealing.Exists || _encrypting.Exists;

    public readonly DataFormat Format => _format;

    /// <summary>Bytes that <see cref="Seal"/> needs before the inner packet: at most <see cref="DataLimits.HeadroomMax"/>.</summary>
    public readonly int Headroom => _headroom;

    /// <summary>Bytes that <see cref="Seal"/> needs after it: at most <see cref="DataLimits.TailroomMax"/>.</summary>
    public readonly int Tailroom => _tailroom;

    /// <summary>Packets sealed: the packet id of the last one.</summary>
    public readonly uint SealedPackets => _lastSentId;

    /// <summary>Genuine and fresh packets.</summary>
    public ulong OpenedPackets { get; private set; }

    public ulong BadTags { get; private set; }

    public ulong Replays { get; private set; }

    /// <summary>True once either direction nears a limit of <see cref="DataLimits"/>: time to negotiate the next key.</summary>
    public readonly bool NeedsRenegotiation =>
        _lastSentId >= DataLimits.RenegotiateFromPacketId
        || _window.Highest >= DataLimits.RenegotiateFromPacketId
        || BadTags >= DataLimits.BadTagsRenegotiate
        || (_format.Cipher.HasBlockLimit()
            && (_sealedBlocks + _lastSentId >= DataLimits.GcmBlocksRenegotiate
                || _openedBlocks + OpenedPackets >= DataLimits.GcmBlocksRenegotiate));

    /// <param name="isServer">Our role decides which half of <paramref name="material"/> seals.</param>
    /// <param name="keyId">0 to 7.</param>
    /// <param name="peerId">24 bits, sent where <see cref="DataFormat.UsePeerId"/>.</param>
    public static DataKey Create(KeyMaterial material, DataFormat format, bool isServer, int keyId, uint peerId)
    {
        Invariant.Check(keyId is >= 0 and <= 7, "a key id has three bits");
        Invariant.Check(peerId <= DataLimits.NoPeerId, "a peer id has 24 bits");
        var key = new DataKey
        {
            _format = format,
            _headroom = (byte)format.Headroom,
            _tailroom = (byte)format.Tailroom,
            _head = ((uint)(((format.UsePeerId ? DataV2 : DataV1) << 3) | keyId) << 24) | peerId,
        };

        var sealingCipher = material.CipherSlot(serverToClient: isServer);
        var openingCipher = material.CipherSlot(serverToClient: !isServer);
        var sealingHmac = material.HmacSlot(serverToClient: isServer);
        var openingHmac = material.HmacSlot(serverToClient: !isServer);
        var length = format.Cipher.KeyLength();
        if (format.Cipher.IsAead())
        {
            key._sealing = AeadContext.ForSealing(format.Cipher.Aead(), sealingCipher[..length]);
            key._opening = AeadContext.ForOpening(format.Cipher.Aead(), openingCipher[..length]);
            key._sealingSalt = BinaryPrimitives.ReadUInt64BigEndian(sealingHmac);
            key._openingSalt = BinaryPrimitives.ReadUInt64BigEndian(openingHmac);
        }
        else
        {
            key._encrypting = CbcContext.ForEncrypting(sealingCipher[..length]);
            key._decrypting = CbcContext.ForDecrypting(openingCipher[..length]);
            // IVs must be unpredictable: a counter under a key of its own (NIST SP 800-38A appendix C), from the half of the
            // slot that no cipher uses. The peer reads them off the packet and need not know.
            key._ivs = CbcContext.ForEncrypting(sealingCipher[32..]);
            key._sealingMac = HmacContext.Create(format.Auth, sealingHmac[..format.Auth.Length()]);
            key._openingMac = HmacContext.Create(format.Auth, openingHmac[..format.Auth.Length()]);
        }

        return key;
    }

    /// <summary>
    /// Seals buffer[start..start+length) in place. False where there is no key or it is worn out; the buffer is then untouched.
    /// </summary>
    /// <param name="start">At least <see cref="Headroom"/>; as many bytes after the packet as <see cref="Tailroom"/>.</param>
    /// <param name="length">At least 1.</param>
    public bool Seal(Span<byte> buffer, int start, int length, out int sealedStart, out int sealedLength)
    {
        sealedStart = 0;
        sealedLength = 0;
        if (!Exists || _lastSentId == uint.MaxValue)
        {
            return false;
        }

        Invariant.Check(
            length > 0 && start >= Headroom && start + length + Tailroom <= buffer.Length,
            "a packet to seal has room before and after it");
        var blocks = Blocks(length + 2);
        if (_format.Cipher.HasBlockLimit() && _sealedBlocks + blocks + _lastSentId + 1 > DataLimits.GcmBlocksMax)
        {
            return false;
        }

        _lastSentId++;
        _sealedBlocks += blocks;
        Frame(buffer, ref start, ref length);
        if (_format.Cipher.IsAead())
        {
            SealAead(buffer, start, length, out sealedStart, out sealedLength);
        }
        else
        {
            SealCbc(buffer, start, length, out sealedStart, out sealedLength);
        }

        return true;
    }

    /// <summary>
    /// Opens a whole outer packet, opcode first, in place, and says where the inner packet lies. The tag is judged first, then the
    /// packet id, and only a packet that passes both moves the window. After any other answer than None the bytes mean nothing.
    /// P_DATA_V1 and P_DATA_V2 are both taken, whatever we send. The caller chose this key by key id and peer.
    /// </summary>
    public DropReason Open(Span<byte> packet, out int innerStart, out int innerLength)
    {
        innerStart = 0;
        innerLength = 0;
        if (!Exists)
        {
            return DropReason.UnknownKey;
        }

        if (packet.IsEmpty)
        {
            return DropReason.TooShort;
        }

        var opcode = packet[0] >> 3;
        if (opcode is not (DataV1 or DataV2))
        {
            return DropReason.UnknownOpcode;
        }

        if (BadTags >= DataLimits.BadTagsMax)
        {
            return DropReason.KeyExhausted;
        }

        var head = opcode == DataV2 ? 4 : 1;
        var reason = _format.Cipher.IsAead()
            ? OpenAead(packet, head, out var start, out var length, out var id)
            : OpenCbc(packet, head, out start, out length, out id);
        if (reason != DropReason.None)
        {
            BadTags += reason == DropReason.BadTag ? 1UL : 0;
            return reason;
        }

        if (id == 0 || !_window.IsFresh(id))
        {
            Replays++;
            return DropReason.Replayed;
        }

        _window.Mark(id);
        OpenedPackets++;
        _openedBlocks += Blocks(length);
        reason = Unframe(packet, ref start, ref length);
        if (reason == DropReason.None)
        {
            innerStart = start;
            innerLength = length;
        }

        return reason;
    }

    /// <summary>Forgets the key. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        _sealing.Free();
        _opening.Free();
        _encrypting.Free();
        _decrypting.Free();
        _ivs.Free();
        _sealingMac.Free();
        _openingMac.Free();
        this = default;
    }

    /// <summary>For tests of limits that no test could reach packet by packet.</summary>
    internal void Wear(uint lastSentId, ulong sealedBlocks, ulong openedBlocks, ulong badTags)
    {
        _lastSentId = lastSentId;
        _sealedBlocks = sealedBlocks;
        _openedBlocks = openedBlocks;
        BadTags = badTags;
    }

    private static ulong Blocks(int length) => (ulong)((length + 15) / 16);

    [SkipLocalsInit]
    private readonly void SealAead(Span<byte> buffer, int start, int length, out int sealedStart, out int sealedLength)
    {
        var tag = start - DataFormat.TagLength;
        var pid = tag - DataFormat.PidLength;
        sealedStart = pid - _format.OpcodeLength;
        WriteHead(buffer[sealedStart..]);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[pid..], _lastSentId);

        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        BinaryPrimitives.WriteUInt32BigEndian(nonce, _lastSentId);
        BinaryPrimitives.WriteUInt64BigEndian(nonce[DataFormat.PidLength..], _sealingSalt);
        var aad = _format.UsePeerId ? buffer[sealedStart..tag] : buffer[pid..tag];
        _sealing.Seal(nonce, aad, buffer.Slice(start, length), buffer[tag..start]);
        sealedLength = start + length - sealedStart;
    }

    [SkipLocalsInit]
    private readonly DropReason OpenAead(Span<byte> packet, int head, out int start, out int length, out uint id)
    {
        var tag = head + DataFormat.PidLength;
        start = tag + DataFormat.TagLength;
        length = packet.Length - start;
        id = 0;
        if (length < 1)
        {
            return DropReason.TooShort;
        }

        id = BinaryPrimitives.ReadUInt32BigEndian(packet[head..]);
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        BinaryPrimitives.WriteUInt32BigEndian(nonce, id);
        BinaryPrimitives.WriteUInt64BigEndian(nonce[DataFormat.PidLength..], _openingSalt);
        var aad = head == 4 ? packet[..tag] : packet[head..tag];
        return _opening.Open(nonce, aad, packet[start..], packet[tag..start]) ? DropReason.None : DropReason.BadTag;
    }

    private readonly void SealCbc(Span<byte> buffer, int start, int length, out int sealedStart, out int sealedLength)
    {
        start -= DataFormat.PidLength;
        length += DataFormat.PidLength;
        BinaryPrimitives.WriteUInt32BigEndian(buffer[start..], _lastSentId);

        // PKCS #7 (RFC 5652 section 6.3): always at least one byte.
        var padding = DataFormat.BlockLength - (length % DataFormat.BlockLength);
        buffer.Slice(start + length, padding).Fill((byte)padding);
        length += padding;

        var iv = start - DataFormat.IvLength;
        var ivBytes = buffer[iv..start];
        ivBytes.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(ivBytes, _lastSentId);
        ReadOnlySpan<byte> zero = stackalloc byte[DataFormat.IvLength];
        _ivs.Transform(zero, ivBytes);
        _encrypting.Transform(ivBytes, buffer.Slice(start, length));

        var mac = iv - _sealingMac.Length;
        _sealingMac.Compute(buffer[iv..(start + length)], buffer[mac..iv]);
        sealedStart = mac - _format.OpcodeLength;
        WriteHead(buffer[sealedStart..]);
        sealedLength = start + length - sealedStart;
    }

    private readonly DropReason OpenCbc(Span<byte> packet, int head, out int start, out int length, out uint id)
    {
        var iv = head + _openingMac.Length;
        start = iv + DataFormat.IvLength;
        length = packet.Length - start;
        id = 0;
        if (length < DataFormat.BlockLength)
        {
            return DropReason.TooShort;
        }

        // A length that no sealed packet has is visible to anybody, so that refusing it early tells nothing.
        if (length % DataFormat.BlockLength != 0 || !_openingMac.Verify(packet[iv..], packet[head..iv]))
        {
            return DropReason.BadTag;
        }

        var text = packet[start..];
        _decrypting.Transform(packet[iv..start], text);
        // Only a peer that holds the MAC key gets as far as its padding: no oracle.
        int padding = text[^1];
        if (padding is 0 or > DataFormat.BlockLength || text[^padding..].ContainsAnyExcept((byte)padding))
        {
            return DropReason.BadTag;
        }

        length -= padding + DataFormat.PidLength;
        if (length < 1)
        {
            return DropReason.TooShort;
        }

        id = BinaryPrimitives.ReadUInt32BigEndian(text);
        start += DataFormat.PidLength;
        return DropReason.None;
    }

    private readonly void WriteHead(Span<byte> destination)
    {
        if (_format.UsePeerId)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, _head);
        }
        else
        {
            destination[0] = (byte)(_head >> 24);
        }
    }

    private readonly void Frame(Span<byte> buffer, ref int start, ref int length)
    {
        switch (_format.Compression)
        {
            case CompressionFraming.None:
                break;
            case CompressionFraming.Lzo:
                buffer[--start] = LzoPlain;
                length++;
                break;
            case CompressionFraming.StubSwap:
                buffer[start + length] = buffer[start];
                buffer[start] = SwapPlain;
                length++;
                break;
            case CompressionFraming.StubV2:
                if (buffer[start] == V2Escape)
                {
                    buffer[--start] = V2Plain;
                    buffer[--start] = V2Escape;
                    length += 2;
                }

                break;
        }
    }

    /// <summary>
    /// Takes the framing off. Any other leading byte than "not compressed" means a compressed packet or one we could not tell from it.
    /// </summary>
    private readonly DropReason Unframe(Span<byte> packet, ref int start, ref int length)
    {
        switch (_format.Compression)
        {
            case CompressionFraming.None:
                return DropReason.None;

            // `comp-lzo` and `compress` clients of different age mark plain packets either way, and the byte says which.
            case CompressionFraming.Lzo or CompressionFraming.StubSwap:
                if (packet[start] == SwapPlain)
                {
                    packet[start] = packet[start + length - 1];
                }
                else if (packet[start] == LzoPlain)
                {
                    start++;
                }
                else
                {
                    return DropReason.CompressedPayload;
                }

                return --length > 0 ? DropReason.None : DropReason.TooShort;

            case CompressionFraming.StubV2:
                if (packet[start] != V2Escape)
                {
                    return DropReason.None;
                }

                if (length < 2 || packet[start + 1] != V2Plain)
                {
                    return DropReason.CompressedPayload;
                }

                start += 2;
                length -= 2;
                return length > 0 ? DropReason.None : DropReason.TooShort;
        }

        return DropReason.None;
    }
}
