using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Simulator.Profiles;

/// <summary>
/// What one simulated device knows: read from the profile that a stock client would load, so that any server that stock clients can
/// reach can be loaded. UDP only. Holds bytes, not OpenSSL's objects: there may be a hundred thousand of them.
/// </summary>
public sealed class DeviceProfile
{
    private readonly byte[][] anchors;
    private readonly byte[][] chain;
    private readonly byte[]? privateKey;
    private readonly byte[]? wrappedKey;
    private readonly byte[]? sharedKey;
    private readonly KeyDirection direction;
    private readonly HashKind digest;

    private DeviceProfile(string name, ProfileText text)
    {
        Name = name;
        var remote = text.Words("remote") ?? throw Bad("no remote");
        var transport = remote.ElementAtOrDefault(2) ?? text.Words("proto")?.FirstOrDefault() ?? "udp";
        if (!transport.StartsWith("udp", StringComparison.Ordinal))
        {
            throw Bad($"{transport}: simulated devices speak UDP; ask for a profile with that transport");
        }

        if (!ushort.TryParse(remote.ElementAtOrDefault(1) ?? "1194", NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            throw Bad($"{remote[1]} is no port");
        }

        Server = new IPEndPoint(AddressOf(remote.FirstOrDefault() ?? throw Bad("no remote")), port);
        digest = text.Words("auth")?[0] switch
        {
            "SHA256" => HashKind.Sha256,
            "SHA384" => HashKind.Sha384,
            "SHA512" => HashKind.Sha512,
            _ => HashKind.Sha1,
        };
        direction = text.Words("key-direction")?[0] switch
        {
            "0" => KeyDirection.Normal,
            "1" => KeyDirection.Inverse,
            _ => KeyDirection.Bidirectional,
        };
        if (text.Block("tls-crypt-v2") is { } v2)
        {
            Wrapping = WrappingKind.TlsCryptV2;
            wrappedKey = Encoding.ASCII.GetBytes(v2);
            using var parsed = ParseWrapped();
        }
        else if ((text.Block("tls-crypt") ?? text.Block("tls-auth")) is { } pem)
        {
            Wrapping = text.Block("tls-crypt") is null ? WrappingKind.TlsAuth : WrappingKind.TlsCrypt;
            sharedKey = Known(Encoding.ASCII.GetBytes(pem));
            using var parsed = ParseShared();
        }

        anchors = [.. Der(text.Block("ca") ?? throw Bad("no <ca>")).Select(Known)];
        chain = text.Block("cert") is { } certificates ? [.. Der(certificates)] : [];
        privateKey = text.Block("key") is { } key ? Der(key).FirstOrDefault() ?? throw Bad("<key> cannot be read") : null;
    }

    public string Name { get; }

    public IPEndPoint Server { get; }

    public WrappingKind Wrapping { get; }

    /// <exception cref="FormatException">The profile lacks something or wants something that a simulated device cannot.</exception>
    public static DeviceProfile Parse(string name, string profile) => new(name, ProfileText.Parse(profile));

    /// <summary>An identity as OpenSSL wants it, for one attempt.</summary>
    internal TlsContext NewTls() => TlsContext.CreateClient(new TlsClientOptions { AnchorsDer = anchors, ChainDer = chain, PrivateKeyPkcs8 = privateKey });

    /// <summary>A wrapper for one attempt, and what dynamic tls-crypt mixes in (null without wrapping).</summary>
    internal ControlWrapper NewWrapper(out byte[]? staticKey)
    {
        switch (Wrapping)
        {
            case WrappingKind.TlsCryptV2:
                using (var key = ParseWrapped())
                {
                    staticKey = key.Key256.ToArray();
                    return TlsCryptWrapper.ForClient(key);
                }

            case WrappingKind.TlsCrypt:
                using (var key = ParseShared())
                {
                    staticKey = key.Bytes.ToArray();
                    return new TlsCryptWrapper(key.Bytes, isServer: false);
                }

            case WrappingKind.TlsAuth:
                // The wrapper keeps this key.
                var shared = ParseShared();
                staticKey = shared.Bytes.ToArray();
                return new TlsAuthWrapper(shared, direction, digest);

            case WrappingKind.None:
            default:
                staticKey = null;
                return new PlainWrapper();
        }
    }

    private FormatException Bad(string why) => new($"profile {Name}: {why}");

    private TlsCryptV2ClientKey ParseWrapped() =>
        TlsCryptV2ClientKey.TryParsePem(Encoding.ASCII.GetString(wrappedKey!), out var key) ? key : throw Bad("<tls-crypt-v2> cannot be read");

    private StaticKey ParseShared() =>
        StaticKey.TryParsePem(Encoding.ASCII.GetString(sharedKey!), out var key) ? key : throw Bad("the static key cannot be read");

    private IPAddress AddressOf(string host)
    {
        if (IPAddress.TryParse(host, out var address))
        {
            return address;
        }

        try
        {
            return Dns.GetHostAddresses(host)[0];
        }
        catch (System.Net.Sockets.SocketException e)
        {
            throw Bad($"{host}: {e.Message}");
        }
    }

    private List<byte[]> Der(string pem)
    {
        var found = new List<byte[]>();
        var rest = pem.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            var der = new byte[fields.DecodedDataLength];
            if (!Convert.TryFromBase64Chars(rest[fields.Base64Data], der, out _))
            {
                throw Bad("a PEM block cannot be read");
            }

            found.Add(der);
            rest = rest[fields.Location.End..];
        }

        return found;
    }

    /// <summary>One copy of what all devices of a fleet share.</summary>
    private static byte[] Known(byte[] bytes) => SharedBytes.One(bytes);
}
