using System.Text.Json.Serialization;

namespace Sallyport.Api.Nodes;

/// <summary>
/// One frame between control and gateway: a big-endian uint32 length, then this as UTF-8 JSON.
/// Control sends <see cref="Welcome"/>, <see cref="Certificate"/>, <see cref="Snapshot"/>, <see cref="Delta"/> and <see cref="Disconnect"/>,
/// and <see cref="MeterReport"/> to a gateway that begins; the gateway sends the rest, and that one too.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(CertificateRequest), "certificateRequest")]
[JsonDerivedType(typeof(Certificate), "certificate")]
[JsonDerivedType(typeof(Snapshot), "snapshot")]
[JsonDerivedType(typeof(Delta), "delta")]
[JsonDerivedType(typeof(Acknowledge), "acknowledge")]
[JsonDerivedType(typeof(ScheduleReport), "schedule")]
[JsonDerivedType(typeof(Ready), "ready")]
[JsonDerivedType(typeof(Disconnect), "disconnect")]
[JsonDerivedType(typeof(TunnelReport), "tunnels")]
[JsonDerivedType(typeof(FlowReport), "flows")]
[JsonDerivedType(typeof(EventReport), "events")]
[JsonDerivedType(typeof(DnsReport), "dns")]
[JsonDerivedType(typeof(DropReport), "drops")]
[JsonDerivedType(typeof(MeterReport), "meters")]
public abstract record NodeMessage;

/// <summary>First frame of a gateway. <paramref name="ModelVersion"/> is 0 where it has none yet.</summary>
public sealed record Hello(string Gateway, string SoftwareVersion, int ProtocolVersion, int ProcessId, long ModelVersion) : NodeMessage
{
    /// <summary>
    /// 2: rules have an effect and a time. Whoever knows neither would allow what is denied. 3: rules lead to other networks; to who does
    /// not know that, their subjects would be others. Rules have conditions and limits, identities degrees of quarantine. 4: applications have
    /// names; who does not know them would allow every address.
    /// </summary>
    public const int CurrentProtocol = 4;
}

/// <summary>First frame of control: it accepts the gateway.</summary>
public sealed record Welcome(string SoftwareVersion, int ProtocolVersion) : NodeMessage;

/// <summary>The gateway made a key and asks for a certificate (PKCS#10, DER).</summary>
public sealed record CertificateRequest(byte[] Request) : NodeMessage;

/// <summary>Chain of the gateway, leaf first, and the anchors that client certificates must lead to (DER).</summary>
public sealed record Certificate(IReadOnlyList<byte[]> Chain, IReadOnlyList<byte[]> Anchors) : NodeMessage;

/// <summary>The whole model; replaces what the gateway had.</summary>
public sealed record Snapshot(long Version, NodeModel Model) : NodeMessage;

/// <summary>What changed since the version before. Upserts replace whole records; removals name ids. Applied as one.</summary>
public sealed record Delta : NodeMessage
{
    public required long Version { get; init; }

    /// <summary>When the change was committed, in nanoseconds since the Unix epoch; the gateway measures the cut from here.</summary>
    public required long CommittedAt { get; init; }

    public IReadOnlyList<NetworkModel> Networks { get; init; } = [];

    public IReadOnlyList<IdentityModel> Identities { get; init; } = [];

    public IReadOnlyList<ApplicationModel> Applications { get; init; } = [];

    public IReadOnlyList<RuleModel> Rules { get; init; } = [];

    /// <summary>Those that the windows of these rules name.</summary>
    public IReadOnlyList<ZoneModel> Zones { get; init; } = [];

    /// <summary>Those that the conditions of these rules name.</summary>
    public IReadOnlyList<CountryModel> Countries { get; init; } = [];

    public IReadOnlyList<AppearanceModel> Appearances { get; init; } = [];

    public IReadOnlyList<int> RemovedNetworks { get; init; } = [];

    public IReadOnlyList<int> RemovedIdentities { get; init; } = [];

    public IReadOnlyList<int> RemovedApplications { get; init; } = [];

    public IReadOnlyList<int> RemovedRules { get; init; } = [];

    public IReadOnlyList<int> RemovedAppearances { get; init; } = [];
}

/// <summary>
/// The packet path runs on this version. <paramref name="AppliedAt"/> and <paramref name="LastPacketAt"/> in nanoseconds since the Unix epoch;
/// the latter is the last packet that a flow or tunnel cut by this change still forwarded, 0 where none was live.
/// </summary>
public sealed record Acknowledge(long Version, long AppliedAt, long LastPacketAt, int TunnelsCut, int FlowsCut) : NodeMessage;

