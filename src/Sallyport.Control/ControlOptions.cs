using Sallyport.Api.Nodes;
using Sallyport.Control.Pki;

namespace Sallyport.Control;

/// <summary>How control runs; sallyportd fills it from its settings.</summary>
public sealed record ControlOptions
{
    /// <summary>Holds the databases, the keys, the token and the sockets; made with mode 0700 where it is missing.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Host name or address that profiles dial.</summary>
    public required string Endpoint { get; init; }

    /// <summary>Ports that profiles dial; 0 leaves the transport out.</summary>
    public int OpenVpnUdpPort { get; init; } = 1194;

    public int OpenVpnTcpPort { get; init; } = 1194;

    /// <summary>Ports of IKE, and of IKE and ESP in UDP, that profiles dial; 0 for what is not offered.</summary>
    public int IkePort { get; init; } = 500;

    public int IkeNatPort { get; init; } = 4500;

    /// <summary>Further names and addresses of the HTTPS API's certificate; the endpoint and localhost are always in it.</summary>
    public IReadOnlyList<string> ApiNames { get; init; } = [];

    /// <summary>Listeners and timings of the gateways. The keys in it are control's own and are filled in by it.</summary>
    public GatewaySettings Gateway { get; init; } = new();

    public CertificateLifetimes Lifetimes { get; init; } = new();

    /// <summary>How long the answer to a revocation waits for the gateways.</summary>
    public TimeSpan CutWait { get; init; } = TimeSpan.FromSeconds(2);

    public long FlowsKept { get; init; } = 1_000_000;

    public TimeSpan FlowAge { get; init; } = TimeSpan.FromDays(30);

    public long EventsKept { get; init; } = 100_000;

    /// <summary>File with prefixes and their countries, for rules that look at them; null for none.</summary>
    public string? CountryTable { get; init; }

    public string NodeSocket => Path.Combine(DataDirectory, "gateway.sock");

    public string TokenFile => Path.Combine(DataDirectory, "admin.token");

    public string RootCertificateFile => Path.Combine(DataDirectory, "ca.pem");

    internal string MasterKeyFile => Path.Combine(DataDirectory, "master.key");

    internal string AuditHeadFile => Path.Combine(DataDirectory, "audit.head");

    internal string FleetFile => Path.Combine(DataDirectory, "sallyport.db");

    internal string TrafficFile => Path.Combine(DataDirectory, "traffic.db");
}
