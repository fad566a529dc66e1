namespace Sallyport.Api.Nodes;

/// <summary>Everything a gateway needs to serve the fleet without asking again. Addresses and prefixes are text ("10.20.0.7", "192.168.50.0/24").</summary>
public sealed record NodeModel(
    GatewaySettings Settings,
    IReadOnlyList<NetworkModel> Networks,
    IReadOnlyList<IdentityModel> Identities,
    IReadOnlyList<ApplicationModel> Applications,
    IReadOnlyList<RuleModel> Rules)
{
    /// <summary>Those that the windows of rules name.</summary>
    public IReadOnlyList<ZoneModel> Zones { get; init; } = [];

    /// <summary>Those that the conditions of rules name.</summary>
    public IReadOnlyList<CountryModel> Countries { get; init; } = [];

    public IReadOnlyList<AppearanceModel> Appearances { get; init; } = [];
}

/// <summary>Addresses of one network that stand for addresses of another. It permits nothing: rules do.</summary>
public sealed record AppearanceModel
{
    public required int Id { get; init; }

    /// <summary>"service": members of the network reach the other one's applications there; "guest": members of the other one are seen there.</summary>
    public required string Kind { get; init; }

    public required int NetworkId { get; init; }

    /// <summary>As long as <see cref="Of"/>, or one address that all of it shares.</summary>
    public required string At { get; init; }

    public required int HomeId { get; init; }

    public required string Of { get; init; }
}

/// <summary>How this installation's gateways listen and talk. Times in seconds.</summary>
public sealed record GatewaySettings
{
    /// <summary>Listening addresses such as "0.0.0.0:1194" and "[::]:1194".</summary>
    public IReadOnlyList<string> OpenVpnUdp { get; init; } = [];

    public IReadOnlyList<string> OpenVpnTcp { get; init; } = [];

    /// <summary>The 128-byte server keys of tls-crypt-v2; the first wraps new clients, all open old ones.</summary>
    public IReadOnlyList<byte[]> TlsCryptV2ServerKeys { get; init; } = [];

    /// <summary>Key of the HMAC over authentication tokens, 32 bytes; the same on every gateway.</summary>
    public byte[] AuthTokenKey { get; init; } = [];

    public int PingSeconds { get; init; } = 10;

    public int PingRestartSeconds { get; init; } = 60;

    public int RenegotiateSeconds { get; init; } = 3600;

    public int HandshakeWindowSeconds { get; init; } = 60;

    public int HandshakeThreads { get; init; } = 1;

    /// <summary>Null: the gateway decides by the cores of its machine.</summary>
    public int? PacketThreads { get; init; }

    public int FlowTableCapacity { get; init; } = 65_536;

    /// <summary>The /48 that the handles of this installation lie in: "fd12:3456:789a::/48".</summary>
    public string HandlePrefix { get; init; } = "";

    /// <summary>Name of the device through which the gateway host has part in the networks.</summary>
    public string Tun { get; init; } = "sallyport0";

    /// <summary>Whether the device is there even while no application is at the host.</summary>
    public bool TunAlways { get; init; }

    /// <summary>SHA-256 of control's table of countries, so that another table is another model; empty without one.</summary>
    public string CountryTable { get; init; } = "";

    /// <summary>Whether the kernel may leave segments in one piece and checksums to us.</summary>
    public bool TunOffloads { get; init; } = true;

    /// <summary>What all names of this installation end with: "sallyport".</summary>
    public string DnsZone { get; init; } = "sallyport";

    /// <summary>Listening addresses of IKE, such as "0.0.0.0:500" and "[::]:500". None of both lists: no IPsec.</summary>
    public IReadOnlyList<string> Ike { get; init; } = [];

    /// <summary>Where IKE and ESP in UDP share a port (RFC 3948), such as "0.0.0.0:4500".</summary>
    public IReadOnlyList<string> IkeNat { get; init; } = [];

    /// <summary>Whether ESP may also come as IP protocol 50; it then needs CAP_NET_RAW. False: everything is put into UDP.</summary>
    public bool EspRaw { get; init; } = true;

    public int IkeThreads { get; init; } = 1;

    /// <summary>Who the gateway says it is: the host name or address that profiles carry, which its certificate has as well.</summary>
    public string IkeIdentity { get; init; } = "";

