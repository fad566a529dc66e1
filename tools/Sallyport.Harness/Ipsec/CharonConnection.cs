using System.Text;

namespace Sallyport.Harness.Ipsec;

/// <summary>A connection of swanctl.conf. What is not said is not written, so that strongSwan's own defaults hold.</summary>
public sealed record CharonConnection
{
    public string Name { get; init; } = CharonConf.Connection;

    /// <summary>Whom it calls; null answers whoever comes.</summary>
    public string? Remote { get; init; }

    public required CharonAuth Local { get; init; }

    public required CharonAuth Peer { get; init; }

    /// <summary>Of IKE: "aes256gcm16-prfsha256-ecp256".</summary>
    public string? Proposals { get; init; }

    /// <summary>Virtual addresses that an initiator asks for: "0.0.0.0", "::".</summary>
    public IReadOnlyList<string> VirtualAddresses { get; init; } = [];

    /// <summary>Pools that a responder gives addresses from.</summary>
    public IReadOnlyList<string> Pools { get; init; } = [];

    public IReadOnlyList<CharonChild> Children { get; init; } = [];

    /// <summary>Further lines, as in "mobike = no".</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    internal string ToText()
    {
        var text = new StringBuilder();
        text.Append("    ").Append(Name).Append(" {\n        version = 2\n");
        Setting(text, 2, "remote_addrs", Remote);
        Setting(text, 2, "proposals", Proposals);
        Setting(text, 2, "vips", string.Join(", ", VirtualAddresses));
        Setting(text, 2, "pools", string.Join(", ", Pools));
        Lines(text, 2, Options);
        Auth(text, "local", Local);
        Auth(text, "remote", Peer);
        text.Append("        children {\n");
        foreach (var child in Children)
        {
            text.Append("            ").Append(child.Name).Append(" {\n");
            Setting(text, 4, "local_ts", string.Join(", ", child.LocalSelectors));
            Setting(text, 4, "remote_ts", string.Join(", ", child.RemoteSelectors));
            Setting(text, 4, "esp_proposals", child.Proposals);
            Lines(text, 4, child.Options);
            text.Append("            }\n");
        }

        return text.Append("        }\n    }\n").ToString();
    }

    private static void Auth(StringBuilder text, string side, CharonAuth auth)
    {
        text.Append("        ").Append(side).Append(" {\n");
        Setting(text, 3, "auth", auth.Method);
        Setting(text, 3, "id", auth.Identity is null ? null : $"\"{auth.Identity}\"");
        Setting(text, 3, "certs", auth.Certificate);
        Setting(text, 3, "cacerts", auth.Authority);
        Setting(text, 3, "eap_id", auth.EapIdentity);
        Lines(text, 3, auth.Options);
        text.Append("        }\n");
    }

    private static void Setting(StringBuilder text, int depth, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            Lines(text, depth, [$"{name} = {value}"]);
        }
    }

    private static void Lines(StringBuilder text, int depth, IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            text.Append(' ', depth * 4).Append(line).Append('\n');
        }
    }
}

/// <summary>How one side proves who it is.</summary>
/// <param name="Method">"psk", "pubkey", "eap-mschapv2", "eap-tls".</param>
/// <param name="Identity">Null takes the certificate's, or any of the other side's.</param>
public sealed record CharonAuth(string Method, string? Identity = null)
{
    /// <summary>A file in x509/.</summary>
    public string? Certificate { get; init; }

    /// <summary>A file in x509ca/ that the other side's certificate must come from.</summary>
    public string? Authority { get; init; }

    /// <summary>The identity inside EAP; "%any" asks for it.</summary>
    public string? EapIdentity { get; init; }

    public IReadOnlyList<string> Options { get; init; } = [];
}

/// <summary>A CHILD SA of a connection; selectors that are not said are "dynamic": the side's own address, or the virtual one.</summary>
public sealed record CharonChild(string Name = CharonConf.Child)
{
    public IReadOnlyList<string> LocalSelectors { get; init; } = [];

    public IReadOnlyList<string> RemoteSelectors { get; init; } = [];

    /// <summary>Of ESP: "aes256gcm16-ecp256".</summary>
    public string? Proposals { get; init; }

    /// <summary>Further lines, as in "rekey_time = 10s".</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}

/// <summary>A secret of swanctl.conf.</summary>
/// <param name="Kind">"ike" for a pre-shared key, "eap" for a password.</param>
/// <param name="Identities">Whose it is; none is everybody's.</param>
public sealed record CharonSecret(string Kind, string Secret, params IReadOnlyList<string> Identities);

/// <summary>A pool of virtual addresses, with what else is told with them.</summary>
/// <param name="Options">As in "dns = 10.0.0.53".</param>
public sealed record CharonPool(string Name, string Addresses, params IReadOnlyList<string> Options);