/// <summary>
/// Rules came into force or went out of it by the clock, or facts of identities stopped to count: the gateway does that by itself, whether
/// control is there or not.
/// <paramref name="DueAt"/> is the moment that they say; the other times are those of <see cref="Acknowledge"/>.
/// </summary>
public sealed record ScheduleReport(IReadOnlyList<int> Rules, long DueAt, long AppliedAt, long LastPacketAt, int FlowsCut) : NodeMessage
{
    /// <summary>Whose facts stopped to count for some rule at that moment.</summary>
    public IReadOnlyList<int> Identities { get; init; } = [];
}

/// <summary>All listeners are open.</summary>
public sealed record Ready(IReadOnlyList<string> Listening) : NodeMessage;

/// <summary>Ends the tunnel of an identity, which may come again.</summary>
public sealed record Disconnect(int IdentityId, string Reason) : NodeMessage;

/// <summary>Tunnels that came, went or moved, and the counters of the others every few seconds.</summary>
public sealed record TunnelReport(IReadOnlyList<TunnelState> Tunnels) : NodeMessage;

/// <summary>One tunnel. Times in nanoseconds since the Unix epoch, counters in bytes and packets of inner traffic.</summary>
public sealed record TunnelState
{
    /// <summary>Unique for this gateway process.</summary>
    public required long TunnelId { get; init; }

    public required int IdentityId { get; init; }

    public required bool Up { get; init; }

    /// <summary>"openvpn/udp" or "openvpn/tcp".</summary>
    public required string Protocol { get; init; }

    public required string OuterAddress { get; init; }

    public required string Cipher { get; init; }

    /// <summary>"TLSv1.3 TLS_AES_256_GCM_SHA384".</summary>
    public required string Tls { get; init; }

    /// <summary>"tls-crypt-v2", "tls-crypt", "tls-auth" or "none".</summary>
    public required string Wrapping { get; init; }

    public required string ClientVersion { get; init; }

    public required string ClientPlatform { get; init; }

    /// <summary>1 to 4: of a site with several.</summary>
    public int Uplink { get; init; } = 1;

    public required long Since { get; init; }

    public required long LastSeen { get; init; }

    public required long BytesIn { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsIn { get; init; }

    public required long PacketsOut { get; init; }

    public required int Renegotiations { get; init; }

    /// <summary>Why it ended; empty while it is up.</summary>
    public string EndReason { get; init; } = "";

    /// <summary>Of IPsec its CHILD_SAs, those that packets leave by first.</summary>
    public required IReadOnlyList<SaState> Sas { get; init; }

    /// <summary>Of IPsec its IKE SA; null for OpenVPN.</summary>
    public IkeState? Ike { get; init; }
}

/// <summary>The IKE SA of a tunnel. Times in nanoseconds since the Unix epoch.</summary>
public sealed record IkeState
{
    public required ulong InitiatorSpi { get; init; }

    public required ulong ResponderSpi { get; init; }

    /// <summary>The gateway made it, or renewed it last: the initiator is the gateway.</summary>
    public required bool ByGateway { get; init; }

    public required string Suite { get; init; }

    /// <summary>When its keys were made.</summary>
    public required long Since { get; init; }

    public required int Rekeys { get; init; }

    /// <summary>Whether it has a CHILD_SA. Without one nothing passes.</summary>
    public required bool HasChildren { get; init; }
}

/// <summary>One CHILD_SA of a tunnel. Times in nanoseconds since the Unix epoch, bytes of inner packets.</summary>
public sealed record SaState
{
    /// <summary>What comes carries it.</summary>
    public required uint InboundSpi { get; init; }

    /// <summary>What leaves carries it.</summary>
    public required uint OutboundSpi { get; init; }

    /// <summary>"AES-256-GCM", "AES-128-CBC/SHA-256/ESN".</summary>
    public required string Suite { get; init; }

    /// <summary>"tunnel" or "transport".</summary>
    public required string Mode { get; init; }

    /// <summary>False for one that the peer has not used yet, and for one that is deleted and still open for what is on its way.</summary>
    public required bool Sends { get; init; }

    /// <summary>What it carries on the gateway's side: "10.20.0.0/16", "10.20.0.5[17/53]".</summary>
    public required IReadOnlyList<string> Local { get; init; }

    /// <summary>The same on the peer's side.</summary>
    public required IReadOnlyList<string> Remote { get; init; }

    public required long Since { get; init; }

    /// <summary>SAs that it has taken the place of, one after the other.</summary>
    public required int Rekeys { get; init; }

