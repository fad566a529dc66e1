using System.Globalization;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>Writes what libreswan 4 and newer loads from /etc/ipsec.d, for sites: it does not take a device's address and several selectors together.</summary>
internal static class LibreswanText
{
    /// <summary>EAP is not among what a libreswan router proves itself by.</summary>
    public static bool Knows(IpsecContent content) => !content.IsDevice && content.Auth is "psk" or "certificate" && !content.IsDevice && IkeOf(content).Count > 0;

    /// <summary>The commands, from inside the profile. Each uplink's certificate is imported: a connection without its own finds no key.</summary>
    public static string Install(IpsecContent content) => string.Join(
        " && ", ["cp libreswan/* /etc/ipsec.d/", .. content.Ends.Where(_ => content.HasCertificate).Select(end => $"ipsec import {end.Name}.p12"), "ipsec restart"]);

    public static string Configuration(IpsecContent content)
    {
        var text = new ConfigurationText();
        text.Line($"# site {content.Name}, network {content.Network}: comes to {content.Endpoint} by IKEv2.");
        text.Line($"# libreswan 4 or newer: {Install(content)}");
        if (content.HasCertificate)
        {
            text.Line($"# The password{(content.Ends.Count == 1 ? " is" : "s are")} in sheet.txt.");
        }

        foreach (var end in content.Ends)
        {
            text.Line();
            text.Line($"conn {end.Name}");
            Connection(text, content, end);
        }

        return text.ToString();
    }

    /// <summary>Empty where the certificate is all.</summary>
    public static string Secrets(IpsecContent content)
    {
        var text = new ConfigurationText();
        foreach (var end in content.Ends)
        {
            if (end.Psk is { } psk)
            {
                text.Line($"{IdOf(end.Id)} {IdOf(PeerId.Of(content.GatewayId))} : PSK \"{psk}\"");
            }

            if (end.Ppk is { } ppk)
            {
                text.Line($"{IdOf(end.Id)} {IdOf(PeerId.Of(content.GatewayId))} : PPKS \"{end.PpkId}\" \"{ppk}\"");
            }
        }

        return text.ToString();
    }

    private static void Connection(ConfigurationText text, IpsecContent content, IpsecEnd end)
    {
        void Set(string name, string value) => text.Line($"    {name}={value}");

        Set("ikev2", "insist");
        if (content.Ends.Count > 1)
        {
            text.Line($"    # left=the address of the way that is uplink {end.Uplink}; %defaultroute is whichever the routing table takes");
        }

        Set("left", "%defaultroute");
        Set("leftid", IdOf(end.Id));
        Set("right", content.Endpoint);
        Set("rightid", IdOf(PeerId.Of(content.GatewayId)));
        if (content.Port != 500)
        {
            Set("rightikeport", (content.NatPort > 0 ? content.NatPort : content.Port).ToString(CultureInfo.InvariantCulture));
        }

        Set("authby", content.HasCertificate ? "ecdsa" : "secret");
        if (content.HasCertificate)
        {
            // Whatever the certificate is called in NSS: it is found by its key.
            Set("leftckaid", end.KeyId!);
            Set("rightca", "%same");
        }

        if (content.IsTransport)
        {
            Set("type", "transport");
        }
        else
        {
            Set("leftsubnets", $"{{{string.Join(' ', content.Local)}}}");
            Set("rightsubnets", $"{{{string.Join(' ', Matching(content))}}}");
        }

        Set("ike", string.Join(',', IkeOf(content).Select(ProposalWords.LibreswanIke)));
        Set("esp", string.Join(',', content.Rules.Esp.Select(ProposalWords.Esp).Select(ProposalWords.LibreswanEsp).Distinct()));
        Set("esn", Numbering(content));
        Set("pfs", content.Rules.Esp.Select(ProposalWords.Esp).Any(esp => esp.Has(TransformType.KeyExchange)) ? "yes" : "no");
        if (content.Rules.Encapsulate)
        {
            Set("encapsulation", "yes");
        }

        Lifetimes(content, Set);
        if (end.PpkId is not null)
        {
            Set("ppk", "insist");
        }

        Set("auto", "start");
    }

    private static void Lifetimes(IpsecContent content, Action<string, string> set)
    {
        if (content.Rules.IkeRekeySeconds > 0)
        {
            set("ikelifetime", Seconds(content.Rules.IkeRekeySeconds));
        }

        if (content.Rules.ChildRekeySeconds > 0)
        {
            set("salifetime", Seconds(content.Rules.ChildRekeySeconds));
        }

        set("dpddelay", Seconds(content.ProbeSeconds));
        set("dpdaction", "restart");
        set("retransmit-timeout", Seconds(content.DeadSeconds));
    }

    private static string Numbering(IpsecContent content)
    {
        var all = content.Rules.Esp.Select(ProposalWords.Esp).SelectMany(esp => esp.Of(TransformType.ExtendedSequence)).Select(one => one.Id).Distinct().ToList();
        return all.Count > 1 ? "either" : all.Contains(1) ? "yes" : "no";
    }

    /// <summary>A pair of IPv4 and IPv6 is none: of both families only that one is written which the site has.</summary>
    private static IEnumerable<IpPrefix> Matching(IpsecContent content) =>
        content.Remote.Where(remote => content.Local.Any(local => local.IsV4 == remote.IsV4));

    private static IReadOnlyList<Proposal> IkeOf(IpsecContent content) =>
        [.. content.Rules.Ike.Select(ProposalWords.Ike).Where(ike => !ProposalWords.IsHybrid(ike))];

    private static string IdOf(PeerId id) => id.Kind switch
    {
        PeerIdKind.Name => "@" + id.Text,
        PeerIdKind.Key when id.KeyDigits is { } digits => "@#" + digits,
        PeerIdKind.Key => $"@[{id.Text[PeerId.KeyPrefix.Length..]}]",
        PeerIdKind.Address or PeerIdKind.Mail => id.Text,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Seconds(int seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds}s");
}
