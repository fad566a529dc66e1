using System.Collections.Immutable;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>RFC 7296 section 3.3.</summary>
public static class SaPayload
{
    private const byte More = 2;
    private const byte MoreTransforms = 3;
    private const ushort KeyLengthAttribute = 0x800E;
    private const ushort Unknown = ushort.MaxValue;

    public static bool TryRead(ReadOnlySpan<byte> body, out ImmutableArray<Proposal> proposals)
    {
        proposals = [];
        var found = ImmutableArray.CreateBuilder<Proposal>();
        var reader = new ByteReader(body);
        byte last = More;
        while (last == More)
        {
            if (found.Count == IkeLimits.ProposalsMax
                || !reader.TryU8(out last) || last is not (0 or More) || !reader.TryU8(out _) || !reader.TryU16(out var length)
                || length < 8 || !reader.TryBytes(length - 4, out var proposal) || !TryReadProposal(proposal, out var read))
            {
                return false;
            }

            found.Add(read);
        }

        proposals = found.ToImmutable();
        return reader.Remaining == 0;
    }

    /// <summary>The proposals get the numbers 1, 2, …, or keep the one that a chosen one has.</summary>
    public static void Write(ref ByteWriter writer, IReadOnlyList<Proposal> proposals)
    {
        for (var i = 0; i < proposals.Count; i++)
        {
            var proposal = proposals[i];
            var start = writer.Length;
            writer.U8(i == proposals.Count - 1 ? (byte)0 : More);
            writer.U8(0);
            var length = writer.Skip(2);
            writer.U8(proposal.Number == 0 ? (byte)(i + 1) : proposal.Number);
            writer.U8((byte)proposal.Protocol);
            WriteSpi(ref writer, proposal);
            for (var n = 0; n < proposal.Transforms.Length; n++)
            {
                WriteTransform(ref writer, proposal.Transforms[n], isLast: n == proposal.Transforms.Length - 1);
            }

            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(writer.Length - start));
        }
    }

    private static bool TryReadProposal(ReadOnlySpan<byte> bytes, out Proposal proposal)
    {
        proposal = null!;
        var reader = new ByteReader(bytes);
        if (!reader.TryU8(out var number) || !reader.TryU8(out var protocol) || !reader.TryU8(out var spiLength) || !reader.TryU8(out var count)
            || !IsLength((IpsecProtocol)protocol, spiLength) || !reader.TryBytes(spiLength, out var spiBytes) || count > IkeLimits.TransformsMax)
        {
            return false;
        }

        var spi = 0UL;
        foreach (var octet in spiBytes)
        {
            spi = (spi << 8) | octet;
        }

        var transforms = ImmutableArray.CreateBuilder<Transform>(count);
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryU8(out var last) || last != (i == count - 1 ? 0 : MoreTransforms) || !reader.TryU8(out _) || !reader.TryU16(out var length)
                || length < 8 || !reader.TryBytes(length - 4, out var transform) || !TryReadTransform(transform, out var read))
            {
                return false;
            }

            transforms.Add(read);
        }

        proposal = new Proposal((IpsecProtocol)protocol, spi, transforms.ToImmutable()) { Number = number };
        return reader.Remaining == 0;
    }

    /// <summary>Of an IKE SA none or 8 bytes, of ESP 4 (RFC 7296 section 3.3.1). What other protocols have does not matter: they are not taken.</summary>
    private static bool IsLength(IpsecProtocol protocol, int spiLength) => protocol switch
    {
        IpsecProtocol.Ike => spiLength is 0 or IkeLimits.IkeSpiLength,
        IpsecProtocol.Esp => spiLength == IkeLimits.EspSpiLength,
        _ => true,
    };

    /// <summary>A transform with an attribute that we do not understand is not taken (RFC 7296 section 3.3.6): it counts as one that nobody has.</summary>
    private static bool TryReadTransform(ReadOnlySpan<byte> bytes, out Transform transform)
    {
        transform = default;
        var isKnown = true;
        var reader = new ByteReader(bytes);
        if (!reader.TryU8(out var type) || !reader.TryU8(out _) || !reader.TryU16(out var id))
        {
            return false;
        }

        ushort keyBits = 0;
        while (reader.Remaining > 0)
        {
            if (!reader.TryU16(out var attribute) || !reader.TryU16(out var value))
            {
                return false;
            }

            if ((attribute & 0x8000) == 0 && !reader.TryBytes(value, out _))
            {
                return false;
            }

            isKnown &= attribute == KeyLengthAttribute;
            keyBits = attribute == KeyLengthAttribute ? value : keyBits;
        }

        transform = new Transform((TransformType)type, isKnown ? id : Unknown, keyBits);
        return true;
    }

    private static void WriteSpi(ref ByteWriter writer, Proposal proposal)
    {
        var length = proposal.Spi == 0 ? 0 : proposal.Protocol == IpsecProtocol.Ike ? IkeLimits.IkeSpiLength : IkeLimits.EspSpiLength;
        writer.U8((byte)length);
        writer.U8((byte)proposal.Transforms.Length);
        if (length == IkeLimits.IkeSpiLength)
        {
            writer.U64(proposal.Spi);
        }
        else if (length == IkeLimits.EspSpiLength)
        {
            writer.U32((uint)proposal.Spi);
        }
    }

    private static void WriteTransform(ref ByteWriter writer, in Transform transform, bool isLast)
    {
        writer.U8(isLast ? (byte)0 : MoreTransforms);
        writer.U8(0);
        writer.U16(transform.KeyBits == 0 ? (ushort)8 : (ushort)12);
        writer.U8((byte)transform.Type);
        writer.U8(0);
        writer.U16(transform.Id);
        if (transform.KeyBits != 0)
        {
            writer.U16(KeyLengthAttribute);
            writer.U16(transform.KeyBits);
        }
    }
}
