using System.Globalization;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

public enum PushReadStatus : byte
{
    /// <summary>Another part follows.</summary>
    More,

    Complete,

    /// <summary>More parts or options than our client takes.</summary>
    TooMuch,
}

/// <summary>
/// Joins the parts of a push reply for the client role. Options that it does not understand are kept as text, not obeyed.
/// One reader reads one reply.
/// </summary>
public sealed class PushReplyReader
{
    private readonly List<IpPrefix> _routes = [];
    private readonly List<IpAddress> _dnsServers = [];
    private readonly List<string> _unknown = [];
    private PushOptions _options = new();
    private int _parts;
    private int _count;

    /// <summary>What was read so far; whole after <see cref="PushReadStatus.Complete"/>.</summary>
    public PushOptions Options => _options with { Routes = _routes, DnsServers = _dnsServers, Unknown = _unknown };

    /// <param name="message">One with <see cref="ControlMessageKind.PushReply"/>.</param>
    public PushReadStatus Add(ControlMessage message)
    {
        Invariant.Check(message.Kind == ControlMessageKind.PushReply, "only push replies are read");
        if (++_parts > NegotiationLimits.PushPartsMax)
        {
            return PushReadStatus.TooMuch;
        }

        var status = PushReadStatus.Complete;
        foreach (var option in message.Argument.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (++_count > NegotiationLimits.PushOptionsMax)
            {
                return PushReadStatus.TooMuch;
            }

            if (option == "push-continuation 2")
            {
                status = PushReadStatus.More;
            }
            else if (option != "push-continuation 1" && !TryRead(option.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            {
                _unknown.Add(option);
            }
        }

        return status;
    }

    private bool TryRead(string[] words)
    {
        switch (words)
        {
            case ["topology", var topology] when topology is "subnet" or "net30" or "p2p":
                _options = _options with { TopologySubnet = topology == "subnet", TopologyPointToPoint = topology == "p2p" };
                return true;

            case ["route-gateway", var gateway] when IpAddress.TryParse(gateway, out var address) && address.IsV4:
                _options = _options with { RouteGateway = address };
                return true;

            case ["ifconfig", var local, var other] when IpAddress.TryParse(local, out var address) && address.IsV4
                && IpAddress.TryParse(other, out var netmaskOrPeer) && netmaskOrPeer.IsV4:
                _options = _options with { Ifconfig = new Ifconfig(address, netmaskOrPeer) };
                return true;

            case ["ifconfig-ipv6", var local, var gateway] when TryInterface6(local, out var address, out var length)
                && IpAddress.TryParse(gateway, out var server) && !server.IsV4:
                _options = _options with { Ifconfig6 = new Ifconfig6(address, length, server) };
                return true;

            case ["route", ..] or ["route-ipv6", ..]:
                return TryReadRoute(words);

            case ["dhcp-option", "DNS" or "DNS6", var server] when IpAddress.TryParse(server, out var address):
                _dnsServers.Add(address);
                return true;

            case ["tun-mtu", var text] when TryNumber(text, 68, 65_535, out var number):
                _options = _options with { TunMtu = number };
                return true;

            case ["ping", var text] when TryNumber(text, 0, NegotiationLimits.KeepaliveSecondsMax, out var number):
                _options = _options with { PingSeconds = number };
                return true;

            case ["ping-restart", var text] when TryNumber(text, 0, NegotiationLimits.KeepaliveSecondsMax, out var number):
                _options = _options with { PingRestartSeconds = number };
                return true;

            case ["explicit-exit-notify", var text] when TryNumber(text, 0, 10, out var number):
                _options = _options with { ExplicitExitNotify = number };
                return true;

            case ["peer-id", var text] when TryNumber(text, 0, (int)DataLimits.NoPeerId - 1, out var number):
                _options = _options with { PeerId = (uint)number };
                return true;

            case ["cipher", var name] when DataCiphers.TryParse(name, out var cipher):
                _options = _options with { Cipher = cipher };
                return true;

            case ["protocol-flags", .. var flags]:
                return TryReadFlags(flags);

            case ["key-derivation", "tls-ekm"]:
                _options = _options with { KeyDerivationTlsEkm = true };
                return true;

            case ["auth-token", var token]:
                _options = _options with { AuthToken = token };
                return true;

            case ["comp-lzo", ..] or ["compress", "lzo"]:
                _options = _options with { Compression = CompressionFraming.Lzo };
                return true;

            case ["compress"] or ["compress", "stub" or "lz4"]:
                _options = _options with { Compression = CompressionFraming.StubSwap };
                return true;

            case ["compress", "stub-v2" or "lz4-v2"]:
                _options = _options with { Compression = CompressionFraming.StubV2 };
                return true;

            default:
                return false;
        }
    }

    /// <summary>Routes with a gateway of their own lead elsewhere than into the tunnel: not understood.</summary>
    private bool TryReadRoute(string[] words)
    {
        IpPrefix? route = words switch
        {
            ["route", var network] when IpAddress.TryParse(network, out var host) && host.IsV4 => IpPrefix.Host(host),
            ["route", var network, var mask] when IpAddress.TryParse(network, out var address) && address.IsV4
                && IpAddress.TryParse(mask, out var netmask) && Netmask.TryLength(netmask, out var length)
                && IpPrefix.TryCreate(address, length, out var masked) => masked,
            ["route-ipv6", var text] when IpPrefix.TryParse(text, out var prefix) && !prefix.IsV4 => prefix,
            _ => null,
        };
        if (route is { } understood)
        {
            _routes.Add(understood);
        }

        return route is not null;
    }

    private bool TryReadFlags(string[] words)
    {
        var flags = ProtocolFlags.None;
        foreach (var word in words)
        {
            if (!PushWords.TryParse(word, out var flag))
            {
                return false;
            }

            flags |= flag;
        }

        _options = _options with { ProtocolFlags = flags };
        return true;
    }

    private static bool TryInterface6(string text, out IpAddress address, out int length)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        address = default;
        length = 0;
        return slash > 0 && IpAddress.TryParse(text[..slash], out address) && !address.IsV4
            && TryNumber(text[(slash + 1)..], 0, 128, out length);
    }

    private static bool TryNumber(string text, int least, int most, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= least && number <= most;
}
