using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Flows;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Flows;

/// <summary>A stored flow; names are those of the time when it was last reported.</summary>
internal sealed class FlowRow
{
    private const int TextMax = 64; // addresses, protocol and reason; a gateway's longer text is cut

    private const int NameMax = 255; // of DNS

    private const long AnswerPatience = 3_000_000_000; // nanoseconds; a second repetition of TCP's first packet

    private const string Select =
        """
        SELECT id, gateway, network_id AS NetworkId, network, from_id AS FromId, from_kind AS FromKind, from_name AS FromName, to_id AS ToId,
            to_kind AS ToKind, to_name AS ToName, protocol, source, source_port AS SourcePort, destination, destination_port AS DestinationPort,
            allowed, cut AS WasCut, rule_id AS RuleId, application_id AS ApplicationId, application, reason, first_seen AS FirstSeen, last_seen AS LastSeen,
            packets_out AS PacketsOut, bytes_out AS BytesOut, packets_back AS PacketsBack, bytes_back AS BytesBack, ended,
            dns_name AS DnsName, server_name AS ServerName, far_network AS FarNetwork, far_network_id AS FarNetworkId, far_source AS FarSource, far_source_port AS FarSourcePort, far_destination AS FarDestination
        FROM flows
        """;

    public long Id { get; set; }

    public string Gateway { get; init; } = "";

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public int FromId { get; init; }

    public string FromKind { get; init; } = "";

    public string FromName { get; init; } = "";

    public int ToId { get; init; }

    public string? ToKind { get; init; }

    public string? ToName { get; init; }

    public string Protocol { get; init; } = "";

    public string Source { get; init; } = "";

    public int SourcePort { get; init; }

    public string Destination { get; init; } = "";

    public int DestinationPort { get; init; }

    public bool Allowed { get; init; }

    /// <summary>Was allowed until policy changed.</summary>
    public bool WasCut { get; init; }

    public int RuleId { get; init; }

    public int ApplicationId { get; init; }

    public string? Application { get; init; }

    public string Reason { get; init; } = "";

    public long FirstSeen { get; init; }

    public long LastSeen { get; init; }

    public long PacketsOut { get; init; }

    public long BytesOut { get; init; }

    public long PacketsBack { get; init; }

    public long BytesBack { get; init; }

    public bool Ended { get; init; }

    public string? DnsName { get; init; }

    public string? ServerName { get; init; }

    /// <summary>Of who carries the destination, where it is another network than the opener's; null within one.</summary>
    public int? FarNetworkId { get; init; }

    /// <summary>Its name, where the destination is known as that network has it.</summary>
    public string? FarNetwork { get; init; }

    public string? FarSource { get; init; }

    /// <summary>Null where the gateway did not say: it is the opener's own, or that of a guest who shares an address.</summary>
    public int? FarSourcePort { get; init; }

    public string? FarDestination { get; init; }

    public static FlowRow Of(FlowState flow, string gateway, FleetState fleet)
    {
        var from = fleet.Identities.GetValueOrDefault(flow.FromId);
        var to = fleet.Identities.GetValueOrDefault(flow.ToId);
        var isReported = flow is { FarSource: not null, FarDestination: not null };
        var (farSource, farDestination) = to is null || to.NetworkId == flow.NetworkId ? (null, null)
            : isReported ? (Cut(flow.FarSource!), Cut(flow.FarDestination!)) : FarEnds(flow, to.NetworkId, fleet);
        return new FlowRow
        {
            Gateway = gateway,
            NetworkId = flow.NetworkId,
            Network = fleet.Networks.GetValueOrDefault(flow.NetworkId)?.Name ?? $"#{flow.NetworkId}",
            FromId = flow.FromId,
            FromKind = from?.Kind ?? "device",
            FromName = from?.Name ?? $"#{flow.FromId}",
            ToId = flow.ToId,
            ToKind = to?.Kind,
            ToName = to?.Name,
            Protocol = Cut(flow.Protocol),
            Source = Cut(flow.Source),
            SourcePort = flow.SourcePort,
            Destination = Cut(flow.Destination),
            DestinationPort = flow.DestinationPort,
            Allowed = flow.Allowed,
            WasCut = flow.Cut,
            RuleId = flow.RuleId,
            ApplicationId = flow.ApplicationId,
            Application = fleet.Applications.GetValueOrDefault(flow.ApplicationId)?.Name,
            Reason = Cut(flow.Reason),
            FirstSeen = flow.FirstSeen,
            LastSeen = flow.LastSeen,
            PacketsOut = flow.PacketsOut,
            BytesOut = flow.BytesOut,
            PacketsBack = flow.PacketsBack,
            BytesBack = flow.BytesBack,
            Ended = flow.Ended,
            DnsName = CutName(flow.DnsName),
            ServerName = CutName(flow.ServerName),
            FarNetworkId = to is null || to.NetworkId == flow.NetworkId ? null : to.NetworkId,
            FarNetwork = farDestination is null ? null : fleet.Networks.GetValueOrDefault(to!.NetworkId)?.Name,
            FarSource = farSource,
            FarSourcePort = isReported && farDestination is not null ? flow.FarSourcePort : null,
            FarDestination = farDestination,
        };
    }