    public required long BytesIn { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsIn { get; init; }

    public required long PacketsOut { get; init; }

    public required long BadTags { get; init; }

    public required long Replays { get; init; }
}

/// <summary>Flows that began, changed their verdict, ended, or moved bytes since the last report.</summary>
public sealed record FlowReport(IReadOnlyList<FlowState> Flows) : NodeMessage;

/// <summary>One conversation. From is who opened it. Times in nanoseconds since the Unix epoch.</summary>
public sealed record FlowState
{
    /// <summary>Unique for this gateway process; with its name and start the key of the stored record.</summary>
    public required long FlowId { get; init; }

    public required int NetworkId { get; init; }

    public required int FromId { get; init; }

    /// <summary>0 where nobody carries the destination.</summary>
    public required int ToId { get; init; }

    /// <summary>"tcp", "udp", "icmp" or the number of another protocol.</summary>
    public required string Protocol { get; init; }

    public required string Source { get; init; }

    public required int SourcePort { get; init; }

    public required string Destination { get; init; }

    /// <summary>Port; for ICMP echo the identifier is the source port and this is 0.</summary>
    public required int DestinationPort { get; init; }

    public required bool Allowed { get; init; }

    /// <summary>Not allowed any more, but was: a change of policy ended it.</summary>
    public bool Cut { get; init; }

    /// <summary>0 where no rule decided.</summary>
    public required int RuleId { get; init; }

    /// <summary>0 where the destination is no application.</summary>
    public required int ApplicationId { get; init; }

    /// <summary>Why it was denied, or why its packets do not arrive though they are allowed: a name of the drop reasons. Else empty.</summary>
    public required string Reason { get; init; }

    public required long FirstSeen { get; init; }

    public required long LastSeen { get; init; }

    public required long PacketsOut { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsBack { get; init; }

    public required long BytesBack { get; init; }

    public required bool Ended { get; init; }

    /// <summary>Between two networks: as who the opener is known in the other one; null where the flow was never let there.</summary>
    public string? FarSource { get; init; }

    /// <summary>Another than the opener's own where guests share an address.</summary>
    public int FarSourcePort { get; init; }

    /// <summary>Whom he calls, as the other network has it.</summary>
    public string? FarDestination { get; init; }

    /// <summary>The name for which the gateway told the opener the destination.</summary>
    public string? DnsName { get; init; }

    /// <summary>The server name in the clear of a TLS client's first message.</summary>
    public string? ServerName { get; init; }
}

/// <summary>Questions for names that were answered since the last report.</summary>
public sealed record DnsReport(IReadOnlyList<DnsQueryState> Queries) : NodeMessage;

/// <summary>The same question of one identity with the same outcome, as often as it came within a moment. Times in nanoseconds since the Unix epoch.</summary>
public sealed record DnsQueryState
{
    public required int NetworkId { get; init; }

    public required int IdentityId { get; init; }

    /// <summary>"pump-17.plant-a.sallyport"; "*" for further ones of an identity that asked for too many different names.</summary>
    public required string Name { get; init; }

    /// <summary>"A", "AAAA", …, "TYPE65" for what has no name here.</summary>
    public required string Type { get; init; }

    /// <summary>"NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL", …</summary>
    public required string Code { get; init; }

    /// <summary>The first of those in the newest answer.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    public required long FirstAt { get; init; }

    public required long LastAt { get; init; }

    public required long Count { get; init; }
}

/// <summary>Things that happened at the gateway and that somebody may want to know.</summary>
public sealed record EventReport(IReadOnlyList<GatewayEvent> Events) : NodeMessage;

/// <summary>"handshake.failed", "credential.cloned", "tunnel.replaced", … with who and from where; text never carries a secret.</summary>
public sealed record GatewayEvent(string Kind, long At, int IdentityId, string OuterAddress, string Detail);

/// <summary>Packets dropped since the gateway started, by reason.</summary>
public sealed record DropReport(IReadOnlyDictionary<string, long> Drops) : NodeMessage;

/// <summary>What has been carried of volumes: from a gateway now and then, and back to it where it was restarted.</summary>
public sealed record MeterReport(IReadOnlyList<MeterState> Meters) : NodeMessage;

/// <summary>One volume in its present day or month.</summary>
/// <param name="Kind">"rule" or "identity".</param>
/// <param name="Period">Its number: days since 1 January 1970, or months since January of year 0.</param>
public sealed record MeterState(string Kind, int Id, int Period, long Bytes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodeMessage))]
public sealed partial class NodeJson : JsonSerializerContext;
