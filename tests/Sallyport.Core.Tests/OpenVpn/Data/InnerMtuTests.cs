using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;

namespace Sallyport.Core.Tests.OpenVpn.Data;

public sealed class InnerMtuTests
{
    [Theory]
    // 1492 - 20 - 8 - 4 - 4 - 16
    [InlineData(DataCipher.Aes256Gcm, HashKind.Sha1, true, CompressionFraming.None, false, false, 1440)]
    [InlineData(DataCipher.Aes256Gcm, HashKind.Sha1, false, CompressionFraming.None, false, false, 1443)]
    [InlineData(DataCipher.ChaCha20Poly1305, HashKind.Sha1, true, CompressionFraming.StubV2, false, false, 1440)]
    [InlineData(DataCipher.Aes128Gcm, HashKind.Sha1, true, CompressionFraming.Lzo, true, false, 1419)]
    [InlineData(DataCipher.Aes128Gcm, HashKind.Sha1, true, CompressionFraming.None, false, true, 1426)]
    // 1492 - 20 - 8 - 4 - 20 - 16 = 1424 = 89 blocks, less padding byte and packet id
    [InlineData(DataCipher.Aes256Cbc, HashKind.Sha1, true, CompressionFraming.None, false, false, 1419)]
    [InlineData(DataCipher.Aes256Cbc, HashKind.Sha256, true, CompressionFraming.None, false, false, 1403)]
    [InlineData(DataCipher.Aes128Cbc, HashKind.Sha512, false, CompressionFraming.StubSwap, true, true, 1338)]
    public void The_largest_packet_is_reckoned_from_the_path(
        DataCipher cipher, HashKind auth, bool usePeerId, CompressionFraming framing, bool outerIsV6, bool isTcp, int expected) =>
        InnerMtu.MaxPacket(new DataFormat(cipher, auth, usePeerId, framing), outerIsV6, isTcp, InnerMtu.DefaultTarget).ShouldBe(expected);

    [Fact]
    public void It_is_the_largest_whose_sealed_packet_fits()
    {
        using var material = new KeyMaterial(new SeededEntropy(4).Bytes(256));
        foreach (var format in DataKeyTests.AllFormats)
        {
            for (var target = 1400; target < 1433; target++)
            {
                var inner = InnerMtu.MaxPacket(format, outerIsV6: false, isTcp: false, target);
                Outer(material, format, inner).ShouldBeLessThanOrEqualTo(target);
                Outer(material, format, inner + 1).ShouldBeGreaterThan(target);
            }
        }
    }

    [Fact]
    public void A_segment_leaves_out_the_headers_inside()
    {
        InnerMtu.MaxSegment(1440, innerIsV6: false).ShouldBe(1400);
        InnerMtu.MaxSegment(1440, innerIsV6: true).ShouldBe(1380);
        InnerMtu.MaxSegment(20, innerIsV6: true).ShouldBe(0);
    }

    [Fact]
    public void A_path_too_narrow_for_anything_gives_zero()
    {
        foreach (var format in DataKeyTests.AllFormats)
        {
            for (var target = 0; target < 60; target++)
            {
                InnerMtu.MaxPacket(format, outerIsV6: true, isTcp: true, target).ShouldBe(0);
            }
        }
    }

    private static int Outer(KeyMaterial material, DataFormat format, int length)
    {
        var key = DataKey.Create(material, format, isServer: true, keyId: 0, peerId: 0);
        var buffer = new byte[key.Headroom + length + key.Tailroom];
        buffer[key.Headroom] = 0x45;
        key.Seal(buffer, key.Headroom, length, out _, out var sealedLength).ShouldBeTrue();
        key.Free();
        return sealedLength + 28;
    }
}