    /// <summary>
    /// How the conversation would look in the network of who is called, where the gateway did not let it there and so did not say: from where the two
    /// networks appear in each other now. What a record has once it keeps, whatever pool the guests have later.
    /// </summary>
    private static (string? Source, string? Destination) FarEnds(FlowState flow, int networkId, FleetState fleet) =>
        IpAddress.TryParse(flow.Destination, out var destination) && IpAddress.TryParse(flow.Source, out var source)
            && fleet.HomeOf(flow.NetworkId, destination) is { } home
            ? (fleet.GuestAddress(networkId, flow.NetworkId, source)?.ToString(), home.ToString()) : (null, null);

    public static FlowRow? Find(SqliteConnection sql, long id) => sql.QuerySingleOrDefault<FlowRow>(Select + " WHERE id = @id", new { id });

    public static IReadOnlyList<FlowRow> List(SqliteConnection sql, FlowFilter filter, long before, int limit) =>
    [
        .. sql.Query<FlowRow>(
            string.Join(" UNION ALL ", PartsOf(filter).Select(part => $"{Select} {part} AND id < @before AND (@Allowed IS NULL OR allowed = @Allowed){StateIs(filter.State)}"))
            + " ORDER BY id DESC LIMIT @limit",
            new { before, filter.IdentityId, filter.NetworkId, filter.Allowed, limit, AnswerPatience }),
    ];

    /// <summary>
    /// Each flow is in one of them. An identity and a far network have an index each; otherwise the newest come by primary key, and those that another network
    /// opened are few among all.
    /// </summary>
    private static string[] PartsOf(FlowFilter filter)
    {
        const string InNetwork = "(@NetworkId IS NULL OR network_id = @NetworkId OR far_network_id = @NetworkId)";
        return filter switch
        {
            { IdentityId: not null } =>
            [
                $"INDEXED BY flows_by_from WHERE from_id = @IdentityId AND {InNetwork}",
                $"INDEXED BY flows_by_to WHERE to_id = @IdentityId AND from_id <> @IdentityId AND {InNetwork}",
            ],
            { NetworkId: not null } =>
            [
                "WHERE network_id = @NetworkId",
                "INDEXED BY flows_by_far_network WHERE far_network_id = @NetworkId AND network_id <> @NetworkId",
            ],
            _ => ["WHERE 1"],
        };
    }

    /// <summary>As <see cref="State"/> has it.</summary>
    private static string StateIs(string? state)
    {
        const string Open = " AND allowed AND reason <> 'PeerOffline'";
        const string Waiting = "NOT ended AND last_seen - first_seen < @AnswerPatience";
        return state switch
        {
            null => "",
            "denied" => " AND NOT allowed AND NOT cut",
            "cut" => " AND NOT allowed AND cut",
            "unreachable" => " AND allowed AND reason = 'PeerOffline'",
            "unanswered" => $"{Open} AND packets_back = 0 AND NOT ({Waiting})",
            "opening" => $"{Open} AND packets_back = 0 AND {Waiting}",
            "ended" => $"{Open} AND packets_back > 0 AND ended",
            "live" => $"{Open} AND packets_back > 0 AND NOT ended",
            _ => throw new ArgumentOutOfRangeException(nameof(state), state, "no state of a flow"),
        };
    }

