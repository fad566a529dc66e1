using Sallyport.Harness.Stock;

namespace Sallyport.Harness.Ipsec;

/// <summary>The connections of an ipsec.conf, an ipsec.secrets, and what belongs into NSS.</summary>
/// <param name="Connections">The "conn" sections.</param>
/// <param name="Secrets">Of ipsec.secrets.</param>
public sealed record LibreswanProfile(string Connections, string Secrets = "")
{
    public StockCredential? Own { get; init; }

    public string? AuthorityPem { get; init; }
}

/// <summary>Settings of stock libreswan, by how it proves itself. "left" is its own side.</summary>
public static class LibreswanConf
{
    /// <summary>Name of its certificate in NSS.</summary>
    public const string OwnCertificate = "own";

    /// <summary>
    /// Both sides with one pre-shared key. <paramref name="options"/> are further lines and come last, as in "ike=aes_gcm256-sha2_256-dh31".
    /// </summary>
    public static LibreswanProfile Psk(
        string own, string identity, string remote, string gateway, string secret, params IEnumerable<string> options) => new(
        Connection(own, $"@{identity}", remote, gateway, ["authby=secret", .. options]),
        $"@{identity} @{gateway} : PSK \"{secret}\"\n");

    /// <summary>Both sides with certificates of P-256; it is known by its subject.</summary>
    public static LibreswanProfile Certificate(
        string own, StockCredential credential, string authorityPem, string remote, string gateway, params IEnumerable<string> options) => new(
        Connection(own, "%fromcert", remote, gateway, [$"leftcert={OwnCertificate}", "leftsendcert=always", "rightca=%same", "authby=ecdsa", .. options]))
    {
        Own = credential,
        AuthorityPem = authorityPem,
    };

    private static string Connection(string own, string identity, string remote, string gateway, IEnumerable<string> options) => string.Join(
        "\n    ",
        [
            $"conn {CharonConf.Connection}",
            $"left={own}",
            $"leftid={identity}",
            "leftupdown=/bin/true",
            $"right={remote}",
            $"rightid=@{gateway}",
            "ikev2=insist",
            "auto=add",

            // It offers both numberings otherwise, and would be given one that no ESP in user space has.
            "esn=no",
            .. options,
        ]) + "\n";
}
