using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>Turns what the owner grants into what this peer can read.</summary>
internal static class Configuration
{
    public static PushOptions For(SessionGrant grant, PeerInfo peer, CipherDecision cipher, DataFormat format, bool useDynamicWrapping)
    {
        var knowsFlags = peer.Proto.HasFlag(IvProto.CcExitNotify);
        var exports = peer.Proto.HasFlag(IvProto.TlsKeyExport);
        return new PushOptions
        {
            TopologySubnet = grant is { AddressV4: not null, PeerV4: null },
            TopologyPointToPoint = grant is { AddressV4: not null, PeerV4: not null },
            RouteGateway = grant is { NetworkV4: { } network4, PeerV4: null } ? Gateway(network4) : null,
            Ifconfig = grant switch
            {
                { AddressV4: { } v4, PeerV4: { } peer4 } => new Ifconfig(v4, peer4),
                { AddressV4: { } v4, NetworkV4: { } in4 } => Ifconfig.Subnet(v4, in4.Length),
                _ => null,
            },
            Ifconfig6 = grant is { AddressV6: { } v6, NetworkV6: { } in6 } ? new Ifconfig6(v6, in6.Length, Gateway(in6)) : null,
            Routes = grant.Routes,
            RedirectGateway = grant.RedirectGateway,
            DnsServers = grant.DnsServers,
            DnsDomain = grant.DnsDomain,
            PingSeconds = grant.PingSeconds,
            PingRestartSeconds = grant.PingRestartSeconds,
            PeerId = format.UsePeerId ? grant.PeerId : null,
            Cipher = cipher.Origin == CipherOrigin.Pushed ? cipher.Cipher : null,
            ProtocolFlags = knowsFlags
                ? ProtocolFlags.CcExit
                    | (exports ? ProtocolFlags.TlsEkm : ProtocolFlags.None)
                    | (useDynamicWrapping ? ProtocolFlags.DynTlsCrypt : ProtocolFlags.None)
                : ProtocolFlags.None,
            KeyDerivationTlsEkm = exports && !knowsFlags,
            Compression = format.Compression,
            AuthToken = grant.AuthToken,
        };
    }

    /// <summary>The first address of a prefix is the gateway's.</summary>
    private static IpAddress Gateway(IpPrefix network) => new(network.First.Bits + 1);
}
