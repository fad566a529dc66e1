using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.Tests.OpenVpn.Data;

public sealed class KeyDerivationTests
{
    /// <summary>
    /// Made with the openssl command, twice `openssl kdf -kdfopt digest:MD5-SHA1 … TLS1-PRF`: pre-master 00..2f, client's randoms
    /// 40.. and 60.., server's 80.. and a0.., 32 bytes each.
    /// </summary>
    private const string Expected =
        "d50af096006f23bb5719269191fbb30d61d0100ca5437d21067349e78f83e6d26ff144fa3152ec3943b7f9557c8dd7108390652a1afbc8d7120fabe6a17da9b7"
        + "b9d1856a0e7fd54a596155b1bdc347241e9a1274ce21ba653ec270fa80c01dde172753eb7d87181f66677b656cff2e71e7181013ffd1ca4c304ec8bf7f6538a4"
        + "a69b1ac2d8675e9bcad40505aab416afd9e5136756fa6b2ef71a6243124626e84cfd7e210d4b434808f63bf55bc25ba6747c2bee8f4d10d957bc8dc634884ef6"
        + "989d74dde58c35b5b0301428bd46cb1aa2907efc48f61a8cac3f406fe4e339c0dd9dc5cedd4a0f7d31b64204fcb293c4fa05ebd9e305b1170ac1302e99b50298";

    [Fact]
    public void The_prf_expands_as_openssl_does_step_by_step()
    {
        using var material = KeyDerivation.FromPrf(
            Sequence(0, 48), Sequence(0x40, 32), Sequence(0x60, 32), Sequence(0x80, 32), Sequence(0xa0, 32),
            new SessionId(0x1122334455667788), new SessionId(0xa1a2a3a4a5a6a7a8));
        Convert.ToHexStringLower(material.Bytes).ShouldBe(Expected);
    }

    [Fact]
    public void Exported_keys_are_taken_as_they_are_and_zeroed()
    {
        var exported = Sequence(0, 256);
        using var material = KeyDerivation.FromExporter(exported);
        material.Bytes.ToArray().ShouldBe(Sequence(0, 256));
        exported.ShouldAllBe(b => b == 0);
    }

    [Fact]
    public void Slots_lie_client_to_server_first()
    {
        using var material = new KeyMaterial(Sequence(0, 256));
        material.CipherSlot(serverToClient: false).ToArray().ShouldBe(Sequence(0, 64));
        material.HmacSlot(serverToClient: false).ToArray().ShouldBe(Sequence(64, 64));
        material.CipherSlot(serverToClient: true).ToArray().ShouldBe(Sequence(128, 64));
        material.HmacSlot(serverToClient: true).ToArray().ShouldBe(Sequence(192, 64));
    }

    [Fact]
    public void Disposing_zeroes_the_material()
    {
        var material = new KeyMaterial(Sequence(1, 256));
        material.Dispose();
        material.Bytes.ContainsAnyExcept((byte)0).ShouldBeFalse();
    }

    private static byte[] Sequence(int start, int count) => [.. Enumerable.Range(start, count).Select(i => (byte)i)];
}
