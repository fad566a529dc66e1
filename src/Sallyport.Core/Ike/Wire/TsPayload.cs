using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>RFC 7296 section 3.13.</summary>
public static class TsPayload
{
    private const byte Ipv4Range = 7;
    private const byte Ipv6Range = 8;
    private const int HeadLength = 8;

    /// <summary>Selectors of types that we do not know are left out, as the RFC wants.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ImmutableArray<TrafficSelector> selectors)
    {
        selectors = [];
        var reader = new ByteReader(body);
        if (!reader.TryU8(out var count) || !reader.TryBytes(3, out _) || count is 0 or > IkeLimits.SelectorsMax)
        {
            return false;
        }

        var found = ImmutableArray.CreateBuilder<TrafficSelector>(count);
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryU8(out var type) || !reader.TryU8(out var protocol) || !reader.TryU16(out var length)
                || length < HeadLength || !reader.TryU16(out var firstPort) || !reader.TryU16(out var lastPort)
                || !reader.TryBytes(length - HeadLength, out var addresses))
            {
                return false;
            }

            if (type is not (Ipv4Range or Ipv6Range))
            {
                continue;
            }

            var each = type == Ipv4Range ? 4 : 16;
            if (addresses.Length != 2 * each)
            {
                return false;
            }

            var first = type == Ipv4Range ? IpAddress.ReadV4(addresses) : IpAddress.ReadV6(addresses);
            var last = type == Ipv4Range ? IpAddress.ReadV4(addresses[each..]) : IpAddress.ReadV6(addresses[each..]);

            // OPAQUE (65535 to 0) and backward ranges hold nothing that we carry; neither does an IPv4 address in an IPv6 range.
            if (first <= last && firstPort <= lastPort && first.IsV4 == (type == Ipv4Range) && last.IsV4 == first.IsV4)
            {
                found.Add(new TrafficSelector(protocol, firstPort, lastPort, first, last));
            }
        }

        selectors = found.ToImmutable();
        return reader.Remaining == 0;
    }

    public static void Write(ref ByteWriter writer, ImmutableArray<TrafficSelector> selectors)
    {
        Invariant.Check(selectors.Length is > 0 and <= IkeLimits.SelectorsMax, "a TS payload has selectors");
        writer.U8((byte)selectors.Length);
        writer.Skip(3).Clear();
        Span<byte> address = stackalloc byte[16];
        foreach (var selector in selectors)
        {
            writer.U8(selector.IsV4 ? Ipv4Range : Ipv6Range);
            writer.U8(selector.Protocol);
            writer.U16((ushort)(HeadLength + (selector.IsV4 ? 8 : 32)));
            writer.U16(selector.FirstPort);
            writer.U16(selector.LastPort);
            writer.Bytes(address[..selector.First.Write(address)]);
            writer.Bytes(address[..selector.Last.Write(address)]);
        }
    }
}
