using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>Writes what strongSwan 5.8 and newer loads with "swanctl --load-all": one file for each uplink, secrets in it, certificates beside it.</summary>
internal static class SwanctlText
{
    private const int IkePort = 500;
    private const int OverTimeMax = 60;
    private const int FingerprintBytes = 4; // of a name that people read; it proves nothing

    public static string CertificateOf(IpsecContent content, IpsecEnd end) => $"{end.Name}.{content.Network}.pem";

    /// <summary>By its fingerprint: the folder may hold the authorities of other installations.</summary>
    public static string AuthorityOf(string role, string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return $"sallyport-{role}-{Convert.ToHexStringLower(SHA256.HashData(certificate.RawData).AsSpan(0, FingerprintBytes))}.pem";
    }

    public static string Write(IpsecContent content, IpsecEnd end)
    {
        var text = new ConfigurationText();
        text.Line($"# {content.Kind} {content.Name}, network {content.Network}{Uplink(content, end)}: comes to {content.Endpoint} by IKEv2. Holds what proves who it is: keep it secret, use it in one place.");
        text.Line("# strongSwan 5.8 or newer: cp -r swanctl/. /etc/swanctl/ && swanctl --load-all");
        text.Section("connections", connections => connections.Section(end.Name, connection => Connection(connection, content, end)));
        if (end.Psk is not null || end.Password is not null || end.Ppk is not null)
        {
            text.Section("secrets", secrets => Secrets(secrets, content, end));
        }

        return text.ToString();
    }

    private static void Connection(ConfigurationText text, IpsecContent content, IpsecEnd end)
    {
        text.Set("version", "2");
        text.Set("remote_addrs", content.Endpoint);
        if (content.Port != IkePort)
        {
            // Another port than 500 is one where every message says that it is no ESP: it is dialled from such a port.
            text.Set("local_port", "4500");
            text.Set("remote_port", (content.NatPort > 0 ? content.NatPort : content.Port).ToString(CultureInfo.InvariantCulture));
        }

        if (content.Ends.Count > 1)
        {
            text.Line($"# local_addrs = the address of the way that is uplink {end.Uplink}; without it the routing table decides");
        }

        if (content.IsDevice)
        {
            text.Set("vips", string.Join(", ", content.Local.Select(prefix => prefix.IsV4 ? "0.0.0.0" : "::").Distinct()));
        }

        text.Set("proposals", string.Join(", ", content.Rules.Ike));
        text.Set("encap", content.Rules.Encapsulate ? "yes" : null);
        text.Set("dpd_delay", Seconds(content.ProbeSeconds));
        text.Set("keyingtries", "0");
        text.Set("rekey_time", Seconds(content.Rules.IkeRekeySeconds));
        text.Set("over_time", Seconds(OverTime(content.Rules)));
        text.Set("ppk_id", end.PpkId);
        text.Set("ppk_required", end.PpkId is null ? null : "yes");
        text.Section("local", local => Local(local, content, end));
        text.Section("remote", remote => remote.Set("auth", content.GatewayHasCertificate ? "pubkey" : "psk").Set("id", content.GatewayId)
            .Set("cacerts", content.GatewayHasCertificate ? AuthorityOf("root", content.Root) : null));
        text.Section("children", children => Children(children, content, end));
    }

    /// <summary>
    /// How long before the last moment strongSwan begins anew. Its own default, a tenth of rekey_time, may be longer than the time after which the network wants a
    /// proof again: it would then begin anew without end.
    /// </summary>
    private static int OverTime(IpsecModel rules)
    {
        int[] times = [rules.IkeRekeySeconds, rules.ReauthenticateSeconds];
        return Math.Clamp(times.Where(time => time > 0).DefaultIfEmpty(OverTimeMax * 10).Min() / 10, 1, OverTimeMax);
    }

    private static void Local(ConfigurationText text, IpsecContent content, IpsecEnd end)
    {
        text.Set("auth", content.Auth == "certificate" ? "pubkey" : content.Auth);
        text.Set("id", IdOf(end.Id));
        text.Set("eap_id", end.Username ?? (content.Auth == "eap-tls" ? end.Id.Text : null));
        text.Set("certs", content.HasCertificate ? CertificateOf(content, end) : null);
    }