    /// <summary>Makes or moves on the record of a flow of one run, and answers its id.</summary>
    public long Save(SqliteConnection sql, long runId, long flowId) => sql.ExecuteScalar<long>(
        """
        INSERT INTO flows (run_id, flow_id, gateway, network_id, network, from_id, from_kind, from_name, to_id, to_kind, to_name, protocol, source,
            source_port, destination, destination_port, allowed, cut, rule_id, application_id, application, reason, first_seen, last_seen,
            packets_out, bytes_out, packets_back, bytes_back, ended, dns_name, server_name, far_network, far_network_id, far_source, far_source_port, far_destination)
        VALUES (@runId, @flowId, @Gateway, @NetworkId, @Network, @FromId, @FromKind, @FromName, @ToId, @ToKind, @ToName, @Protocol, @Source,
            @SourcePort, @Destination, @DestinationPort, @Allowed, @WasCut, @RuleId, @ApplicationId, @Application, @Reason, @FirstSeen, @LastSeen,
            @PacketsOut, @BytesOut, @PacketsBack, @BytesBack, @Ended, @DnsName, @ServerName, @FarNetwork, @FarNetworkId, @FarSource, @FarSourcePort, @FarDestination)
        ON CONFLICT (run_id, flow_id) DO UPDATE SET to_id = excluded.to_id, to_kind = excluded.to_kind, to_name = excluded.to_name,
            allowed = excluded.allowed, cut = excluded.cut, rule_id = excluded.rule_id,
            application_id = CASE WHEN excluded.cut THEN application_id ELSE excluded.application_id END,
            application = CASE WHEN excluded.cut THEN application ELSE excluded.application END,
            reason = excluded.reason, last_seen = excluded.last_seen, packets_out = excluded.packets_out, bytes_out = excluded.bytes_out,
            packets_back = excluded.packets_back, bytes_back = excluded.bytes_back, ended = excluded.ended,
            dns_name = excluded.dns_name, server_name = excluded.server_name,
            far_network = CASE WHEN excluded.far_source_port IS NULL THEN ifnull(far_network, excluded.far_network) ELSE excluded.far_network END,
            far_network_id = ifnull(excluded.far_network_id, far_network_id),
            far_source = CASE WHEN excluded.far_source_port IS NULL THEN ifnull(far_source, excluded.far_source) ELSE excluded.far_source END,
            far_destination = CASE WHEN excluded.far_source_port IS NULL THEN ifnull(far_destination, excluded.far_destination) ELSE excluded.far_destination END,
            far_source_port = ifnull(excluded.far_source_port, far_source_port)
        RETURNING id
        """,
        new
        {
            runId,
            flowId,
            Gateway,
            NetworkId,
            Network,
            FromId,
            FromKind,
            FromName,
            ToId,
            ToKind,
            ToName,
            Protocol,
            Source,
            SourcePort,
            Destination,
            DestinationPort,
            Allowed,
            WasCut,
            RuleId,
            ApplicationId,
            Application,
            Reason,
            FirstSeen,
            LastSeen,
            PacketsOut,
            BytesOut,
            PacketsBack,
            BytesBack,
            Ended,
            DnsName,
            ServerName,
            FarNetworkId,
            FarNetwork,
            FarSource,
            FarSourcePort,
            FarDestination,
        });

    /// <summary>The newest flow of somebody who had a guest's address, and the port where that is said, that began by a time and was let through.</summary>
    public static FlowRow? OfGuest(SqliteConnection sql, int networkId, string address, int? port, long by, GuestUse use) => sql.QueryFirstOrDefault<FlowRow>(
        Select + GuestUse.Where + " AND from_id = @FromId AND source = @Source ORDER BY last_seen DESC, id DESC LIMIT 1",
        new { networkId, address, port, by, use.FromId, use.Source });

    public bool Matches(FlowFilter filter) =>
        (filter.IdentityId is null || FromId == filter.IdentityId || ToId == filter.IdentityId)
        && (filter.NetworkId is null || NetworkId == filter.NetworkId || FarNetworkId == filter.NetworkId)
        && (filter.Allowed is null || Allowed == filter.Allowed)
        && (filter.State is null || State == filter.State);

    /// <summary>What came of it: a permission alone carries no packet to a site that is offline.</summary>
    private string State => !Allowed ? WasCut ? "cut" : "denied"
        : Reason == nameof(DropReason.PeerOffline) ? "unreachable"
        : PacketsBack == 0 ? Ended || LastSeen - FirstSeen >= AnswerPatience ? "unanswered" : "opening"
        : Ended ? "ended" : "live";

