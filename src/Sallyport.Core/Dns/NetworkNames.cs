using System.Buffers.Binary;
using System.Globalization;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Dns;

public enum NameKind : byte
{
    /// <summary>Not ours to answer.</summary>
    Elsewhere,

    /// <summary>There is no such name, or the asker may not reach what it stands for: nobody can tell which.</summary>
    Unknown,

    Known,
}

/// <summary>What a name stands for, for one asker.</summary>
/// <param name="Zone">Of ours, that the name lies in; empty where <see cref="NameKind.Elsewhere"/>.</param>
/// <param name="Target">The name of an address; null where the question was no address turned round.</param>
public readonly record struct NameMeaning(NameKind Kind, string Zone, IpAddress? V4 = null, IpAddress? V6 = null, string? Target = null);

/// <summary>
/// Names inside a network, as one identity sees them:
/// <list type="bullet">
/// <item><c>pump-17.plant-a.sallyport</c>, a device or site, if a rule in force lets the asker open some flow to its address;</item>
/// <item><c>historian.plant-a.sallyport</c>, an application, if one lets it open some flow to that, or it carries it itself;</item>
/// <item><c>mes.office.sallyport</c>, an application of another network, in the same case, at the address where it appears in the asker's;</item>
/// <item><c>192-168-1-20.router-3.plant-a.sallyport</c>, a host behind a site, if one lets it open some flow to that address;</item>
/// <item><c>plant-a.sallyport</c> and <c>gateway.plant-a.sallyport</c>, the gateway, and the asker's own names, always;</item>
/// <item>and what those addresses are called, asked the other way round.</item>
/// </list>
/// An application and a device of the same name: the application, since rules speak of it, and the device where it may not be reached.
/// </summary>
public static class NetworkNames
{
    public const string GatewayLabel = "gateway";

    private const string ReverseV4 = "in-addr.arpa";
    private const string ReverseV6 = "ip6.arpa";

    public static NameMeaning Find(FleetModel model, Identity asker, Situation situation, string name)
    {
        if (model.Network(asker.NetworkId) is not { Dns: { } dns } network)
        {
            return new NameMeaning(NameKind.Elsewhere, "");
        }

        if (DnsName.IsWithin(name, dns.Zone))
        {
            return FindForward(model, asker, situation, network, dns, name);
        }

        return TryReadReverse(name, out var address, out var zone) && IsOfNetwork(model, network, address)
            ? FindReverse(model, asker, situation, network, dns, address, zone)
            : new NameMeaning(NameKind.Elsewhere, "");
    }

    /// <summary>"192-168-1-20" for 192.168.1.20.</summary>
    public static string DashLabel(IpAddress address)
    {
        var v4 = address.V4;
        return string.Create(CultureInfo.InvariantCulture, $"{v4 >> 24}-{(v4 >> 16) & 0xff}-{(v4 >> 8) & 0xff}-{v4 & 0xff}");
    }

    private static NameMeaning FindForward(FleetModel model, Identity asker, Situation situation, Network network, NetworkDns dns, string name)
    {
        if (name == dns.Zone)
        {
            return new NameMeaning(NameKind.Known, dns.Zone);
        }

        if (name == dns.Suffix)
        {
            return GatewayOf(network, dns.Suffix);
        }

        var unknown = new NameMeaning(NameKind.Unknown, DnsName.IsWithin(name, dns.Suffix) ? dns.Suffix : dns.Zone);
        var labels = name[..^(dns.Zone.Length + 1)].Split('.');
        return labels switch
        {
            [var label, var of] => FindLabel(model, asker, situation, network, label, of, unknown.Zone),
            [var host, var site, var of] when of == network.Name => FindDash(model, asker, situation, network, host, site, unknown.Zone),
            _ => null,
        } ?? unknown;
    }

    private static NameMeaning? FindLabel(FleetModel model, Identity asker, Situation situation, Network network, string label, string of, string zone)
    {
        var isOwn = of == network.Name;
        if ((isOwn ? network : model.NetworkNamed(of)) is not { } other)
        {
            return null;
        }

        if (model.ApplicationNamed(other.Id, label) is { } application && model.ReachableAddress(asker, situation, application) is { } address)
        {
            return Of(address, zone);
        }

        if (isOwn && model.IdentityNamed(network.Id, label) is { } identity)
        {
            var v4 = Reachable(identity.AddressV4);
            var v6 = Reachable(identity.AddressV6);

            // Where there are names below, this one is there too, if without an address (RFC 8020).
            return v4 is null && v6 is null && identity.Id != asker.Id && !model.MayReachBehind(asker, situation, identity)
                ? null
                : new NameMeaning(NameKind.Known, zone, v4, v6);

            IpAddress? Reachable(IpAddress? own) => own is { } at && (identity.Id == asker.Id || model.MayReach(asker, situation, at)) ? own : null;
        }

        return isOwn && label == GatewayLabel ? GatewayOf(network, zone) : null;
    }

    private static NameMeaning? FindDash(FleetModel model, Identity asker, Situation situation, Network network, string host, string siteName, string zone) =>
        TryReadDash(host, out var address)
        && model.IdentityNamed(network.Id, siteName) is { Kind: IdentityKind.Site } site && IsBehind(model, site, address)
        && (site.Id == asker.Id || model.MayReach(asker, situation, address))
            ? Of(address, zone)
            : null;

