using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>What a ticket of ours says (RFC 5723 section 6.1): enough to go on where the session was, and nothing that policy would not be asked again.</summary>
/// <param name="Derivation">SK_d of the session that it continues.</param>
/// <param name="OwnerData">What the owner wrote into its grant.</param>
internal sealed record TicketContent(IkeIdentity Peer, IkeProof Proof, Proposal Agreed, byte[] Derivation, byte[] OwnerData, Instant Expires)
{
    public override string ToString() => "ticket";
}

/// <summary>
/// Seals tickets and opens them: AES-256-GCM under a key that all gateways of an installation have, so that a device comes back to any of them. The nonce is
/// random: 96 bits are enough for 2^32 tickets under one key (NIST SP 800-38D section 8.3).
/// </summary>
internal sealed class TicketOffice : IDisposable
{
    private const byte Format = 1;
    private const int ContentMax = 2_048;

    private readonly IEntropy _entropy;
    private AeadContext _sealing;
    private AeadContext _opening;

    /// <param name="key">32 bytes; empty: no ticket is given or taken.</param>
    public TicketOffice(ReadOnlySpan<byte> key, IEntropy entropy)
    {
        _entropy = entropy;
        if (!key.IsEmpty)
        {
            _sealing = AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, key);
            _opening = AeadContext.ForOpening(AeadAlgorithm.Aes256Gcm, key);
        }
    }

    public bool IsOpen => _sealing.Exists;

    public byte[] Seal(TicketContent content)
    {
        var clear = Write(content);
        var ticket = new byte[1 + AeadContext.NonceLength + clear.Length + AeadContext.TagLength];
        ticket[0] = Format;
        var nonce = ticket.AsSpan(1, AeadContext.NonceLength);
        _entropy.Fill(nonce);
        var text = ticket.AsSpan(1 + AeadContext.NonceLength, clear.Length);
        clear.CopyTo(text);
        CryptographicOperations.ZeroMemory(clear);
        _sealing.Seal(nonce, ticket.AsSpan(0, 1), text, ticket.AsSpan(ticket.Length - AeadContext.TagLength));
        return ticket;
    }

    /// <summary>False for what is not ours, or is too old.</summary>
    public bool TryOpen(ReadOnlySpan<byte> ticket, Instant now, [NotNullWhen(true)] out TicketContent? content)
    {
        content = null;
        const int least = 1 + AeadContext.NonceLength + AeadContext.TagLength;
        if (!IsOpen || ticket.Length is < least or > ContentMax + least || ticket[0] != Format)
        {
            return false;
        }

        Span<byte> text = stackalloc byte[ticket.Length - least];
        ticket[(1 + AeadContext.NonceLength)..^AeadContext.TagLength].CopyTo(text);
        if (!_opening.Open(ticket.Slice(1, AeadContext.NonceLength), ticket[..1], text, ticket[^AeadContext.TagLength..]))
        {
            return false;
        }

        var isRead = TryRead(text, out content) && content.Expires > now;
        CryptographicOperations.ZeroMemory(text);
        return isRead;
    }

    public void Dispose()
    {
        _sealing.Free();
        _opening.Free();
    }

    internal static byte[] Write(TicketContent content)
    {
        Span<byte> room = stackalloc byte[ContentMax];
        var writer = new ByteWriter(room);
        writer.U64((ulong)content.Expires.Nanoseconds);
        writer.U8((byte)content.Proof);
        writer.U16((ushort)content.Peer.BodyLength);
        _ = content.Peer.Write(writer.Skip(content.Peer.BodyLength));
        writer.U8((byte)content.Derivation.Length);
        writer.Bytes(content.Derivation);
        writer.U8((byte)content.OwnerData.Length);
        writer.Bytes(content.OwnerData);
        SaPayload.Write(ref writer, [content.Agreed with { Spi = 0, Number = 0 }]);
        var text = writer.Written.ToArray();
        CryptographicOperations.ZeroMemory(room);
        return text;
    }

    internal static bool TryRead(ReadOnlySpan<byte> text, [NotNullWhen(true)] out TicketContent? content)
    {
        content = null;
        var reader = new ByteReader(text);
        if (!reader.TryU64(out var expires) || !reader.TryU8(out var proof) || !reader.TryU16(out var nameLength) || !reader.TryBytes(nameLength, out var name)
            || !IkeIdentity.TryRead(name, out var peer) || !reader.TryU8(out var keyLength) || !reader.TryBytes(keyLength, out var key)
            || !reader.TryU8(out var dataLength) || !reader.TryBytes(dataLength, out var data)
            || !SaPayload.TryRead(reader.Rest, out var proposals) || proposals.Length != 1)
        {
            return false;
        }

        content = new TicketContent(peer, (IkeProof)proof, proposals[0], key.ToArray(), data.ToArray(), new Instant((long)expires));
        return true;
    }
}
