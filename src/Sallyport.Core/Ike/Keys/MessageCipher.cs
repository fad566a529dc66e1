using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Keys;

/// <summary>
/// Seals and opens messages, and fragments of messages, of one IKE SA in one direction (RFC 7296 section 3.14, RFC 5282, RFC 7634, RFC 7383).
/// Messages are rare and IKE SAs many: a cipher context lives for one message only.
/// </summary>
public static class MessageCipher
{
    private const int BlockLength = CbcContext.BlockLength;
    private const int FragmentHead = 4;
    private const int SaltLength = 4;
    private const int AeadIvLength = 8;

    /// <summary>What a sealed message, or a fragment, has more than its payloads, at most.</summary>
    public static int Overhead(IkeSuite suite) =>
        IkeLimits.HeaderLength + IkeLimits.PayloadHeadLength + FragmentHead + IvLength(suite) + BlockLength + suite.TagLength;

    /// <summary>Writes a whole message into <paramref name="datagram"/> and returns its length.</summary>
    /// <param name="header">Without next payload and length.</param>
    /// <param name="counter">Never the same twice under one key.</param>
    public static int Seal(
        IkeKeys keys, IkeHeader header, PayloadType first, ReadOnlySpan<byte> payloads, ulong counter, IEntropy entropy, Span<byte> datagram) =>
        Seal(keys, header, first, payloads, number: 0, total: 0, counter, entropy, datagram);

    /// <summary>As <see cref="Seal(IkeKeys, IkeHeader, PayloadType, ReadOnlySpan{byte}, ulong, IEntropy, Span{byte})"/>, of one part.</summary>
    /// <param name="number">From 1.</param>
    public static int SealFragment(
        IkeKeys keys, IkeHeader header, PayloadType first, ReadOnlySpan<byte> part, int number, int total, ulong counter, IEntropy entropy, Span<byte> datagram) =>
        Seal(keys, header, number == 1 ? first : PayloadType.None, part, number, total, counter, entropy, datagram);

    /// <summary>
    /// Judges the tag and decrypts in place. False where the message is not genuine, or has more than one encrypted payload in it; nothing of it may be used then.
    /// </summary>
    /// <param name="message">A whole message whose header was read.</param>
    /// <param name="fromInitiator">Who sent it.</param>
    public static bool TryOpen(IkeKeys keys, Span<byte> message, in IkeHeader header, bool fromInitiator, out OpenedMessage opened)
    {
        opened = default;
        var isFragment = header.NextPayload == PayloadType.EncryptedFragment;
        if (header.NextPayload != PayloadType.Encrypted && !isFragment)
        {
            return false;
        }

        var suite = keys.Suite;
        var head = IkeLimits.HeaderLength + IkeLimits.PayloadHeadLength + (isFragment ? FragmentHead : 0);
        var text = head + IvLength(suite);
        var tag = message.Length - suite.TagLength;
        if (tag - text < 1 || BinaryPrimitives.ReadUInt16BigEndian(message[(IkeLimits.HeaderLength + 2)..]) != message.Length - IkeLimits.HeaderLength)
        {
            return false;
        }

        var number = isFragment ? BinaryPrimitives.ReadUInt16BigEndian(message[(head - FragmentHead)..]) : 0;
        var total = isFragment ? BinaryPrimitives.ReadUInt16BigEndian(message[(head - 2)..]) : 0;
        if (isFragment && (number == 0 || number > total))
        {
            return false;
        }

        var body = message[text..tag];
        if (!(suite.IsAead
            ? OpenAead(keys, fromInitiator, message[..head], message[head..text], body, message[tag..])
            : OpenCbc(keys, fromInitiator, message, head, text, tag)))
        {
            return false;
        }

        // Only a peer that holds the key gets as far as its padding.
        var padding = body[^1] + 1;
        if (padding > body.Length)
        {
            return false;
        }

        opened = new OpenedMessage
        {
            First = (PayloadType)message[IkeLimits.HeaderLength],
            Start = text,
            Length = body.Length - padding,
            Number = number,
            Total = total,
        };
        return true;
    }

