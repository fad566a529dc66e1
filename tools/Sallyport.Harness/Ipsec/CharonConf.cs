using System.Globalization;
using System.Text;
using Sallyport.Harness.Stock;

namespace Sallyport.Harness.Ipsec;

/// <summary>Settings of stock strongSwan for both ends, by how the initiator proves itself.</summary>
public static class CharonConf
{
    /// <summary>Name of the connection where nothing else is said.</summary>
    public const string Connection = "home";

    /// <summary>Name of its CHILD SA.</summary>
    public const string Child = "net";

    private const string OwnCertificate = "own.pem";
    private const string AuthorityFile = "ca.pem";
    private static readonly CharonChild Everything = new() { RemoteSelectors = ["0.0.0.0/0", "::/0"] };

    /// <summary>
    /// An initiator with a pre-shared key, which asks for a virtual address and for all that the gateway lets it have. Change with
    /// <paramref name="shape"/> what shall be otherwise.
    /// </summary>
    public static CharonProfile Psk(
        string remote, string identity, string gateway, string secret, Func<CharonConnection, CharonConnection>? shape = null) => Write(
        Initiator(remote, new CharonAuth("psk", identity), new CharonAuth("psk", gateway), shape),
        new CharonSecret("ike", secret, identity, gateway));

    /// <summary>An initiator with a certificate, known by its subject.</summary>
    public static CharonProfile Certificate(
        string remote, StockCredential own, string authorityPem, string gateway, Func<CharonConnection, CharonConnection>? shape = null) => Write(
            Initiator(remote, new CharonAuth("pubkey") { Certificate = OwnCertificate }, new CharonAuth("pubkey", gateway), shape))
        .WithCredential(own, authorityPem);

    /// <summary>An initiator with a user name and a password; the gateway proves itself by its certificate.</summary>
    public static CharonProfile EapMschapv2(
        string remote, string user, string password, string authorityPem, string gateway, Func<CharonConnection, CharonConnection>? shape = null) => Write(
            Initiator(remote, new CharonAuth("eap-mschapv2", user) { EapIdentity = user }, new CharonAuth("pubkey", gateway), shape),
            new CharonSecret("eap", password, user))
        .WithAuthority(authorityPem);

    /// <summary>An initiator with a certificate inside EAP-TLS.</summary>
    public static CharonProfile EapTls(
        string remote, StockCredential own, string authorityPem, string gateway, Func<CharonConnection, CharonConnection>? shape = null) => Write(
            Initiator(remote, new CharonAuth("eap-tls") { Certificate = OwnCertificate }, new CharonAuth("pubkey", gateway), shape))
        .WithCredential(own, authorityPem);

    /// <summary>A gateway that knows initiators by one method, gives them addresses of a pool and lets them reach <paramref name="subnets"/>.</summary>
    public static CharonConnection Gateway(CharonAuth own, CharonAuth peers, IReadOnlyList<string> subnets, params IReadOnlyList<CharonPool> pools) => new()
    {
        Local = own,
        Peer = peers,
        Pools = [.. pools.Select(pool => pool.Name)],
        Children = [new CharonChild { LocalSelectors = subnets }],
    };

    public static CharonAuth OwnCertificateAs(string identity) => new("pubkey", identity) { Certificate = OwnCertificate };

    public static CharonProfile Write(CharonConnection connection, params IEnumerable<CharonSecret> secrets) => Write([connection], secrets);

    public static CharonProfile Write(
        IEnumerable<CharonConnection> connections, IEnumerable<CharonSecret> secrets, params IEnumerable<CharonPool> pools)
    {
        var text = new StringBuilder("connections {\n");
        foreach (var connection in connections)
        {
            text.Append(connection.ToText());
        }

        text.Append("}\nsecrets {\n");
        var number = 0;
        foreach (var secret in secrets)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {secret.Kind}-{++number} {{\n        secret = \"{secret.Secret}\"\n");
            for (var index = 0; index < secret.Identities.Count; index++)
            {
                text.Append(CultureInfo.InvariantCulture, $"        id-{index} = \"{secret.Identities[index]}\"\n");
            }

            text.Append("    }\n");
        }

        text.Append("}\npools {\n");
        foreach (var pool in pools)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {pool.Name} {{\n        addrs = {pool.Addresses}\n");
            foreach (var option in pool.Options)
            {
                text.Append(CultureInfo.InvariantCulture, $"        {option}\n");
            }

            text.Append("    }\n");
        }

        return new CharonProfile(text.Append("}\n").ToString());
    }

    /// <summary>Its own certificate and key, and the authority of the others.</summary>
    public static CharonProfile WithCredential(this CharonProfile profile, StockCredential own, string authorityPem) => profile
        .WithFile($"x509/{OwnCertificate}", own.CertificatePem)
        .WithFile($"private/{OwnCertificate}", own.KeyPem)
        .WithAuthority(authorityPem);

    public static CharonProfile WithAuthority(this CharonProfile profile, string authorityPem) => profile.WithFile($"x509ca/{AuthorityFile}", authorityPem);

    private static CharonConnection Initiator(
        string remote, CharonAuth own, CharonAuth gateway, Func<CharonConnection, CharonConnection>? shape)
    {
        var made = new CharonConnection { Remote = remote, Local = own, Peer = gateway, VirtualAddresses = ["0.0.0.0"], Children = [Everything] };
        return shape is null ? made : shape(made);
    }
}
