using System.Collections.Immutable;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>RFC 7296 section 3.15.</summary>
public enum CpType : byte
{
    None = 0,
    Request = 1,
    Reply = 2,
    Set = 3,
    Ack = 4,
}

/// <summary>RFC 7296 section 3.15.1, RFC 8598.</summary>
public enum CpAttributeType : ushort
{
    None = 0,
    Ip4Address = 1,
    Ip4Netmask = 2,
    Ip4Dns = 3,
    ApplicationVersion = 7,
    Ip6Address = 8,
    Ip6Dns = 10,
    Ip4Subnet = 13,
    SupportedAttributes = 14,
    Ip6Subnet = 15,
    DnsDomain = 25,
}

/// <summary>One attribute; without a value, it is asked for.</summary>
public sealed record CpAttribute(CpAttributeType Type, ImmutableArray<byte> Value)
{
    public static CpAttribute Ask(CpAttributeType type) => new(type, []);

    /// <summary>Of an IPv6 address with the length of its prefix behind it.</summary>
    public static CpAttribute Of(IpAddress address, int prefixLength = 128)
    {
        Span<byte> bytes = stackalloc byte[17];
        var length = address.Write(bytes);
        bytes[16] = (byte)prefixLength;
        return address.IsV4
            ? new(CpAttributeType.Ip4Address, [.. bytes[..length]])
            : new(CpAttributeType.Ip6Address, [.. bytes]);
    }

    public static CpAttribute Dns(IpAddress server)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = server.Write(bytes);
        return new(server.IsV4 ? CpAttributeType.Ip4Dns : CpAttributeType.Ip6Dns, [.. bytes[..length]]);
    }

    public static CpAttribute Domain(string name) => new(CpAttributeType.DnsDomain, [.. Encoding.ASCII.GetBytes(name)]);

    /// <summary>The address in it; false where there is none.</summary>
    public bool TryAddress(out IpAddress address)
    {
        address = default;
        if (Type is CpAttributeType.Ip4Address or CpAttributeType.Ip4Dns && Value.Length == 4)
        {
            address = IpAddress.ReadV4(Value.AsSpan());
            return true;
        }

        if ((Type == CpAttributeType.Ip6Address && Value.Length is 16 or 17) || (Type == CpAttributeType.Ip6Dns && Value.Length == 16))
        {
            address = IpAddress.ReadV6(Value.AsSpan()[..16]);
            return !address.IsV4;
        }

        return false;
    }
}

/// <summary>What a peer asks of, or tells about, its configuration.</summary>
public sealed record CpPayload(CpType Type, ImmutableArray<CpAttribute> Attributes)
{
    public bool Asks(CpAttributeType type) => Attributes.Any(attribute => attribute.Type == type);

    public static bool TryRead(ReadOnlySpan<byte> body, out CpPayload? payload)
    {
        payload = null;
        var reader = new ByteReader(body);
        if (!reader.TryU8(out var type) || !reader.TryBytes(3, out _))
        {
            return false;
        }

        var attributes = ImmutableArray.CreateBuilder<CpAttribute>();
        while (reader.Remaining > 0)
        {
            if (attributes.Count == IkeLimits.AttributesMax
                || !reader.TryU16(out var attribute) || !reader.TryU16(out var length) || !reader.TryBytes(length, out var value))
            {
                return false;
            }

            attributes.Add(new CpAttribute((CpAttributeType)(attribute & 0x7fff), [.. value]));
        }

        payload = new CpPayload((CpType)type, attributes.ToImmutable());
        return true;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.U8((byte)Type);
        writer.Skip(3).Clear();
        foreach (var attribute in Attributes)
        {
            writer.U16((ushort)attribute.Type);
            writer.U16((ushort)attribute.Value.Length);
            writer.Bytes(attribute.Value.AsSpan());
        }
    }
}