    public FlowInfo ToInfo(FleetState fleet)
    {
        var rule = RuleId == 0 ? null : fleet.Rules.GetValueOrDefault(RuleId);
        var allow = Allowed ? [] : Policies.Remedy.CommandsFor(fleet, this);
        return new FlowInfo
        {
            Id = Id,
            Gateway = Gateway,
            Network = Network,
            From = new FlowEnd(FromKind, FromName, FromId) { Reference = fleet.ReferenceTo(FromKind, FromName, NetworkId) },
            To = ToId == 0 || ToName is null ? null
                : new FlowEnd(ToKind ?? "device", ToName, ToId) { Reference = fleet.ReferenceTo(ToKind ?? "device", ToName, FarNetworkId ?? NetworkId) },
            Protocol = Protocol,
            Source = Source,
            SourcePort = SourcePort,
            Destination = Destination,
            DestinationPort = DestinationPort,
            Verdict = Allowed ? "allowed" : WasCut ? "cut" : "denied",
            State = State,
            Application = Application,
            RuleId = RuleId == 0 ? null : RuleId,
            Rule = rule is null ? null : Policies.Remedy.Describe(fleet, rule),
            Reason = Reason.Length == 0 ? null : Reason,
            ReasonText = Reason.Length == 0 ? null : ReasonText(fleet),
            AllowCommand = allow.Count > 0 ? string.Join('\n', allow) : null,
            AllowForCommand = allow.Count > 0 ? string.Create(CultureInfo.InvariantCulture, $"sallyport flow allow {Id} --for 8h") : null,
            FirstSeen = UnixTime.ToTime(FirstSeen),
            LastSeen = UnixTime.ToTime(LastSeen),
            PacketsOut = PacketsOut,
            BytesOut = BytesOut,
            PacketsBack = PacketsBack,
            BytesBack = BytesBack,
            Ended = Ended,
            DnsName = DnsName,
            ServerName = ServerName,
            Far = FarNetwork is null || FarDestination is null ? null : new FlowFarEnds(FarNetwork, FarSource, FarDestination) { SourcePort = FarSourcePort },
        };
    }

    private string ReasonText(FleetState fleet) => (State, Reason) switch
    {
        ("unreachable", _) => ToKind == Identities.HostIdentity.Kind && ToName == Core.Policy.Egress.Name
            ? "the gateway host does not pass on what is for beyond it: see sallyport event list"
            : ToKind == Identities.HostIdentity.Kind
            ? "the gateway host's device is not there: see sallyport event list" : $"{ToKind} {ToName} is offline",
        (_, nameof(DropReason.RuleDenies)) when RuleId != 0 => string.Create(CultureInfo.InvariantCulture, $"rule {RuleId} denies it"),
        (_, nameof(DropReason.Quarantined)) => QuarantineText(fleet),
        _ => Policies.Remedy.ReasonText(Reason),
    };

    /// <summary>Whose quarantine it is by now, where it is one's alone: the record does not tell.</summary>
    private string QuarantineText(FleetState fleet)
    {
        return (DegreeOf(FromId), DegreeOf(ToId)) switch
        {
            ({ } degree, null) => $"the quarantine of {FromKind} {FromName} ({degree}) does not leave it",
            (null, { } degree) => $"the quarantine of {ToKind} {ToName} ({degree}) does not leave it",
            ({ } from, { } to) => $"the quarantine of {FromKind} {FromName} ({from}) or of {ToKind} {ToName} ({to}) does not leave it",
            _ => "the quarantine that the sender or the carrier was in then did not leave it",
        };

        string? DegreeOf(int id) => fleet.Identities.GetValueOrDefault(id)?.Quarantine is "management" or "forensic" ? fleet.Identities[id].Quarantine : null;
    }

    private static string? CutName(string? text) => text is null || text.Length <= NameMax ? text : text[..NameMax];

    private static string Cut(string text) => text.Length <= TextMax ? text : text[..TextMax];
}

/// <summary>Which flows are wanted; null means any.</summary>
/// <param name="IdentityId">Of either end.</param>
/// <param name="NetworkId">Of either end.</param>
internal sealed record FlowFilter(int? IdentityId, int? NetworkId, bool? Allowed, string? State);