    private static int Seal(
        IkeKeys keys, IkeHeader header, PayloadType first, ReadOnlySpan<byte> payloads, int number, int total, ulong counter, IEntropy entropy, Span<byte> datagram)
    {
        var suite = keys.Suite;
        var isFragment = total > 0;
        var head = IkeLimits.HeaderLength + IkeLimits.PayloadHeadLength + (isFragment ? FragmentHead : 0);
        var text = head + IvLength(suite);
        var padding = suite.IsAead ? 1 : BlockLength - (payloads.Length % BlockLength);
        var tag = text + payloads.Length + padding;
        var length = tag + suite.TagLength;
        datagram = datagram[..length];
        (header with { NextPayload = isFragment ? PayloadType.EncryptedFragment : PayloadType.Encrypted, Length = length }).Write(datagram);

        var payload = new ByteWriter(datagram[IkeLimits.HeaderLength..]);
        payload.U8((byte)first);
        payload.U8(0);
        payload.U16((ushort)(length - IkeLimits.HeaderLength));
        if (isFragment)
        {
            payload.U16((ushort)number);
            payload.U16((ushort)total);
        }

        payloads.CopyTo(datagram[text..]);
        datagram.Slice(text + payloads.Length, padding).Clear();
        datagram[tag - 1] = (byte)(padding - 1);
        if (suite.IsAead)
        {
            SealAead(keys, header.IsFromInitiator, datagram, head, text, tag, counter);
        }
        else
        {
            SealCbc(keys, header.IsFromInitiator, datagram, head, text, tag, entropy);
        }

        return length;
    }

    private static void SealAead(IkeKeys keys, bool fromInitiator, Span<byte> datagram, int head, int text, int tag, ulong counter)
    {
        var key = keys.Encryption(fromInitiator);
        BinaryPrimitives.WriteUInt64BigEndian(datagram[head..], counter);
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        key[^SaltLength..].CopyTo(nonce);
        datagram[head..text].CopyTo(nonce[SaltLength..]);
        var context = AeadContext.ForSealing(Algorithm(keys.Suite), key[..^SaltLength]);
        context.Seal(nonce, datagram[..head], datagram[text..tag], datagram[tag..]);
        context.Free();
    }

    private static bool OpenAead(IkeKeys keys, bool fromInitiator, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> iv, Span<byte> body, ReadOnlySpan<byte> tag)
    {
        var key = keys.Encryption(fromInitiator);
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        key[^SaltLength..].CopyTo(nonce);
        iv.CopyTo(nonce[SaltLength..]);
        var context = AeadContext.ForOpening(Algorithm(keys.Suite), key[..^SaltLength]);
        var isGenuine = context.Open(nonce, aad, body, tag);
        context.Free();
        return isGenuine;
    }

    private static void SealCbc(IkeKeys keys, bool fromInitiator, Span<byte> datagram, int head, int text, int tag, IEntropy entropy)
    {
        entropy.Fill(datagram[head..text]);
        var cipher = CbcContext.ForEncrypting(keys.Encryption(fromInitiator));
        cipher.Transform(datagram[head..text], datagram[text..tag]);
        cipher.Free();
        Span<byte> mac = stackalloc byte[HashKinds.MaxLength];
        mac = mac[..keys.Suite.Integrity.Length()];
        Prf.Compute(keys.Suite.Integrity, keys.Integrity(fromInitiator), datagram[..tag], mac);
        mac[..keys.Suite.TagLength].CopyTo(datagram[tag..]);
    }

    private static bool OpenCbc(IkeKeys keys, bool fromInitiator, Span<byte> message, int head, int text, int tag)
    {
        if ((tag - text) % BlockLength != 0)
        {
            return false;
        }

        Span<byte> mac = stackalloc byte[HashKinds.MaxLength];
        mac = mac[..keys.Suite.Integrity.Length()];
        Prf.Compute(keys.Suite.Integrity, keys.Integrity(fromInitiator), message[..tag], mac);
        if (!CryptographicOperations.FixedTimeEquals(mac[..keys.Suite.TagLength], message[tag..]))
        {
            return false;
        }

        var cipher = CbcContext.ForDecrypting(keys.Encryption(fromInitiator));
        cipher.Transform(message[head..text], message[text..tag]);
        cipher.Free();
        return true;
    }

    private static int IvLength(IkeSuite suite) => suite.IsAead ? AeadIvLength : BlockLength;

    private static AeadAlgorithm Algorithm(IkeSuite suite) => suite.Cipher == EncryptionId.ChaCha20Poly1305 ? AeadAlgorithm.ChaCha20Poly1305
        : suite.KeyBits == 256 ? AeadAlgorithm.Aes256Gcm
        : AeadAlgorithm.Aes128Gcm;
}

/// <summary>Where the payloads of a message that was opened in place lie.</summary>
public readonly record struct OpenedMessage
{
    /// <summary>Of a fragment other than the first: None.</summary>
    public required PayloadType First { get; init; }

    public required int Start { get; init; }

    public required int Length { get; init; }

    /// <summary>Of a fragment, from 1; 0 for a whole message.</summary>
    public int Number { get; init; }

    public int Total { get; init; }
}
