using System.Globalization;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>What web forms of routers and settings of phones ask for, field by field, in their words.</summary>
internal static class SheetText
{
    private const int NameWidth = 26;

    public static string Write(IpsecContent content)
    {
        var text = new ConfigurationText();
        text.Line($"IPsec sheet of {content.Kind} {content.Name}, network {content.Network}. Holds what proves who it is: keep it secret, use it in one place.");
        Ways(text, content);
        foreach (var end in content.Ends)
        {
            Peer(text, content, end);
        }

        Phase1(text, content);
        Phase2(text, content);
        Selectors(text, content);
        Phones(text, content);
        return text.ToString();
    }

    private static void Ways(ConfigurationText text, IpsecContent content)
    {
        text.Line();
        text.Line("strongSwan:  cp -r swanctl/. /etc/swanctl/ && swanctl --load-all");
        if (LibreswanText.Knows(content))
        {
            text.Line($"libreswan:   {LibreswanText.Install(content)}");
        }

        text.Line("Others:      the fields below. Where a form has one choice, take the first that it knows; both sides need not be written alike.");
    }

    private static void Peer(ConfigurationText text, IpsecContent content, IpsecEnd end)
    {
        Head(text, content.Ends.Count == 1 ? "Peer" : string.Create(CultureInfo.InvariantCulture, $"Peer, uplink {end.Uplink} of {content.Ends.Count}"));
        Row(text, "Remote gateway", content.Endpoint);
        if (content.Port != 500 || content.NatPort is not (4500 or 0))
        {
            Row(text, "Ports", string.Create(CultureInfo.InvariantCulture, $"IKE {(content.Port > 0 ? content.Port : content.NatPort)}, NAT traversal {content.NatPort}"));
        }

        Row(text, "IKE version", "2 (IKEv1, main and aggressive mode are not spoken)");
        Row(text, "Local ID", $"{end.Id.Text.Replace(PeerId.KeyPrefix, "", StringComparison.Ordinal)}   type {TypeOf(end.Id)}");
        Row(text, "Remote ID", $"{content.GatewayId}   type {TypeOf(PeerId.Of(content.GatewayId))}");
        Row(text, "Authentication", AuthOf(content.Auth));
        Row(text, "Pre-shared key", end.Psk);
        Row(text, "User name", end.Username);
        Row(text, "Password", end.Password);
        if (content.HasCertificate)
        {
            Row(text, "Certificate and key", $"{end.Name}.p12, password {end.ArchivePassword}; as PEM swanctl/x509 and swanctl/private");
        }

        Row(text, "CA certificate", content.GatewayHasCertificate ? "ca.pem" : null);
        if (end.PpkId is not null)
        {
            Row(text, "Post-quantum key (PPK)", $"{end.Ppk}   with the ID {end.PpkId} (RFC 8784)");
        }
    }

    private static void Phase1(ConfigurationText text, IpsecContent content)
    {
        var proposals = content.Rules.Ike.Select(ProposalWords.Ike).ToList();
        for (var i = 0; i < proposals.Count; i++)
        {
            var aead = ProposalWords.IsAead(proposals[i]);
            Head(text, $"Phase 1 (IKE){Choice(i, proposals.Count)}");
            Row(text, "Encryption", ProposalWords.Form(proposals[i], TransformType.Encryption));
            Row(text, aead ? "Hash (PRF)" : "Hash", ProposalWords.Form(proposals[i], aead ? TransformType.Prf : TransformType.Integrity).Replace(" (PRF)", "", StringComparison.Ordinal));
            Row(text, "DH group", ProposalWords.Form(proposals[i], TransformType.KeyExchange));
            Row(text, "Additional key exchange", Additional(proposals[i]));
        }

        Common(text, "Phase 1 (IKE)", proposals.Count);
        Row(text, "Lifetime", Lifetime(content.Rules.IkeRekeySeconds));
        Row(text, "Dead peer detection", string.Create(CultureInfo.InvariantCulture, $"every {content.ProbeSeconds} s, given up after {content.DeadSeconds} s"));
        Row(text, "NAT traversal", content.Rules.Encapsulate ? "on, forced (everything in UDP)" : "on (automatic)");
        Row(text, "MOBIKE", "on, where there is such a field");
        Row(text, "Begins", content.IsDevice || content.Peer.Remotes.Count == 0 ? "this end" : $"both ends; the gateway to {string.Join(", ", PeerInput.Shown(content.Peer))}");
    }

    private static void Phase2(ConfigurationText text, IpsecContent content)
    {
        var proposals = content.Rules.Esp.Select(ProposalWords.Esp).ToList();
        for (var i = 0; i < proposals.Count; i++)
        {
            Head(text, $"Phase 2 (ESP){Choice(i, proposals.Count)}");
            Row(text, "Encryption", ProposalWords.Form(proposals[i], TransformType.Encryption));
            Row(text, "Hash", ProposalWords.IsAead(proposals[i]) ? "none (the cipher has its own)" : ProposalWords.Form(proposals[i], TransformType.Integrity));
            Row(text, "PFS group", proposals[i].Has(TransformType.KeyExchange) ? ProposalWords.Form(proposals[i], TransformType.KeyExchange) : "none");
            Row(text, "Extended sequence (ESN)", ProposalWords.Form(proposals[i], TransformType.ExtendedSequence));
        }

        Common(text, "Phase 2 (ESP)", proposals.Count);
        Row(text, "Mode", content.Peer.Mode);
        Row(text, "Lifetime", Lifetime(content.Rules.ChildRekeySeconds));
    }

