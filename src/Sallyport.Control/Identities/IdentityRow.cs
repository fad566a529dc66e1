using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Devices;
using Sallyport.Api.Nodes;
using Sallyport.Api.Sites;
using Sallyport.Control.Credentials;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Policies;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Identities;

/// <summary>A device or a site, with credentials, state and addresses; or the gateway host, which has none of the first two.</summary>
internal sealed class IdentityRow
{
    private const string Select =
        """
        SELECT i.id, i.network_id AS NetworkId, n.name AS Network, i.kind, i.name, i.state, i.state_reason AS StateReason, i.state_since AS StateSince,
            i.address_v4 AS AddressV4Bytes, i.address_v6 AS AddressV6Bytes, i.subnets AS SubnetsJson, i.labels AS LabelsJson,
            i.groups AS GroupsJson, i.limits AS LimitsJson, i.ipsec AS IpsecJson, i.posture AS PostureJson, i.quarantine_degree AS QuarantineDegree,
            i.quarantine_until AS QuarantineUntil, ifnull(i.quarantine_application_id, 0) AS QuarantineApplicationId,
            (SELECT q.name FROM applications q WHERE q.id = i.quarantine_application_id) AS QuarantineApplication,
            i.quarantine_rate AS QuarantineRate, i.created_at AS CreatedAt, i.revision,
            (SELECT group_concat(l.id) FROM locks l WHERE (l.subject_kind = i.kind AND l.subject_id = i.id)
                OR (l.subject_kind = 'network' AND l.subject_id = i.network_id)
                OR (l.subject_kind = 'group' AND ifnull(l.network_id, i.network_id) = i.network_id
                    AND EXISTS (SELECT 1 FROM json_each(i.groups) g WHERE g.value = l.subject))
                OR (l.subject_kind = 'label' AND ifnull(l.network_id, i.network_id) = i.network_id
                    AND NOT EXISTS (SELECT 1 FROM json_each(l.labels) w
                        WHERE NOT EXISTS (SELECT 1 FROM json_each(i.labels) b WHERE b.key || '=' || b.value = w.value)))) AS LockIds
        FROM identities i JOIN networks n ON n.id = i.network_id
        """;

    public int Id { get; init; }

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public string Kind { get; init; } = "";

    public string Name { get; init; } = "";

    public string State { get; init; } = "";

    public string? StateReason { get; init; }

    public long StateSince { get; init; }

    public byte[]? AddressV4Bytes { get; init; }

    public byte[]? AddressV6Bytes { get; init; }

    public string SubnetsJson { get; init; } = "[]";

    public string LabelsJson { get; init; } = "{}";

    public string GroupsJson { get; init; } = "[]";

    public string LimitsJson { get; init; } = "{}";

    public string IpsecJson { get; init; } = "{}";

    public string PostureJson { get; init; } = "[]";

    /// <summary>While its state is quarantined.</summary>
    public string? QuarantineDegree { get; init; }

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public long? QuarantineUntil { get; init; }

    public int QuarantineApplicationId { get; init; }

    public string? QuarantineApplication { get; init; }

    /// <summary>Bits a second.</summary>
    public long? QuarantineRate { get; init; }

    public LimitModel? Limit => Column.Limit(LimitsJson);

    public IpsecPeerModel? Ipsec => Column.IpsecPeer(IpsecJson);

    /// <summary>Locks that cut it off, "3,7"; null without any.</summary>
    public string? LockIds { get; init; }

    public long CreatedAt { get; init; }

    public long Revision { get; init; }

    public IpAddress? AddressV4 => Column.Address(AddressV4Bytes);

    public IpAddress? AddressV6 => Column.Address(AddressV6Bytes);

    public IReadOnlyList<IpPrefix> Subnets => Column.Prefixes(SubnetsJson);

    /// <summary>"device:pump-17.plant-a": how the audit trail names it.</summary>
    public string Subject => SubjectOf(Kind, Name, Network);

    public IReadOnlyList<int> Locks => LockIds is null ? [] : [.. LockIds.Split(',').Select(id => int.Parse(id, CultureInfo.InvariantCulture)).Order()];

    /// <summary>"active", "quarantined: management" or "locked", as one says it: a lock counts more than the state that it leaves as it is.</summary>
    public string Standing => LockIds is not null ? "locked" : ToQuarantine() is { } quarantine ? $"{State}: {quarantine.Degree}" : State;

