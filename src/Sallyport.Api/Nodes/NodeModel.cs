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

    /// <summary>Whether the kernel may leave segments in one piece and checksums to us.</summary>
    public bool TunOffloads { get; init; } = true;

    /// <summary>What all names of this installation end with: "sallyport".</summary>
    public string DnsZone { get; init; } = "sallyport";
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

    /// <summary>False: pending, quarantined, retired or revoked. Nothing of it may pass or finish a handshake.</summary>
    public required bool Active { get; init; }

    public string? AddressV4 { get; init; }

    public string? AddressV6 { get; init; }

    /// <summary>What a site carries; empty for a device.</summary>
    public IReadOnlyList<string> Subnets { get; init; } = [];

    public IReadOnlyList<string> Groups { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<CredentialModel> Credentials { get; init; } = [];
}

/// <summary>A live credential of an identity; revoked ones are simply absent.</summary>
public sealed record CredentialModel
{
    public required int Id { get; init; }

    /// <summary>"certificate" or "password".</summary>
    public required string Kind { get; init; }

    /// <summary>SHA-256 of the certificate's DER, lower-case hex.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The 16 bytes that the tls-crypt-v2 metadata of this credential carries, lower-case hex.</summary>
    public string? WrappedKeyId { get; init; }

    public string? Username { get; init; }

    /// <summary>SHA-256(salt | password); passwords are made by us with 128 bits, so no slow hash is needed.</summary>
    public byte[]? PasswordSalt { get; init; }

    public byte[]? PasswordHash { get; init; }
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
}

/// <summary>
/// A time zone of IANA's with its offsets for years ahead, so that every gateway keeps the same hours whatever its machine knows of them.
/// </summary>
/// <param name="Offsets">In turns: from when on, in seconds since the Unix epoch, and how many seconds the clocks are before UTC then.</param>
public sealed record ZoneModel(string Name, IReadOnlyList<long> Offsets);

/// <summary>Allows the subjects to open flows to one application, or denies it to them.</summary>
public sealed record RuleModel
{
    public required int Id { get; init; }

    /// <summary>"device", "site", "host", "group", "label" or "network".</summary>
    public required string SubjectKind { get; init; }

    /// <summary>The network of the subjects; 0 for that of the application.</summary>
    public int NetworkId { get; init; }

    /// <summary>Identity of a device, site or host subject; 0 otherwise.</summary>
    public int SubjectId { get; init; }

    /// <summary>"pumps" for a group, "model=P200" for a label; empty otherwise.</summary>
    public string Subject { get; init; } = "";

    public required int ApplicationId { get; init; }

    /// <summary>"allow" or "deny"; what is denied stays so whatever else allows it.</summary>
    public string Effect { get; init; } = "allow";

    /// <summary>When it ends, in nanoseconds since the Unix epoch; null for never.</summary>
    public long? Until { get; init; }

    /// <summary>Hours in which it is in force, "mon-fri 08:00-17:00 Europe/Vienna"; empty for always.</summary>
    public IReadOnlyList<string> Windows { get; init; } = [];
}
