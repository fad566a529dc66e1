using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;

namespace Sallyport.EndToEnd.Matrix;

/// <summary>
/// Three networks with the same prefix and a site of the same subnet each; they differ in digest and direction, and permit everything
/// that a network may opt into. Two more for passwords, and one
/// that has TLS 1.3 alone.
/// </summary>
public sealed class MatrixFixture : FleetFixture
{
    private static readonly string[] AllCiphers = ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305", "AES-256-CBC", "AES-128-CBC"];
    private static readonly string[] AllWrappings = ["tls-crypt-v2", "tls-crypt", "tls-auth", "none"];

    public IReadOnlyDictionary<string, TestSite> Sites => sites;

    private readonly Dictionary<string, TestSite> sites = [];

    protected override async Task Prepare()
    {
        await Add("sha1", "SHA1", "0", "certificate", "10.20.0.0/16");
        await Add("sha256", "SHA256", "1", "certificate", "10.20.0.0/16", "fd20::/64");
        await Add("sha512", "SHA512", "none", "certificate", "10.20.0.0/16");
        await Add("password", "SHA256", "1", "password", "10.21.0.0/16");
        await Client.AddNetworkAsync(new NetworkCreate { Name = "modern", Prefixes = ["10.23.0.0/16"], MinimumTls = "1.3" });
        await Add("both", "SHA256", "1", "certificate+password", "10.22.0.0/16");
    }

    private async Task Add(string name, string digest, string direction, string authentication, params string[] prefixes) =>
        sites[name] = await AddNetworkWithSite(new NetworkCreate
        {
            Name = name,
            Prefixes = prefixes,
            Ciphers = AllCiphers,
            AuthDigest = digest,
            Authentication = authentication,
            Wrappings = AllWrappings,
            TlsAuthDirection = direction,
        });
}
