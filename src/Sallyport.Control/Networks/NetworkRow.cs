using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Dns;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Appearances;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Networks;

internal sealed class NetworkRow
{
    private const string Columns =
        """
        id, name, prefixes AS PrefixesJson, ciphers AS CiphersJson, auth_digest AS AuthDigest, authentication, wrappings AS WrappingsJson,
        wrapping_key AS SealedWrappingKey, tls_auth_direction AS TlsAuthDirection, minimum_tls AS MinimumTls,
        token_seconds AS TokenSeconds, service_ranges AS ServiceRangesJson, guest_pools AS GuestPoolsJson, guests, topology,
        dns_serve AS DnsServe, dns_forward AS DnsForwardJson, default_route AS DefaultRoute, ipsec AS IpsecJson, created_at AS CreatedAt, revision
        """;

    public int Id { get; init; }

    public string Name { get; init; } = "";

    public string PrefixesJson { get; set; } = "";

    public string CiphersJson { get; set; } = "";

    public string AuthDigest { get; set; } = "";

    public string Authentication { get; set; } = "";

    public string WrappingsJson { get; set; } = "";

    public byte[] SealedWrappingKey { get; init; } = [];

    public string TlsAuthDirection { get; set; } = "";

    public string MinimumTls { get; set; } = "";

    public int TokenSeconds { get; set; }

    /// <summary>Where applications of other networks appear.</summary>
    public string ServiceRangesJson { get; set; } = "[]";

    /// <summary>Where members of other networks appear to the applications of this one.</summary>
    public string GuestPoolsJson { get; set; } = "[]";

    /// <summary>"each" has an address of his own, or those of one network are "shared".</summary>
    public string Guests { get; set; } = NetworkInput.DefaultGuests;

    public bool DnsServe { get; set; } = true;

    public string DnsForwardJson { get; set; } = "[]";

    /// <summary>Devices send everything into the tunnel.</summary>
    public bool DefaultRoute { get; set; }

    /// <summary>What was chosen otherwise than is usual.</summary>
    public string IpsecJson { get; set; } = "{}";

    public long CreatedAt { get; init; }

    public long Revision { get; init; }

    public IReadOnlyList<IpPrefix> Prefixes => Column.Prefixes(PrefixesJson);

    /// <summary>"subnet" or "p2p".</summary>
    public string Topology { get; set; } = NetworkInput.DefaultTopology;

    public bool GuestsShare => Guests == NetworkInput.SharedGuests;

    public IReadOnlyList<IpPrefix> RangesFor(string appearanceKind) =>
        Column.Prefixes(appearanceKind == AppearanceKeeper.Service ? ServiceRangesJson : GuestPoolsJson);

    public IEnumerable<IpPrefix> Elsewhere => Column.Prefixes(ServiceRangesJson).Concat(Column.Prefixes(GuestPoolsJson));

    /// <summary>Nobody comes to what lies beyond the gateway host.</summary>
    public IpsecOptions Ipsec => EgressNetwork.Is(this) ? new IpsecOptions { Off = true } : Column.Ipsec(IpsecJson);

    public IReadOnlyList<string> Ciphers => Column.List(CiphersJson);

    public IReadOnlyList<string> Wrappings => Column.List(WrappingsJson);

    public static NetworkRow? Find(SqliteConnection sql, int id) =>
        sql.QuerySingleOrDefault<NetworkRow>($"SELECT {Columns} FROM networks WHERE id = @id", new { id });

    public static NetworkRow? Find(SqliteConnection sql, string name) =>
        sql.QuerySingleOrDefault<NetworkRow>($"SELECT {Columns} FROM networks WHERE name = @name", new { name });

    public static IEnumerable<NetworkRow> All(SqliteConnection sql) => sql.Query<NetworkRow>($"SELECT {Columns} FROM networks ORDER BY id");

    public static IReadOnlyList<NetworkRow> List(SqliteConnection sql, long after, int limit) =>
        [.. sql.Query<NetworkRow>($"SELECT {Columns} FROM networks WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit })];

    /// <summary>The 256 bytes of this network's tls-crypt or tls-auth key. The caller zeroes them.</summary>
    public byte[] OpenWrappingKey(Envelope envelope) => envelope.Open(WrappingKeyPurpose(Name), SealedWrappingKey);

    public static string WrappingKeyPurpose(string name) => "network:" + name;

    public NetworkModel ToModel(Envelope envelope) => new()
    {
        Id = Id,
        Name = Name,
        Prefixes = Column.List(PrefixesJson),
        Topology = Topology,
        DefaultRoute = DefaultRoute,
        Elsewhere = [.. Elsewhere.Select(range => range.ToString())],
        Ciphers = Ciphers,
        AuthDigest = AuthDigest,
        Authentication = Authentication,
        Wrappings = Wrappings,
        WrappingKey = Wrappings.Any(wrapping => wrapping is "tls-crypt" or "tls-auth") ? OpenWrappingKey(envelope) : null,
        TlsAuthDirection = TlsAuthDirection,
        MinimumTls = MinimumTls,
        TokenSeconds = TokenSeconds,
        Dns = DnsServe ? new DnsModel(Column.List(DnsForwardJson)) : null,
        Ipsec = Ipsec.ToModel(),
    };

    public NetworkInfo ToInfo(SqliteConnection sql, string zone) => new()
    {
        Id = Id,
        Name = Name,
        Prefixes = Column.List(PrefixesJson),
        Ciphers = Ciphers,
        AuthDigest = AuthDigest,
        Authentication = Authentication,
        Wrappings = Wrappings,
        TlsAuthDirection = TlsAuthDirection,
        MinimumTls = MinimumTls,
        TokenLifetime = Span.Text(TokenSeconds),
        ServiceRanges = Column.List(ServiceRangesJson),
        GuestPools = Column.List(GuestPoolsJson),
        Guests = Guests,
        GuestsSharing = SharingIn(sql),
        Topology = Topology,
        DefaultRoute = DefaultRoute,
        Dns = new NetworkDns { Serve = DnsServe, Forward = Column.List(DnsForwardJson), Suffix = $"{Name}.{zone}" },
        Ipsec = Ipsec.ToInfo(),
        Devices = sql.ExecuteScalar<int>("SELECT count(*) FROM identities WHERE network_id = @Id AND kind = 'device'", this),
        Sites = sql.ExecuteScalar<int>("SELECT count(*) FROM identities WHERE network_id = @Id AND kind = 'site'", this),
        CreatedAt = UnixTime.ToTime(CreatedAt),
        Revision = Revision,
    };

    /// <summary>By where they appear now: nobody does before a rule lets him.</summary>
    private IReadOnlyList<string> SharingIn(SqliteConnection sql) =>
    [
        .. sql.Query<(string Home, string At, string Of)>(
            "SELECT n.name, a.at, a.of FROM appearances a JOIN networks n ON n.id = a.home_id WHERE a.kind = 'guest' AND a.network_id = @Id ORDER BY n.name, a.id", this)
            .Where(one => IpPrefix.Parse(one.At).Length > IpPrefix.Parse(one.Of).Length).Select(one => one.Home).Distinct(),
    ];
}