    /// <summary>Key of the tickets of session resumption (RFC 5723), 32 bytes; the same on every gateway.</summary>
    public byte[] IkeTicketKey { get; init; } = [];

    /// <summary>Where new peers are sent instead (RFC 5685): a host name or an address; null for nowhere.</summary>
    public string? IkeRedirect { get; init; }

    /// <summary>A silent peer is asked whether it lives after this time, and given up when it has not answered for <see cref="IkeDeadSeconds"/>.</summary>
    public int IkeProbeSeconds { get; init; } = 30;

    public int IkeDeadSeconds { get; init; } = 120;
}

/// <summary>An isolated address space, and what its devices may use to come in.</summary>
public sealed record NetworkModel
{
    public required int Id { get; init; }

    public required string Name { get; init; }

    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>Where applications of other networks appear in this one, and members of others that reach applications of this one.</summary>
    public IReadOnlyList<string> Elsewhere { get; init; } = [];

    /// <summary>"subnet" or "p2p": how an OpenVPN device has its IPv4 address.</summary>
    public string Topology { get; init; } = "subnet";

    /// <summary>Devices send everything into the tunnel, not only what has a route.</summary>
    public bool DefaultRoute { get; init; }

    /// <summary>OpenVPN names in order of preference: "AES-256-GCM", …, "AES-128-CBC".</summary>
    public required IReadOnlyList<string> Ciphers { get; init; }

    /// <summary>Digest of CBC packets and of tls-auth: "SHA1", "SHA256" or "SHA512".</summary>
    public string AuthDigest { get; init; } = "SHA256";

    /// <summary>"certificate", "certificate+password" or "password".</summary>
    public string Authentication { get; init; } = "certificate";

    /// <summary>"tls-crypt-v2" (the default), and where opted in "tls-crypt", "tls-auth", "none".</summary>
    public required IReadOnlyList<string> Wrappings { get; init; }

    /// <summary>The 256-byte static key of this network's tls-crypt or tls-auth; null where neither is allowed.</summary>
    public byte[]? WrappingKey { get; init; }

    /// <summary>The client's key-direction of tls-auth: "0", "1" or "none".</summary>
    public string TlsAuthDirection { get; init; } = "1";

    /// <summary>"1.2" or "1.3".</summary>
    public string MinimumTls { get; init; } = "1.2";

    /// <summary>How long an authentication token stands for a password, counted from the password; a token always has an end.</summary>
    public int TokenSeconds { get; init; } = 86_400;

    /// <summary>How names are answered in it; null where they are not.</summary>
    public DnsModel? Dns { get; init; }

    /// <summary>How its devices and sites may come by IPsec; null where they may not.</summary>
    public IpsecModel? Ipsec { get; init; }
}

/// <summary>What IKEv2 and ESP may be in a network. Lifetimes of 0 have no end.</summary>
public sealed record IpsecModel
{
    /// <summary>Proposals for IKE SAs in order of preference: "aes256gcm16-aes128gcm16-prfsha384-prfsha256-x25519-ecp256".</summary>
    public required IReadOnlyList<string> Ike { get; init; }

    /// <summary>Proposals for CHILD_SAs in order of preference: "aes256gcm16-aes128gcm16-x25519-ecp256-none-esn-noesn".</summary>
    public required IReadOnlyList<string> Esp { get; init; }

    /// <summary>"certificate", "psk", "eap-tls", "eap-mschapv2".</summary>
    public required IReadOnlyList<string> Authentication { get; init; }

    public int IkeRekeySeconds { get; init; } = 14_400;

    public int ChildRekeySeconds { get; init; } = 3_600;

    public long ChildRekeyBytes { get; init; }

    public long ChildRekeyPackets { get; init; }

    /// <summary>Peers prove who they are again after this time (RFC 4478).</summary>
    public int ReauthenticateSeconds { get; init; }

    /// <summary>ESP goes in UDP even where no NAT is between.</summary>
    public bool Encapsulate { get; init; }

    /// <summary>The DSCP of inner packets goes out (RFC 4301 section 5.1.2.1).</summary>
    public bool CopyDscp { get; init; }

    /// <summary>No peer comes in without a post-quantum pre-shared key (RFC 8784).</summary>
    public bool PpkRequired { get; init; }
}

/// <summary>The gateway answers questions for names in a network.</summary>
/// <param name="Forward">"corp.example=10.0.0.53", ".=9.9.9.9,149.112.112.112": who is asked for names outside of the zone. None: they are refused.</param>
public sealed record DnsModel(IReadOnlyList<string> Forward);

