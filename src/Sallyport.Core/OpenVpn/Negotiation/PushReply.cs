using System.Globalization;
using System.Text;
using Sallyport.Core.Dns;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>
/// Writes PUSH_REPLY. Values are numbers, addresses and plain domain names, so that no name from elsewhere can smuggle in an option: commas and
/// control characters have no way in.
/// </summary>
public static class PushReply
{
    public const string Verb = "PUSH_REPLY";

    private const string More = ",push-continuation 2";
    private const string Last = ",push-continuation 1";

    /// <summary>
    /// The control messages, in order, without NUL; each, its NUL included, is at most <see cref="NegotiationLimits.PushPartMax"/>
    /// bytes. All but a lone one end with `push-continuation`.
    /// </summary>
    public static IReadOnlyList<string> Write(PushOptions options)
    {
        var room = NegotiationLimits.PushPartMax - 1 - More.Length;
        var parts = new List<string>();
        var part = new StringBuilder(Verb);
        foreach (var option in Options(options))
        {
            Invariant.Check(
                IsOption(option) && Verb.Length + 1 + option.Length <= room, "a pushed option is printable, without comma, and fits");
            if (part.Length + 1 + option.Length > room)
            {
                parts.Add(part.Append(More).ToString());
                part.Clear().Append(Verb);
            }

            part.Append(',').Append(option);
        }

        parts.Add(parts.Count == 0 ? part.ToString() : part.Append(Last).ToString());
        return parts;
    }

    private static bool IsOption(string option) =>
        option.Length > 0 && !option.AsSpan().ContainsAnyExceptInRange(' ', '~') && !option.Contains(',', StringComparison.Ordinal);

    private static IEnumerable<string> Options(PushOptions push)
    {
        if (push.TopologySubnet)
        {
            yield return "topology subnet";
        }

        if (push.TopologyPointToPoint)
        {
            yield return "topology p2p";
        }

        if (push.RouteGateway is { } gateway)
        {
            Invariant.Check(gateway.IsV4, "route-gateway is an IPv4 address");
            yield return $"route-gateway {gateway}";
        }

        if (push.Ifconfig is { } ifconfig)
        {
            Invariant.Check(ifconfig.Address.IsV4 && ifconfig.NetmaskOrPeer.IsV4, "ifconfig takes IPv4 addresses");
            yield return $"ifconfig {ifconfig.Address} {ifconfig.NetmaskOrPeer}";
        }

        if (push.Ifconfig6 is { } ifconfig6)
        {
            Invariant.Check(!ifconfig6.Address.IsV4 && !ifconfig6.Gateway.IsV4, "ifconfig-ipv6 takes IPv6 addresses");
            yield return Text($"ifconfig-ipv6 {ifconfig6.Address}/{Within(ifconfig6.PrefixLength, 0, 128)} {ifconfig6.Gateway}");
        }

        if (push.TunMtu is { } mtu)
        {
            yield return Text($"tun-mtu {Within(mtu, 68, 65_535)}");
        }

        foreach (var route in push.Routes)
        {
            yield return route.IsV4 ? $"route {route.Network} {Netmask.Of(route.Length)}" : $"route-ipv6 {route}";
        }

        if (push.RedirectGateway)
        {
            yield return "redirect-gateway def1";
        }

        foreach (var server in push.DnsServers)
        {
            yield return server.IsV4 ? $"dhcp-option DNS {server}" : $"dhcp-option DNS6 {server}";
        }

        if (push.DnsDomain is { } domain)
        {
            Invariant.Check(DnsName.IsPlain(domain), "a search domain is letters, digits, hyphens and dots");
            yield return "dhcp-option DOMAIN " + domain;
        }

        if (push.PingSeconds is { } ping)
        {
            yield return Text($"ping {Within(ping, 0, NegotiationLimits.KeepaliveSecondsMax)}");
        }

        if (push.PingRestartSeconds is { } restart)
        {
            yield return Text($"ping-restart {Within(restart, 0, NegotiationLimits.KeepaliveSecondsMax)}");
        }

        if (push.PeerId is { } peerId)
        {
            Invariant.Check(peerId < DataLimits.NoPeerId, "a peer id has 24 bits, not all ones");
            yield return Text($"peer-id {peerId}");
        }

        if (push.Cipher is { } cipher)
        {
            yield return "cipher " + cipher.Name();
        }

        if (push.ProtocolFlags != ProtocolFlags.None)
        {
            yield return "protocol-flags" + PushWords.Of(push.ProtocolFlags);
        }

        if (push.KeyDerivationTlsEkm)
        {
            yield return "key-derivation tls-ekm";
        }

        switch (push.Compression)
        {
            case CompressionFraming.None:
                break;
            case CompressionFraming.Lzo:
                yield return "comp-lzo no";
                break;
            case CompressionFraming.StubSwap:
                yield return "compress";
                break;
            case CompressionFraming.StubV2:
                yield return "compress stub-v2";
                break;
        }

        if (push.ExplicitExitNotify is { } times)
        {
            yield return Text($"explicit-exit-notify {Within(times, 0, 10)}");
        }

        if (push.AuthToken is { } token)
        {
            Invariant.Check(!token.Contains(' ', StringComparison.Ordinal), "a token is one word");
            yield return "auth-token " + token;
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static int Within(int value, int least, int most)
    {
        Invariant.Check(value >= least && value <= most, "a pushed number is in its range");
        return value;
    }
}

internal static class PushWords
{
    private static readonly (ProtocolFlags Flag, string Word)[] Words =
    [
        (ProtocolFlags.CcExit, "cc-exit"),
        (ProtocolFlags.TlsEkm, "tls-ekm"),
        (ProtocolFlags.DynTlsCrypt, "dyn-tls-crypt"),
        (ProtocolFlags.AeadEpoch, "aead-epoch"),
    ];

    /// <summary>Each with a space before it.</summary>
    public static string Of(ProtocolFlags flags)
    {
        var text = new StringBuilder();
        foreach (var (flag, word) in Words)
        {
            if ((flags & flag) != 0)
            {
                text.Append(' ').Append(word);
            }
        }

        return text.ToString();
    }

    public static bool TryParse(string word, out ProtocolFlags flag)
    {
        foreach (var known in Words)
        {
            if (known.Word == word)
            {
                flag = known.Flag;
                return true;
            }
        }

        flag = ProtocolFlags.None;
        return false;
    }
}