    private static NameMeaning FindReverse(
        FleetModel model, Identity asker, Situation situation, Network network, NetworkDns dns, IpAddress address, string zone)
    {
        string? label = null;
        if (network.IsGateway(address))
        {
            return new NameMeaning(NameKind.Known, zone, Target: $"{GatewayLabel}.{dns.Suffix}");
        }

        if (model.Resolve(network.Id, address).Carrier is { Active: true } owner && (owner.Id == asker.Id || model.MayReach(asker, situation, address)))
        {
            if (owner.NetworkId != network.Id)
            {
                return model.ReachableAt(asker, situation, address) is { } elsewhere && model.Network(elsewhere.NetworkId) is { } other
                    ? new NameMeaning(NameKind.Known, zone, Target: $"{elsewhere.Name}.{other.Name}.{dns.Zone}")
                    : new NameMeaning(NameKind.Unknown, zone);
            }

            label = address == owner.AddressV4 || address == owner.AddressV6 ? owner.Name
                : model.ReachableAt(asker, situation, address) is { } application ? application.Name
                : address.IsV4 ? $"{DashLabel(address)}.{owner.Name}"
                : null;
        }

        return label is null ? new NameMeaning(NameKind.Unknown, zone) : new NameMeaning(NameKind.Known, zone, Target: $"{label}.{dns.Suffix}");
    }

    private static NameMeaning Of(IpAddress address, string zone) =>
        address.IsV4 ? new NameMeaning(NameKind.Known, zone, V4: address) : new NameMeaning(NameKind.Known, zone, V6: address);

    private static NameMeaning GatewayOf(Network network, string zone)
    {
        IpAddress? v4 = null, v6 = null;
        foreach (var prefix in network.Prefixes)
        {
            var first = new IpAddress(prefix.First.Bits + 1);
            v4 ??= prefix.IsV4 ? first : null;
            v6 ??= prefix.IsV4 ? null : first;
        }

        return new NameMeaning(NameKind.Known, zone, v4, v6);
    }

    /// <summary>A site's own address inside the network is called by the site's name; what others have of its subnets is not behind it.</summary>
    private static bool IsBehind(FleetModel model, Identity site, IpAddress address) =>
        address != site.AddressV4 && model.Owns(site.Id, address);

    private static bool IsOfNetwork(FleetModel model, Network network, IpAddress address)
    {
        foreach (var prefix in network.Prefixes)
        {
            if (prefix.Contains(address))
            {
                return true;
            }
        }

        return model.WhoIs(network.Id, address) is not null;
    }

    private static bool TryReadDash(ReadOnlySpan<char> label, out IpAddress address) => TryReadV4(label, '-', isReverse: false, out address);

    private static bool TryReadReverse(ReadOnlySpan<char> name, out IpAddress address, out string zone)
    {
        (address, zone) = (default, "");
        if (DnsName.IsWithin(name, ReverseV4) && name.Length > ReverseV4.Length)
        {
            zone = ReverseV4;
            return TryReadV4(name[..^(ReverseV4.Length + 1)], '.', isReverse: true, out address);
        }

        if (DnsName.IsWithin(name, ReverseV6) && name.Length > ReverseV6.Length)
        {
            zone = ReverseV6;
            return TryReadNibbles(name[..^(ReverseV6.Length + 1)], out address);
        }

        return false;
    }

    /// <summary>Four numbers as we write them, without signs, spaces or leading zeros.</summary>
    private static bool TryReadV4(ReadOnlySpan<char> text, char separator, bool isReverse, out IpAddress address)
    {
        address = default;
        Span<byte> bytes = stackalloc byte[4];
        var count = 0;
        foreach (var range in text.Split(separator))
        {
            var part = text[range];
            if (count == bytes.Length || part.Length is 0 or > 3 || (part[0] == '0' && part.Length > 1)
                || !byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out bytes[count++]))
            {
                return false;
            }
        }

        if (isReverse)
        {
            bytes.Reverse();
        }

        address = IpAddress.FromV4(BinaryPrimitives.ReadUInt32BigEndian(bytes));
        return count == bytes.Length;
    }

    /// <summary>RFC 3596 section 2.5: 32 hexadecimal digits, the last one first.</summary>
    private static bool TryReadNibbles(ReadOnlySpan<char> text, out IpAddress address)
    {
        address = default;
        const int digits = 32;
        if (text.Length != (2 * digits) - 1)
        {
            return false;
        }

        var bits = UInt128.Zero;
        for (var i = digits - 1; i >= 0; i--)
        {
            var c = text[2 * i];
            if (!char.IsAsciiHexDigitLower(c) && !char.IsAsciiDigit(c))
            {
                return false;
            }

            if (i > 0 && text[(2 * i) - 1] != '.')
            {
                return false;
            }

            bits = (bits << 4) | (uint)(char.IsAsciiDigit(c) ? c - '0' : c - 'a' + 10);
        }

        address = new IpAddress(bits);
        return !address.IsV4;
    }
}
