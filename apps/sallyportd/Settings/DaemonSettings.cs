using System.Net;

namespace Sallyport.Daemon.Settings;

/// <summary>Everything an operator can set, valid as a whole. Paths are absolute.</summary>
internal sealed record DaemonSettings
{
    public required string DataDirectory { get; init; }

    /// <summary>The file that was read; null where everything is a default or a variable.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Host name or address that profiles carry.</summary>
    public required string Endpoint { get; init; }

    public required IReadOnlyList<IPEndPoint> OpenVpnUdp { get; init; }

    public required IReadOnlyList<IPEndPoint> OpenVpnTcp { get; init; }

    public required TimeSpan Ping { get; init; }

    public required TimeSpan PingRestart { get; init; }

    public required TimeSpan Renegotiate { get; init; }

    public required TimeSpan HandshakeWindow { get; init; }

    /// <summary>Where IKE listens, and where IKE and ESP share a port. None of both: no IPsec.</summary>
    public required IReadOnlyList<IPEndPoint> Ike { get; init; }

    public required IReadOnlyList<IPEndPoint> IkeNat { get; init; }

    /// <summary>Somebody wants exactly these listeners: where they cannot be had nothing starts.</summary>
    public required bool IpsecIsSaid { get; init; }

    /// <summary>ESP as IP protocol 50, too.</summary>
    public required bool EspRaw { get; init; }

    public required int IkeThreads { get; init; }

    public required TimeSpan IkeProbe { get; init; }

    public required TimeSpan IkeDead { get; init; }

    /// <summary>Where new peers are sent instead; null for nowhere.</summary>
    public string? IkeRedirect { get; init; }

    public required string ApiSocket { get; init; }

    public required IReadOnlyList<IPEndPoint> ApiHttps { get; init; }

    public required int FlowTable { get; init; }

    public required int HandshakeThreads { get; init; }

    /// <summary>Null where nobody said how many.</summary>
    public required int? PacketThreads { get; init; }

    /// <summary>Name of the device through which the gateway host has part in the networks.</summary>
    public required string Tun { get; init; }

    /// <summary>Whether it is there even while no application is at the host.</summary>
    public required bool TunAlways { get; init; }

    public required bool TunOffloads { get; init; }

    /// <summary>What all names end with.</summary>
    public required string DnsZone { get; init; }

    public required TimeSpan FlowRetention { get; init; }

    /// <summary>File with prefixes and their countries; null for none.</summary>
    public string? CountryTable { get; init; }
}