    private static void Selectors(ConfigurationText text, IpsecContent content)
    {
        if (content.IsTransport)
        {
            return;
        }

        Head(text, content.IsDevice ? "Addresses" : "Subnets, one row for each pair where the form takes one");
        if (content.IsDevice)
        {
            Row(text, "Own address", string.Join(", ", content.Local.Select(prefix => prefix.First)) + " (given by the gateway: virtual IP, mode config)");
            Row(text, "Behind the gateway", string.Join(", ", content.Remote));
        }
        else
        {
            foreach (var (local, remote) in Pairs(content))
            {
                Row(text, local.ToString(), remote.ToString());
            }

            text.Line("Left what is behind this router, right what is behind the gateway. A form that has one row only takes the one that matters; 0.0.0.0/0 is never");
            text.Line("needed. Which of it may be reached say the rules, for each conversation.");
        }
    }

    private static IEnumerable<(IpPrefix Local, IpPrefix Remote)> Pairs(IpsecContent content) =>
        from local in content.Local from remote in content.Remote where local.IsV4 == remote.IsV4 select (local, remote);

    /// <summary>What the systems themselves have, without an app.</summary>
    private static void Phones(ConfigurationText text, IpsecContent content)
    {
        if (!content.IsDevice || content.Auth is not ("eap-mschapv2" or "certificate" or "eap-tls"))
        {
            return;
        }

        var end = content.Ends[0];
        Head(text, "Built-in clients");
        if (content.Auth == "eap-mschapv2")
        {
            text.Line("Windows 10, 11 (PowerShell as administrator):");
            text.Line("    Import-Certificate -FilePath ca.pem -CertStoreLocation Cert:\\LocalMachine\\Root");
            text.Line($"    Add-VpnConnection -Name Sallyport -ServerAddress {content.Endpoint} -TunnelType Ikev2 -AuthenticationMethod Eap -EncryptionLevel Required -SplitTunneling");
            text.Line("    Set-VpnConnectionIPsecConfiguration -ConnectionName Sallyport -CipherTransformConstants GCMAES256 -AuthenticationTransformConstants GCMAES256 -EncryptionMethod AES256 -IntegrityCheckMethod SHA384 -DHGroup ECP384 -PfsGroup ECP384 -Force");
            foreach (var remote in content.Remote)
            {
                text.Line($"    Add-VpnConnectionRoute -ConnectionName Sallyport -DestinationPrefix {remote}");
            }

            text.Line($"Android 11 and newer: type IKEv2/IPSec MSCHAPv2, server {content.Endpoint}, IPSec identifier {end.Id.Text}, CA ca.pem (installed as CA certificate).");
            text.Line($"iOS, iPadOS, macOS: type IKEv2, server {content.Endpoint}, remote ID {content.GatewayId}, local ID {end.Id.Text}, user authentication by user name; install ca.pem and trust it.");
            return;
        }

        text.Line($"Android 11 and newer: type IKEv2/IPSec RSA takes RSA keys alone; the strongSwan app takes {end.Name}.p12 (IKEv2 certificate), and ca.pem as its CA.");
        text.Line($"iOS, iPadOS, macOS: install {end.Name}.p12 and ca.pem; type IKEv2, server {content.Endpoint}, remote ID {content.GatewayId}, local ID {end.Id.Text}, user authentication none, certificate.");
    }

    private static string Choice(int index, int count) => count == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", choice {index + 1} of {count}");

    /// <summary>What does not depend on the choice has a block of its own, or it would look like part of the last one.</summary>
    private static void Common(ConfigurationText text, string phase, int count)
    {
        if (count > 1)
        {
            Head(text, $"{phase}, {(count == 2 ? "either" : "whichever")} choice");
        }
    }

    private static string? Additional(Proposal proposal)
    {
        var additional = proposal.Transforms.Where(transform => transform.Type >= TransformType.AdditionalKeyExchange1).Select(ProposalWords.Form).ToList();
        return additional.Count == 0 ? null : string.Join(", ", additional);
    }

    private static string TypeOf(PeerId id) => id.Kind switch
    {
        PeerIdKind.Address => "IP address",
        PeerIdKind.Mail => "e-mail (user FQDN)",
        PeerIdKind.Key => "key ID",
        PeerIdKind.Name => "FQDN (some forms want @ before it)",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string AuthOf(string auth) => auth switch
    {
        "psk" => "pre-shared key",
        "eap-tls" => "EAP-TLS; the gateway by its certificate",
        "eap-mschapv2" => "EAP-MSCHAPv2; the gateway by its certificate",
        _ => "certificate (ECDSA P-256), on both ends",
    };

    private static string Lifetime(int seconds) => seconds == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"{seconds} s");

    private static void Head(ConfigurationText text, string head) => text.Line().Line(head);

    private static void Row(ConfigurationText text, string name, string? value)
    {
        if (value is not null)
        {
            text.Line($"    {name.PadRight(NameWidth)}{value}");
        }
    }
}
