using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sallyport.Api.Nodes;
using Sallyport.Control.Ipsec;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Store;

/// <summary>Lists, labels and addresses in columns.</summary>
internal static class Column
{
    public static string Of(IReadOnlyList<string> list) => JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListString);

    /// <summary>For one question about many: <c>IN (SELECT value FROM json_each(@ids))</c>.</summary>
    public static string Of(IEnumerable<int> ids) => JsonSerializer.Serialize(ids, ColumnJson.Default.IEnumerableInt32);

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

    /// <summary>Always the same for the same conditions: of what is not asked nothing is written.</summary>
    public static string Of(ConditionModel? conditions) =>
        conditions is null ? "{}" : JsonSerializer.Serialize(conditions, ColumnJson.Default.ConditionModel);

    /// <summary>Null without any.</summary>
    public static ConditionModel? Conditions(string json) => json == "{}" ? null : JsonSerializer.Deserialize(json, ColumnJson.Default.ConditionModel);

    public static string Of(LimitModel? limit) => limit is null ? "{}" : JsonSerializer.Serialize(limit, ColumnJson.Default.LimitModel);

    /// <summary>Null without any.</summary>
    public static LimitModel? Limit(string json) => json == "{}" ? null : JsonSerializer.Deserialize(json, ColumnJson.Default.LimitModel);

    public static string Of(IReadOnlyList<FactModel> facts) => JsonSerializer.Serialize(facts, ColumnJson.Default.IReadOnlyListFactModel);

    public static IReadOnlyList<FactModel> Facts(string json) => JsonSerializer.Deserialize(json, ColumnJson.Default.IReadOnlyListFactModel) ?? [];

    public static string Of(IpsecOptions options) => options == new IpsecOptions() ? "{}" : JsonSerializer.Serialize(options, BriefJson.Default.IpsecOptions);

    public static IpsecOptions Ipsec(string json) => JsonSerializer.Deserialize(json, BriefJson.Default.IpsecOptions) ?? new IpsecOptions();

    public static string Of(IpsecPeerModel? peer) => peer is null ? "{}" : JsonSerializer.Serialize(peer, BriefJson.Default.IpsecPeerModel);

    /// <summary>Null where nothing is said.</summary>
    public static IpsecPeerModel? IpsecPeer(string json) => json == "{}" ? null : JsonSerializer.Deserialize(json, BriefJson.Default.IpsecPeerModel);

    public static IpAddress? Address(byte[]? bytes) => bytes switch
    {
        null => null,
        { Length: 4 } => IpAddress.ReadV4(bytes),
        _ => IpAddress.ReadV6(bytes),
    };

    public static IReadOnlyList<IpPrefix> Prefixes(string json) => [.. List(json).Select(IpPrefix.Parse)];
}

[JsonSerializable(typeof(ConditionModel))]
[JsonSerializable(typeof(LimitModel))]
[JsonSerializable(typeof(IReadOnlyList<FactModel>))]
[JsonSerializable(typeof(IEnumerable<int>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, string>))]
internal sealed partial class ColumnJson : JsonSerializerContext;

/// <summary>Of what is as usual nothing is written.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(IpsecOptions))]
[JsonSerializable(typeof(IpsecPeerModel))]
internal sealed partial class BriefJson : JsonSerializerContext;
