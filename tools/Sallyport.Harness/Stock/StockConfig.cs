using System.Text;

namespace Sallyport.Harness.Stock;

/// <summary>Configurations of stock OpenVPN, both ends.</summary>
public static class StockConfig
{
    public const int Port = 1194;
    public const string ServerInner = "10.8.0.1";
    public const string ServerInnerV6 = "fd08::1";

    /// <summary><c>openvpn --server</c> with certificates; <paramref name="extra"/> are further lines.</summary>
    public static string Server(StockPki pki, string protocol = "udp4", params IEnumerable<string> extra)
    {
        var credential = pki.Server();
        return Join(
            [
                "dev tun",
                "topology subnet",
                "server 10.8.0.0 255.255.255.0",
                "server-ipv6 fd08::/64",
                $"proto {protocol}",
                $"port {Port}",
                "keepalive 2 10",
                "persist-tun",
                "dh none",
                "duplicate-cn",
                "verb 3",
                .. extra,
            ],
            ("ca", pki.AuthorityPem),
            ("cert", credential.CertificatePem),
            ("key", credential.KeyPem));
    }

    public static string Client(StockPki pki, StockCredential credential, string protocol = "udp4", string remote = Topology.GatewayV4, params IEnumerable<string> extra) =>
        Join(
            [
                "client",
                "dev tun",
                $"proto {protocol}",
                $"remote {remote} {Port}",
                "nobind",
                "remote-cert-tls server",
                "persist-tun",
                "verb 3",
                .. extra,
            ],
            ("ca", pki.AuthorityPem),
            ("cert", credential.CertificatePem),
            ("key", credential.KeyPem));

    /// <summary>A static key as <c>openvpn --genkey</c> makes it: "secret", "tls-crypt-v2-server".</summary>
    public static string GenerateKey(string kind)
    {
        var file = Path.GetTempFileName();
        try
        {
            Shell.Run("openvpn", "--genkey", kind, file);
            return File.ReadAllText(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A client key of tls-crypt-v2, wrapped by a server key.</summary>
    public static string GenerateTlsCryptV2ClientKey(string serverKeyPem)
    {
        var server = Path.GetTempFileName();
        var client = Path.GetTempFileName();
        try
        {
            File.WriteAllText(server, serverKeyPem);
            Shell.Run("openvpn", "--tls-crypt-v2", server, "--genkey", "tls-crypt-v2-client", client);
            return File.ReadAllText(client);
        }
        finally
        {
            File.Delete(server);
            File.Delete(client);
        }
    }

    public static string Inline(string name, string text) => $"<{name}>\n{text.TrimEnd()}\n</{name}>";

    private static string Join(IEnumerable<string> lines, params IEnumerable<(string Name, string Text)> inline)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.Append(line).Append('\n');
        }

        foreach (var (name, body) in inline)
        {
            text.Append(Inline(name, body)).Append('\n');
        }

        return text.ToString();
    }
}