/// <summary>A device, a site or the gateway host.</summary>
public sealed record IdentityModel
{
    public required int Id { get; init; }

    public required int NetworkId { get; init; }

    /// <summary>"device", "site" or "host".</summary>
    public required string Kind { get; init; }

    public required string Name { get; init; }

    /// <summary>False: pending, in dark quarantine, retired, locked or revoked. Nothing of it may pass or finish a handshake.</summary>
    public required bool Active { get; init; }

    /// <summary>Which of those, for people: "locked", "quarantined and locked"; empty while it is active.</summary>
    public string WhyInactive { get; init; } = "";

    /// <summary>"throttled", "management" or "forensic"; empty without a quarantine, and in a dark one, which is not active.</summary>
    public string Quarantine { get; init; } = "";

    /// <summary>The one application that a forensic quarantine leaves; 0 otherwise.</summary>
    public int ForensicApplicationId { get; init; }

    /// <summary>What was reported of it; each name once.</summary>
    public IReadOnlyList<FactModel> Posture { get; init; } = [];

    /// <summary>Of all that it sends and is sent; null for none.</summary>
    public LimitModel? Limit { get; init; }

    public string? AddressV4 { get; init; }

    public string? AddressV6 { get; init; }

    /// <summary>What a site carries; empty for a device.</summary>
    public IReadOnlyList<string> Subnets { get; init; } = [];

    public IReadOnlyList<string> Groups { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<CredentialModel> Credentials { get; init; } = [];

    /// <summary>How the gateway meets it by IPsec, beyond what its network says; null for a device or site that only comes by itself.</summary>
    public IpsecPeerModel? Ipsec { get; init; }
}

/// <summary>The other end of an IPsec tunnel, as far as it is not found out when it comes.</summary>
public sealed record IpsecPeerModel
{
    /// <summary>One for each uplink, in the order of their numbers: where the gateway begins by itself, an address or a host name; empty where it waits.</summary>
    public IReadOnlyList<string> Remotes { get; init; } = [];

    /// <summary>"tunnel", or "transport" where both ends are hosts.</summary>
    public string Mode { get; init; } = "tunnel";

    /// <summary>One pair of selectors for each CHILD_SA, as peers with the habits of IKEv1 need it.</summary>
    public bool SinglePairs { get; init; }
}

/// <summary>A live credential of an identity; revoked ones are simply absent.</summary>
public sealed record CredentialModel
{
    public required int Id { get; init; }

    /// <summary>"certificate", "password", "psk" or "eap" (a user name and a password for EAP-MSCHAPv2).</summary>
    public required string Kind { get; init; }

    /// <summary>SHA-256 of the certificate's DER, lower-case hex.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The 16 bytes that the tls-crypt-v2 metadata of this credential carries, lower-case hex.</summary>
    public string? WrappedKeyId { get; init; }

    public string? Username { get; init; }

    /// <summary>SHA-256(salt | password); passwords are made by us with 128 bits, so no slow hash is needed.</summary>
    public byte[]? PasswordSalt { get; init; }

    public byte[]? PasswordHash { get; init; }

    /// <summary>The IKE identity of a pre-shared key, as the peer sends it: "pump-17.plant-a.sallyport", "203.0.113.5", "hq@example.com".</summary>
    public string? PeerId { get; init; }

    /// <summary>The key of "psk"; of "eap" the NT hash, which is as good as the password.</summary>
    public byte[]? Secret { get; init; }

    /// <summary>Which of a site's uplinks it is for, from 1.</summary>
    public int Uplink { get; init; } = 1;

    /// <summary>Of a post-quantum pre-shared key that is mixed in (RFC 8784), its name; null without one.</summary>
    public string? PpkId { get; init; }

    public byte[]? Ppk { get; init; }
}

/// <summary>Something that may be reached.</summary>
public sealed record ApplicationModel
{
    public required int Id { get; init; }

    public required int NetworkId { get; init; }

    public required string Name { get; init; }

    /// <summary>The site, device or host that carries the target.</summary>
    public required int OwnerId { get; init; }

    /// <summary>An address or a prefix, inside one of the owner's subnets or equal to its address.</summary>
    public required string Target { get; init; }

    /// <summary>"tcp/8883", "udp/5000-5010", "icmp".</summary>
    public required IReadOnlyList<string> Services { get; init; }

