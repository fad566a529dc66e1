using System.Globalization;
using System.Text;

namespace Sallyport.Control.Credentials;

/// <summary>Everything that goes into a profile. Keys are in clear here, and nowhere else.</summary>
internal sealed record ProfileContent
{
    /// <summary>"device" or "site".</summary>
    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string Network { get; init; }

    public required string Endpoint { get; init; }

    /// <summary>0 leaves the transport out.</summary>
    public required int UdpPort { get; init; }

    public required int TcpPort { get; init; }

    public required IReadOnlyList<string> Ciphers { get; init; }

    public required string AuthDigest { get; init; }

    public required string MinimumTls { get; init; }

    /// <summary>PEM: root and issuing certificate.</summary>
    public required string Anchors { get; init; }

    /// <summary>PEM: own and issuing certificate; null where the network asks for none.</summary>
    public string? Chain { get; init; }

    public string? PrivateKey { get; init; }

    public required string Wrapping { get; init; }

    /// <summary>PEM of the tls-crypt-v2, tls-crypt or tls-auth key; null for "none".</summary>
    public string? WrappingKey { get; init; }

    /// <summary>"0", "1" or "none"; only for tls-auth.</summary>
    public required string TlsAuthDirection { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }
}

/// <summary>Writes profiles that stock OpenVPN 2.4 to 2.7 loads. tls-crypt-v2 itself needs 2.5.</summary>
internal static class ProfileText
{
    public static string Write(ProfileContent content)
    {
        var text = new StringBuilder();
        Line(text, $"# {content.Name}, network {content.Network}. Holds the private key of this {content.Kind}: keep it secret, use it in one place.");
        Line(text, "client");
        Line(text, "dev tun");
        Line(text, "nobind");
        Line(text, "persist-tun");
        Line(text, "resolv-retry infinite");
        WrappingKey(text, content);
        Remotes(text, content);
        Line(text, "remote-cert-tls server");
        Line(text, $"tls-version-min {content.MinimumTls}");
        Ciphers(text, content);
        Line(text, $"auth {content.AuthDigest}");
        Line(text, "verb 3");
        if (content.Username is not null)
        {
            Line(text, "auth-nocache");
        }

        Block(text, "ca", content.Anchors);
        Block(text, "cert", content.Chain);
        Block(text, "key", content.PrivateKey);
        if (content.Username is { } username)
        {
            Block(text, "auth-user-pass", $"{username}\n{content.Password}\n");
        }

        return text.ToString();
    }

    /// <summary>Before the connection blocks, or clients warn that the blocks ignore it (and use it nevertheless).</summary>
    private static void WrappingKey(StringBuilder text, ProfileContent content)
    {
        if (content is { Wrapping: "tls-auth", TlsAuthDirection: not "none" })
        {
            Line(text, $"key-direction {content.TlsAuthDirection}");
        }

        Block(text, content.Wrapping, content.WrappingKey);
    }

    /// <summary>
    /// Blocks rather than `remote` lines, because explicit-exit-notify is an error beside TCP. UDP first; a network that swallows it costs
    /// 20 seconds, not the 120 of the default.
    /// </summary>
    private static void Remotes(StringBuilder text, ProfileContent content)
    {
        Line(text, "connect-timeout 20");
        Line(text, "connect-retry 2 60");
        if (content.UdpPort > 0)
        {
            Line(text, "<connection>");
            Line(text, $"remote {content.Endpoint} {content.UdpPort} udp");
            Line(text, "explicit-exit-notify 1");
            Line(text, "</connection>");
        }

        if (content.TcpPort > 0)
        {
            Line(text, "<connection>");
            Line(text, $"remote {content.Endpoint} {content.TcpPort} tcp");
            Line(text, "</connection>");
        }
    }

    /// <summary>2.4 does not know `data-ciphers`: it negotiates AES-GCM by itself, and falls back to `cipher`.</summary>
    private static void Ciphers(StringBuilder text, ProfileContent content)
    {
        Line(text, "ignore-unknown-option data-ciphers");
        Line(text, $"data-ciphers {string.Join(':', content.Ciphers)}");
        var fallback = content.Ciphers.FirstOrDefault(cipher => cipher.EndsWith("-CBC", StringComparison.Ordinal))
            ?? content.Ciphers.FirstOrDefault(cipher => cipher.StartsWith("AES", StringComparison.Ordinal));
        if (fallback is not null)
        {
            Line(text, $"cipher {fallback}");
        }
    }

    private static void Block(StringBuilder text, string name, string? content)
    {
        if (content is null)
        {
            return;
        }

        Line(text, $"<{name}>");
        text.Append(content);
        if (!content.EndsWith('\n'))
        {
            text.Append('\n');
        }

        Line(text, $"</{name}>");
    }

    /// <summary>Line feeds, whatever machine writes it; figures in the invariant culture.</summary>
    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
