using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.Primitives;

namespace Sallyport.Fuzz.Targets;

/// <summary>What a gateway gives a peer whom it accepts.</summary>
internal static class Grants
{
    public static readonly SessionGrant Device = new()
    {
        Ciphers = [DataCipher.Aes256Gcm, DataCipher.ChaCha20Poly1305, DataCipher.Aes128Cbc],
        PeerId = 5,
        AddressV4 = IpAddress.Parse("10.20.0.7"),
        NetworkV4 = IpPrefix.Parse("10.20.0.0/16"),
        AddressV6 = IpAddress.Parse("fd00:20::7"),
        NetworkV6 = IpPrefix.Parse("fd00:20::/64"),
        Routes = [.. Enumerable.Range(1, 60).Select(i => IpPrefix.Parse($"192.168.{i}.0/24"))],
    };
}