    /// <summary>"ntp.example", "*.vendor.example": only addresses that the gateway told the sender for such a name. Null: the whole target.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>Nobody may reach it, by whatever other application the same is allowed.</summary>
    public bool Locked { get; init; }

    /// <summary>What a device in quarantine of the degree "management" may still speak to.</summary>
    public bool Management { get; init; }
}

/// <summary>A fact as it was reported of a device.</summary>
/// <param name="At">Nanoseconds since the Unix epoch.</param>
public sealed record FactModel(string Name, string Value, long At);

/// <summary>How much may pass; 0 for no limit of that kind.</summary>
public sealed record LimitModel
{
    public long BitsPerSecond { get; init; }

    public long PacketsPerSecond { get; init; }

    public long VolumeBytes { get; init; }

    /// <summary>"day" or "month", by UTC.</summary>
    public string Period { get; init; } = "day";
}

/// <summary>
/// What must be so of a sender and its tunnel for a rule to count: of each list that is not empty any one, of facts all.
/// </summary>
public sealed record ConditionModel
{
    /// <summary>"active", "quarantined".</summary>
    public IReadOnlyList<string> States { get; init; } = [];

    /// <summary>"openvpn/udp", "openvpn/tcp", "ipsec/udp", "ipsec/esp".</summary>
    public IReadOnlyList<string> Protocols { get; init; } = [];

    /// <summary>As OpenVPN spells them.</summary>
    public IReadOnlyList<string> Ciphers { get; init; } = [];

    /// <summary>Prefixes of the tunnel's outer address.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>ISO 3166-1 alpha-2, of the tunnel's outer address.</summary>
    public IReadOnlyList<string> Countries { get; init; } = [];

    /// <summary>"firmware>=2.4.1".</summary>
    public IReadOnlyList<string> Posture { get; init; } = [];

    /// <summary>Older facts do not count; null for any age.</summary>
    public int? PostureAgeSeconds { get; init; }
}

/// <summary>The addresses of one country, from and to, both included, by rising address.</summary>
/// <param name="V4">Eight bytes each, in network order.</param>
/// <param name="V6">Thirty-two bytes each, in network order.</param>
public sealed record CountryModel(string Code, byte[] V4, byte[] V6);

/// <summary>
/// A time zone of IANA's with its offsets for years ahead, so that every gateway keeps the same hours whatever its machine knows of them.
/// </summary>
/// <param name="Offsets">In turns: from when on, in seconds since the Unix epoch, and how many seconds the clocks are before UTC then.</param>
public sealed record ZoneModel(string Name, IReadOnlyList<long> Offsets);

/// <summary>Allows the subjects to open flows to one application or a group of them, or denies it to them.</summary>
public sealed record RuleModel
{
    public required int Id { get; init; }

    /// <summary>"device", "site", "host", "group", "label" or "network".</summary>
    public required string SubjectKind { get; init; }

    /// <summary>The network of the subjects; 0 for that of the application.</summary>
    public int NetworkId { get; init; }

    /// <summary>Identity of a device, site or host subject; 0 otherwise.</summary>
    public int SubjectId { get; init; }

    /// <summary>"pumps" for a group, "model=P200" or "model=P200,region=eu" for labels; empty otherwise.</summary>
    public string Subject { get; init; } = "";

    /// <summary>0 for a rule to a group.</summary>
    public required int ApplicationId { get; init; }

    /// <summary>Empty for a rule to one application.</summary>
    public string ApplicationGroup { get; init; } = "";

    /// <summary>Those that are in the group now.</summary>
    public IReadOnlyList<int> ApplicationIds { get; init; } = [];

    /// <summary>Null for none.</summary>
    public ConditionModel? Conditions { get; init; }

    /// <summary>Of all that it allows, whoever sends it; null for none.</summary>
    public LimitModel? Limit { get; init; }

    /// <summary>"allow" or "deny"; what is denied stays so whatever else allows it.</summary>
    public string Effect { get; init; } = "allow";

    /// <summary>When it ends, in nanoseconds since the Unix epoch; null for never.</summary>
    public long? Until { get; init; }

    /// <summary>Hours in which it is in force, "mon-fri 08:00-17:00 Europe/Vienna"; empty for always.</summary>
    public IReadOnlyList<string> Windows { get; init; } = [];
}
