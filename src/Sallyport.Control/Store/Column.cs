using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Store;

/// <summary>Lists, labels and addresses in columns.</summary>
internal static class Column
{
    public static string Of(IReadOnlyList<string> list) => JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListString);

    public static string Of(IReadOnlyDictionary<string, string> labels) =>
        JsonSerializer.Serialize(labels.ToImmutableSortedDictionary(StringComparer.Ordinal), ColumnJson.Default.ImmutableSortedDictionaryStringString);

    public static byte[] Of(IpAddress address)
    {
        var bytes = new byte[address.IsV4 ? 4 : 16];
        address.Write(bytes);
        return bytes;
    }

    public static IReadOnlyList<string> List(string json) => JsonSerializer.Deserialize(json, ColumnJson.Default.IReadOnlyListString) ?? [];

    public static IReadOnlyDictionary<string, string> Labels(string json) =>
        JsonSerializer.Deserialize(json, ColumnJson.Default.ImmutableSortedDictionaryStringString) ?? ImmutableSortedDictionary<string, string>.Empty;

    public static IpAddress? Address(byte[]? bytes) => bytes switch
    {
        null => null,
        { Length: 4 } => IpAddress.ReadV4(bytes),
        _ => IpAddress.ReadV6(bytes),
    };

    public static IReadOnlyList<IpPrefix> Prefixes(string json) => [.. List(json).Select(IpPrefix.Parse)];
}

[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, string>))]
internal sealed partial class ColumnJson : JsonSerializerContext;
