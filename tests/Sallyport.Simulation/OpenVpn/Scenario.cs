using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>What the two ends of a world are configured to.</summary>
internal sealed record Scenario
{
    public static ReadOnlySpan<byte> WrappedKeyId => "0123456789abcdef"u8;

    public WrappingKind Wrapping { get; init; } = WrappingKind.TlsCryptV2;

    /// <summary>Of the client, for tls-auth.</summary>
    public KeyDirection Direction { get; init; } = KeyDirection.Inverse;

    public DataCipher Cipher { get; init; } = DataCipher.Aes256Gcm;

    public HashKind Digest { get; init; } = HashKind.Sha256;

    /// <summary>IV_PROTO bits of the client; none plays a 2.4 client.</summary>
    public IvProto? Proto { get; init; }

    public TimeSpan ServerRenegotiates { get; init; }

    public TimeSpan ClientRenegotiates { get; init; }

    public ServerSessionOptions Server => new() { RenegotiateAfter = ServerRenegotiates };

    public ClientSessionOptions Client
    {
        get
        {
            var options = new ClientSessionOptions
            {
                Ciphers = [Cipher],
                AuthDigest = Digest,
                RenegotiateAfter = ClientRenegotiates,
                UsesTlsCryptV2 = Wrapping == WrappingKind.TlsCryptV2,
                StaticKey = StaticKey,
            };
            return Proto is { } proto ? options with { Proto = proto } : options;
        }
    }

    /// <summary>What dynamic tls-crypt mixes in; set by the world.</summary>
    public byte[]? StaticKey { get; init; }

    public SessionGrant Grant => new()
    {
        Ciphers = [Cipher],
        AuthDigest = Digest,
        PeerId = ServerEnd.PeerId,
        AddressV4 = IpAddress.Parse("10.20.0.7"),
        NetworkV4 = IpPrefix.Parse("10.20.0.0/16"),
        AddressV6 = IpAddress.Parse("fd00:20::7"),
        NetworkV6 = IpPrefix.Parse("fd00:20::/64"),
        Routes = [.. Enumerable.Range(1, 60).Select(i => IpPrefix.Parse($"192.168.{i}.0/24"))],
    };
}
