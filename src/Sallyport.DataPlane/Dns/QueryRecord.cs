using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>Questions that are counted together.</summary>
internal readonly record struct QueryKey(int IdentityId, string Name, DnsType Type, DnsRcode Rcode);

/// <summary>How often the same was asked with the same outcome.</summary>
internal readonly record struct QueryRecord(QueryKey Key, int NetworkId, IpAddress[] Addresses, Instant First, Instant Last, long Count)
{
    /// <summary>The two as one; <paramref name="later"/> is of the same key.</summary>
    public QueryRecord With(in QueryRecord later) => this with { Addresses = later.Addresses, Last = later.Last, Count = Count + later.Count };

    public DnsQueryState ToState(Clock clock) => new()
    {
        NetworkId = NetworkId,
        IdentityId = Key.IdentityId,
        // The end says whose name it is.
        Name = Key.Name.Length > QueryLog.NameMax ? Key.Name[^QueryLog.NameMax..] : Key.Name,
        Type = TypeText(Key.Type),
        Code = CodeText(Key.Rcode),
        Addresses = [.. Addresses.Select(address => address.ToString())],
        FirstAt = clock.ToWall(First),
        LastAt = clock.ToWall(Last),
        Count = Count,
    };

    private static string TypeText(DnsType type) =>
        type == DnsType.None ? "" : Enum.IsDefined(type) ? type.ToString().ToUpperInvariant() : string.Create(CultureInfo.InvariantCulture, $"TYPE{(ushort)type}");

    private static string CodeText(DnsRcode rcode) =>
        Enum.IsDefined(rcode) ? rcode.ToString().ToUpperInvariant() : string.Create(CultureInfo.InvariantCulture, $"RCODE{(byte)rcode}");
}