    private string[] Addresses =>
        [.. new[] { AddressV4, AddressV6 }.Where(address => address is not null).Select(address => address!.Value.ToString())];

    /// <summary>The gateway host is called as the network.</summary>
    public static string SubjectOf(string kind, string name, string network) =>
        kind == HostIdentity.Kind ? $"{kind}:{name}" : $"{kind}:{name}.{network}";

    public static IdentityRow? Find(SqliteConnection sql, int id) =>
        sql.QuerySingleOrDefault<IdentityRow>(Select + " WHERE i.id = @id", new { id });

    public static IEnumerable<IdentityRow> Find(SqliteConnection sql, IEnumerable<int> ids) =>
        sql.Query<IdentityRow>(Select + " WHERE i.id IN (SELECT value FROM json_each(@ids))", new { ids = Column.Of(ids) });

    public static IReadOnlySet<int> Retired(SqliteConnection sql) =>
        sql.Query<int>("SELECT id FROM identities WHERE state = @Retired", new { IdentityStates.Retired }).ToHashSet();

    public static IReadOnlyList<IdentityRow> FindByName(SqliteConnection sql, string kind, string name, string? network) =>
    [
        .. sql.Query<IdentityRow>(
            Select + " WHERE i.kind = @kind AND i.name = @name AND (@network IS NULL OR n.name = @network) ORDER BY n.name",
            new { kind, name, network }),
    ];

    public static IdentityRow? FindByAddress(SqliteConnection sql, int networkId, IpAddress address) =>
        sql.QuerySingleOrDefault<IdentityRow>(
            Select + $" WHERE i.network_id = @networkId AND {(address.IsV4 ? "i.address_v4" : "i.address_v6")} = @bytes",
            new { networkId, bytes = Column.Of(address) });

    public static IEnumerable<IdentityRow> All(SqliteConnection sql) => sql.Query<IdentityRow>(Select + " ORDER BY i.id");

    public static IEnumerable<IdentityRow> InNetwork(SqliteConnection sql, int networkId) =>
        sql.Query<IdentityRow>(Select + " WHERE i.network_id = @networkId ORDER BY i.id", new { networkId });

    public static IReadOnlyList<IdentityRow> InForensicQuarantineTo(SqliteConnection sql, int applicationId) =>
        [.. sql.Query<IdentityRow>(Select + " WHERE i.quarantine_application_id = @applicationId ORDER BY i.id", new { applicationId })];

    /// <summary>Those whose quarantine is over.</summary>
    public static IReadOnlyList<IdentityRow> QuarantineDue(SqliteConnection sql, long now) =>
        [.. sql.Query<IdentityRow>(Select + " WHERE i.quarantine_until <= @now ORDER BY i.quarantine_until, i.id", new { now })];

    public static long? NextQuarantineEnd(SqliteConnection sql) => sql.ExecuteScalar<long?>("SELECT min(quarantine_until) FROM identities");

    public static IReadOnlyList<IdentityRow> List(SqliteConnection sql, IdentityFilter filter, long after, int limit) =>
    [
        .. sql.Query<IdentityRow>(
            Select +
            """
             WHERE i.kind = @Kind AND i.id > @after
                AND (@NetworkId IS NULL OR i.network_id = @NetworkId)
                AND (@State IS NULL OR i.state = @State)
                AND (@Group IS NULL OR EXISTS (SELECT 1 FROM json_each(i.groups) g WHERE g.value = @Group))
                AND (@LabelKey IS NULL OR EXISTS (SELECT 1 FROM json_each(i.labels) l WHERE l.key = @LabelKey AND l.value = @LabelValue))
            ORDER BY i.id LIMIT @limit
            """,
            new { filter.Kind, filter.NetworkId, filter.State, filter.Group, filter.LabelKey, filter.LabelValue, after, limit }),
    ];

