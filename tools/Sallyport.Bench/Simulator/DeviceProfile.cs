using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Bench.Simulator;

/// <summary>
/// What one simulated device knows: read from the profile that a stock client would load, so that any server that stock clients can
/// reach can be loaded. UDP only.
/// </summary>
internal sealed class DeviceProfile : IDisposable
{
    private readonly TlsCryptV2ClientKey? wrappedKey;
    private readonly StaticKey? sharedKey;
    private readonly KeyDirection direction;
    private readonly HashKind digest;

    private DeviceProfile(string name, ProfileText text)
    {
        Name = name;
        var remote = text.Words("remote") ?? throw Bad(name, "no remote");
        var transport = remote.ElementAtOrDefault(2) ?? text.Words("proto")?.FirstOrDefault() ?? "udp";
        if (!transport.StartsWith("udp", StringComparison.Ordinal))
        {
            throw Bad(name, $"{transport}: simulated devices speak UDP; ask for a profile with that transport");
        }

        var port = int.Parse(remote.ElementAtOrDefault(1) ?? "1194", CultureInfo.InvariantCulture);
        Server = new IPEndPoint(IPAddress.TryParse(remote[0], out var address) ? address : Dns.GetHostAddresses(remote[0])[0], port);
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
            Wrapping = TlsCryptV2ClientKey.TryParsePem(v2, out wrappedKey) ? WrappingKind.TlsCryptV2 : throw Bad(name, "<tls-crypt-v2> cannot be read");
        }
        else if ((text.Block("tls-crypt") ?? text.Block("tls-auth")) is { } pem)
        {
            Wrapping = !StaticKey.TryParsePem(pem, out sharedKey) ? throw Bad(name, "the static key cannot be read")
                : text.Block("tls-crypt") is null ? WrappingKind.TlsAuth : WrappingKind.TlsCrypt;
        }

        Tls = TlsContext.CreateClient(new TlsClientOptions
        {
            AnchorsDer = Certificates(text.Block("ca") ?? throw Bad(name, "no <ca>")),
            ChainDer = text.Block("cert") is { } chain ? Certificates(chain) : [],
            PrivateKeyPkcs8 = text.Block("key") is { } key ? PrivateKey(key) : null,
        });
    }

    public string Name { get; }

    public IPEndPoint Server { get; }

    public TlsContext Tls { get; }

    public WrappingKind Wrapping { get; }

    /// <summary>What dynamic tls-crypt mixes in; null without wrapping.</summary>
    public byte[]? StaticKeyBytes => wrappedKey is not null ? wrappedKey.Key256.ToArray() : sharedKey?.Bytes.ToArray();

    /// <exception cref="FormatException">The profile lacks something or wants something that a simulated device cannot.</exception>
    public static DeviceProfile Parse(string name, string profile) => new(name, ProfileText.Parse(profile));

    /// <summary>A wrapper for one attempt.</summary>
    public ControlWrapper NewWrapper() => Wrapping switch
    {
        WrappingKind.TlsCryptV2 => TlsCryptWrapper.ForClient(wrappedKey!),
        WrappingKind.TlsCrypt => new TlsCryptWrapper(sharedKey!.Bytes, isServer: false),
        WrappingKind.TlsAuth => new TlsAuthWrapper(sharedKey!, direction, digest),
        _ => new PlainWrapper(),
    };

    public void Dispose()
    {
        Tls.Dispose();
        wrappedKey?.Dispose();
        sharedKey?.Dispose();
    }

    private static FormatException Bad(string name, string why) => new($"profile {name}: {why}");

    private static byte[][] Certificates(string pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return [.. certificates.Select(one => one.RawData)];
    }

    private static byte[] PrivateKey(string pem)
    {
        using AsymmetricAlgorithm key = pem.Contains("RSA PRIVATE", StringComparison.Ordinal) ? RSA.Create() : ECDsa.Create();
        key.ImportFromPem(pem);
        return key.ExportPkcs8PrivateKey();
    }
}