    private static void Children(ConfigurationText text, IpsecContent content, IpsecEnd end)
    {
        if (content.IsTransport)
        {
            text.Section(end.Name, child => Child(child.Set("mode", "transport"), content));
            return;
        }

        if (!content.Peer.SinglePairs)
        {
            text.Line(content.IsDevice
                ? $"# Asks for whatever it may reach when it connects; the gateway answers with no more than that, and only that is routed. Now: {string.Join(", ", content.Remote)}"
                : "# What is behind the gateway now. 0.0.0.0/0 asks for whatever there is when it connects: the gateway answers with less.");
            text.Section(end.Name, child => Child(Selectors(child, content, content.Local, content.IsDevice ? Everything(content.Local) : content.Remote), content));
            return;
        }

        var number = 0;
        foreach (var local in content.Local)
        {
            foreach (var remote in content.Remote.Where(remote => remote.IsV4 == local.IsV4))
            {
                number++;
                var name = string.Create(CultureInfo.InvariantCulture, $"{end.Name}-pair-{number}");
                text.Section(name, child => Child(Selectors(child, content, [local], [remote]), content));
            }
        }
    }

    /// <summary>A device has the address that it is given: strongSwan's selector is then that address.</summary>
    private static ConfigurationText Selectors(ConfigurationText text, IpsecContent content, IReadOnlyList<IpPrefix> local, IReadOnlyList<IpPrefix> remote) =>
        text.Set("local_ts", content.IsDevice ? null : string.Join(", ", local)).Set("remote_ts", string.Join(", ", remote));

    /// <summary>Of the families that a device has. strongSwan installs policies and routes for what it is answered, never for what it asked.</summary>
    private static IReadOnlyList<IpPrefix> Everything(IReadOnlyList<IpPrefix> local) =>
        [.. new[] { IpPrefix.Parse("0.0.0.0/0"), IpPrefix.Parse("::/0") }.Where(all => local.Any(own => own.IsV4 == all.IsV4))];

    private static void Child(ConfigurationText text, IpsecContent content) => text
        .Set("esp_proposals", string.Join(", ", content.Rules.Esp.Select(esp => ProposalWords.Swanctl(ProposalWords.Esp(esp)))))
        .Set("rekey_time", Seconds(content.Rules.ChildRekeySeconds))
        .Set("rekey_bytes", content.Rules.ChildRekeyBytes == 0 ? null : content.Rules.ChildRekeyBytes.ToString(CultureInfo.InvariantCulture))
        .Set("rekey_packets", content.Rules.ChildRekeyPackets == 0 ? null : content.Rules.ChildRekeyPackets.ToString(CultureInfo.InvariantCulture))
        .Set("start_action", "start")
        .Set("close_action", "start")
        .Set("dpd_action", "restart");

    private static void Secrets(ConfigurationText text, IpsecContent content, IpsecEnd end)
    {
        if (end.Psk is { } psk)
        {
            text.Section("ike-" + end.Name, secret => secret.Set("id-local", IdOf(end.Id)).Set("id-remote", content.GatewayId).Set("secret", Quoted(psk)));
        }

        if (end.Password is { } password)
        {
            text.Section("eap-" + end.Name, secret => secret.Set("id", end.Username).Set("secret", Quoted(password)));
        }

        if (end.Ppk is { } ppk)
        {
            text.Section("ppk-" + end.Name, secret => secret.Set("id", end.PpkId).Set("secret", Quoted(ppk)));
        }
    }

    /// <summary>Bytes are written with "#" there.</summary>
    private static string IdOf(PeerId id) => id.KeyDigits is { } digits ? $"\"{PeerId.KeyPrefix}#{digits}\"" : id.Text;

    private static string Uplink(IpsecContent content, IpsecEnd end) =>
        content.Ends.Count == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", uplink {end.Uplink} of {content.Ends.Count}");

    private static string Quoted(string secret) => $"\"{secret}\"";

    private static string Seconds(int seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds}s");
}