    public IdentityModel ToModel(IEnumerable<CredentialRow> credentials, Envelope envelope) => new()
    {
        Id = Id,
        NetworkId = NetworkId,
        Kind = Kind,
        Name = Name,
        Active = IsLetIn && LockIds is null,
        WhyInactive = string.Join(" and ", WhyInactive()),
        Quarantine = State == IdentityStates.Quarantined && QuarantineDegree is { } degree and not QuarantineWords.Dark ? degree : "",
        ForensicApplicationId = QuarantineApplicationId,
        Posture = Column.Facts(PostureJson),
        Limit = LimitReading.Throttled(Limit, QuarantineRate),
        AddressV4 = AddressV4?.ToString(),
        AddressV6 = AddressV6?.ToString(),
        Subnets = Column.List(SubnetsJson),
        Groups = Column.List(GroupsJson),
        Labels = Column.Labels(LabelsJson),
        Credentials = [.. credentials.Where(credential => credential is { RevokedAt: null, IsLocked: false }).Select(credential => credential.ToModel(envelope))],
        Ipsec = Ipsec,
    };

    /// <summary>By its state; a lock may be before it all the same.</summary>
    private bool IsLetIn => State == IdentityStates.Active || (State == IdentityStates.Quarantined && QuarantineDegree != QuarantineWords.Dark);

    private IEnumerable<string> WhyInactive()
    {
        if (!IsLetIn)
        {
            yield return State;
        }

        if (LockIds is not null)
        {
            yield return "locked";
        }
    }

    public QuarantineInfo? ToQuarantine() => State != IdentityStates.Quarantined ? null : new QuarantineInfo
    {
        Degree = QuarantineDegree ?? QuarantineWords.Dark,
        Until = UnixTime.ToTime(QuarantineUntil),
        Application = QuarantineApplication,
        Rate = QuarantineRate is { } rate ? LimitText.Rate(rate) : null,
    };

    private IReadOnlyList<PostureInfo> ToPosture() =>
        [.. Column.Facts(PostureJson).Select(fact => new PostureInfo(fact.Name, fact.Value, UnixTime.ToTime(fact.At)))];

    public DeviceInfo ToDevice(TunnelRegistry tunnels, VolumeTable volumes)
    {
        var (presence, tunnel) = tunnels.PresenceOf(Id);
        return new DeviceInfo
        {
            Id = Id,
            Name = Name,
            Network = Network,
            State = State,
            StateReason = StateReason,
            StateSince = UnixTime.ToTime(StateSince),
            Addresses = Addresses,
            Labels = Column.Labels(LabelsJson),
            Groups = Column.List(GroupsJson),
            Quarantine = ToQuarantine(),
            Posture = ToPosture(),
            Limit = LimitReading.ToInfo(Limit, volumes.Used("identity", Id, Limit)),
            Locks = Locks,
            Presence = presence,
            Tunnel = tunnel,
            CreatedAt = UnixTime.ToTime(CreatedAt),
            Revision = Revision,
        };
    }

    public SiteInfo ToSite(TunnelRegistry tunnels, VolumeTable volumes)
    {
        var (presence, tunnel) = tunnels.PresenceOf(Id);
        return new SiteInfo
        {
            Id = Id,
            Name = Name,
            Network = Network,
            State = State,
            StateReason = StateReason,
            StateSince = UnixTime.ToTime(StateSince),
            Subnets = Column.List(SubnetsJson),
            Ipsec = PeerInput.ToInfo(Ipsec),
            Addresses = Addresses,
            Labels = Column.Labels(LabelsJson),
            Groups = Column.List(GroupsJson),
            Quarantine = ToQuarantine(),
            Posture = ToPosture(),
            Limit = LimitReading.ToInfo(Limit, volumes.Used("identity", Id, Limit)),
            Locks = Locks,
            Presence = presence,
            Tunnel = tunnel,
            CreatedAt = UnixTime.ToTime(CreatedAt),
            Revision = Revision,
        };
    }
}

/// <summary>Which identities a list shows; null means any.</summary>
internal sealed record IdentityFilter(string Kind)
{
    public int? NetworkId { get; init; }

    public string? State { get; init; }

    public string? Group { get; init; }

    public string? LabelKey { get; init; }

    public string? LabelValue { get; init; }
}

/// <summary>pending → active ⇄ quarantined → retired. Only an active identity may come in.</summary>
internal static class IdentityStates
{
    /// <summary>No credential was issued yet.</summary>
    public const string Pending = "pending";

    public const string Active = "active";

    public const string Quarantined = "quarantined";

    /// <summary>Revoked: it does not come back; a thing that is found again gets a new identity.</summary>
    public const string Retired = "retired";

    public static readonly IReadOnlyList<string> All = [Pending, Active, Quarantined, Retired];
}
