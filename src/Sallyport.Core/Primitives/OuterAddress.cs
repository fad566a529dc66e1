using System.Globalization;

namespace Sallyport.Core.Primitives;

/// <summary>Where a peer's packets come from on the outside: address and port.</summary>
public readonly record struct OuterAddress(IpAddress Ip, ushort Port)
{
    public override string ToString() =>
        Ip.IsV4
            ? string.Create(CultureInfo.InvariantCulture, $"{Ip}:{Port}")
            : string.Create(CultureInfo.InvariantCulture, $"[{Ip}]:{Port}");
}
