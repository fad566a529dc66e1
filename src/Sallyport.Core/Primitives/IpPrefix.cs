using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Sallyport.Core.Primitives;

/// <summary>A range of addresses such as 10.20.0.0/16. Host bits are zero: a value that exists is a valid prefix.</summary>
public readonly record struct IpPrefix
{
    private IpPrefix(IpAddress network, int length)
    {
        Network = network;
        Length = length;
    }

    public IpAddress Network { get; }

    /// <summary>Bits of the address's own family: 0 to 32 or 0 to 128.</summary>
    public int Length { get; }

    public bool IsV4 => Network.IsV4;

    public IpAddress First => Network;

    public IpAddress Last => new(Network.Bits | ~Mask(Network, Length));

    public static IpPrefix Host(IpAddress address) => new(address, address.BitLength);

    /// <summary>The prefix of <paramref name="length"/> bits (0 to the address's own length) that <paramref name="address"/> lies in.</summary>
    public static IpPrefix Around(IpAddress address, int length)
    {
        Invariant.Check(length >= 0 && length <= address.BitLength, "a prefix is no longer than its address");
        return new IpPrefix(new IpAddress(address.Bits & Mask(address, length)), length);
    }

    /// <summary>False where the length is out of range or a host bit is set.</summary>
    public static bool TryCreate(IpAddress network, int length, out IpPrefix prefix)
    {
        prefix = default;
        if (length < 0 || length > network.BitLength || (network.Bits & ~Mask(network, length)) != 0)
        {
            return false;
        }

        prefix = new IpPrefix(network, length);
        return true;
    }

    /// <summary>The prefix that holds exactly this range; false where none does.</summary>
    public static bool TryOfRange(IpAddress first, IpAddress last, out IpPrefix prefix)
    {
        prefix = default;
        var size = last.Bits - first.Bits;
        return first.IsV4 == last.IsV4 && first <= last && (size & (size + 1)) == 0
            && TryCreate(first, first.BitLength - (int)UInt128.PopCount(size), out prefix);
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out IpPrefix prefix)
    {
        prefix = default;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        return slash > 0
            && IpAddress.TryParse(text![..slash], out var address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            && TryCreate(address, length, out prefix);
    }

    public static IpPrefix Parse(string text) =>
        TryParse(text, out var prefix) ? prefix : throw new FormatException($"'{text}' is not a prefix such as 10.20.0.0/16.");

    public bool Contains(IpAddress address) =>
        address.IsV4 == IsV4 && (address.Bits & Mask(Network, Length)) == Network.Bits;

    public bool Contains(IpPrefix other) => other.Length >= Length && Contains(other.Network);

    public bool Overlaps(IpPrefix other) => Contains(other.Network) || other.Contains(Network);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Network}/{Length}");

    /// <summary>IPv4 lengths count from bit 96 of the mapped form.</summary>
    private static UInt128 Mask(IpAddress address, int length)
    {
        var bits = address.IsV4 ? length + 96 : length;
        return bits == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - bits);
    }
}
