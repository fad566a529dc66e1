using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>Cuts an IPv4 packet up, as any router may that is not told otherwise (RFC 791 section 3.2). It may be a part itself.</summary>
public static class Ipv4Fragments
{
    private const byte DontFragment = 0x40;
    private const ushort MoreFragments = 0x2000;
    private const byte EndOfOptions = 0;
    private const byte NoOperation = 1;
    private const byte CopiedOption = 0x80;

    /// <summary>Nobody has forbidden it. What is no IPv4 packet may not be cut up.</summary>
    public static bool MayCut(ReadOnlySpan<byte> packet) =>
        packet.Length >= Ipv4View.MinimumHeaderLength && packet[0] >> 4 == 4 && (packet[6] & DontFragment) == 0;

    /// <summary>It is one part of several already.</summary>
    public static bool IsPart(ReadOnlySpan<byte> packet) => Ipv4View.TryCreate(packet, out var view) && view.IsFragment;

    /// <summary>Of an IPv4 packet that is about to be cut up; nothing of another.</summary>
    public static void Identify(Span<byte> packet, ushort identification)
    {
        if (Ipv4View.TryCreate(packet, out _))
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], identification);
        }
    }

    /// <summary>Writes the next part and returns its length; 0 behind the last one.</summary>
    /// <param name="packet">A whole packet. Its header's checksum may be any.</param>
    /// <param name="largest">Bytes of a part with its header.</param>
    /// <param name="done">Bytes of the payload that are in parts already: 0 at first.</param>
    /// <param name="part">Room for the largest.</param>
    public static int Next(ReadOnlySpan<byte> packet, int largest, ref int done, Span<byte> part)
    {
        if (!Ipv4View.TryCreate(packet, out var whole) || done >= whole.Payload.Length)
        {
            return 0;
        }

        var header = WriteHeader(whole, isFirst: done == 0, part);
        var room = (largest - header) & ~7;
        Invariant.Check(room > 0, "a part of a datagram has room for eight bytes");
        var length = Math.Min(room, whole.Payload.Length - done);
        whole.Payload.Slice(done, length).CopyTo(part[header..]);
        var isLast = done + length == whole.Payload.Length && !whole.MoreFragments;
        BinaryPrimitives.WriteUInt16BigEndian(part[2..], (ushort)(header + length));
        BinaryPrimitives.WriteUInt16BigEndian(part[6..], (ushort)(((whole.FragmentOffset + done) / 8) | (isLast ? 0 : MoreFragments)));
        part[10] = part[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(part[10..], InternetChecksum.Compute(part[..header]));
        done += length;
        return header + length;
    }

    /// <summary>The first part has all options, the others have those that say so.</summary>
    private static int WriteHeader(Ipv4View whole, bool isFirst, Span<byte> part)
    {
        var all = whole.Packet[..whole.HeaderLength];
        if (isFirst || all.Length == Ipv4View.MinimumHeaderLength)
        {
            all.CopyTo(part);
            return all.Length;
        }

        all[..Ipv4View.MinimumHeaderLength].CopyTo(part);
        var written = Ipv4View.MinimumHeaderLength;
        var options = all[Ipv4View.MinimumHeaderLength..];
        while (!options.IsEmpty && options[0] != EndOfOptions)
        {
            var length = options[0] == NoOperation || options.Length < 2 ? 1 : Math.Clamp(options[1], 1, options.Length);
            if ((options[0] & CopiedOption) != 0)
            {
                options[..length].CopyTo(part[written..]);
                written += length;
            }

            options = options[length..];
        }

        while (written % 4 != 0)
        {
            part[written++] = EndOfOptions;
        }

        part[0] = (byte)(0x40 | (written / 4));
        return written;
    }
}
