using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;

namespace Sallyport.Core.Tests.OpenVpn.Data;

/// <summary>
/// Packets made from the description of the formats by a script over another language's crypto library: key material 00..ff,
/// key id 3, peer id 0x010203, packet id 1. The CBC packets' IVs are AES(bytes 32 to 63 of the cipher slot, 00000001 00…).
/// </summary>
public sealed class DataKeyVectorTests
{
    private const string Inner = "4500010228292a2b2c2d2e2f303132333435363738";

    public static TheoryData<bool, DataCipher, HashKind, bool, string> Packets => new()
    {
        { false, DataCipher.Aes256Gcm, default, true, "4b010203000000010a963508b0c32bd82307db8dc759660c8ecb7abf439f8ce239937a5844073a10c7580f96c8" },
        { false, DataCipher.Aes256Gcm, default, false, "3300000001b3eefebb389d0413d17d3235a619c1428ecb7abf439f8ce239937a5844073a10c7580f96c8" },
        { false, DataCipher.Aes128Gcm, default, true, "4b010203000000013f467de88cd238900356edc15518ca889703fde5f4fa10bbaef007822886489ef0227c3dfc" },
        { false, DataCipher.Aes128Gcm, default, false, "3300000001d4f503684c90ee6bc4f6847eb1cb4aed9703fde5f4fa10bbaef007822886489ef0227c3dfc" },
        { false, DataCipher.ChaCha20Poly1305, default, true, "4b010203000000019a10a43a7b53f5a6dc666dc14e319fd84b8433c6db854915bf9bc9dc76f9cfd95e4263e193" },
        { false, DataCipher.ChaCha20Poly1305, default, false, "3300000001b6f99f22a0673ca3bc615c112159d05a4b8433c6db854915bf9bc9dc76f9cfd95e4263e193" },
        { true, DataCipher.Aes256Gcm, default, true, "4b0102030000000105dd633447081a062ced105e94e66649fc442913a6eaa6c40c9aa0503d1f188c2a04cfd6bd" },
        { true, DataCipher.Aes128Gcm, default, false, "330000000101be814eeefa66cfc7961eb503f1957a830b4c02c95d3a1720f508a970a4bcaa10146ed814" },
        { true, DataCipher.ChaCha20Poly1305, default, true, "4b010203000000013340cac042ef9e40406116bb2ba2d37ab9773048ef20cdf1eb6c2e281efc10453e22f65109" },
        {
            false, DataCipher.Aes256Cbc, HashKind.Sha1, true,
            "4b01020363b4e2cdaf4ac6cbd255d426eff591880e58faceaa4155598606af4c64fad84d9a6383b56a529ea6ab112a5dd3a2668cc254e3f8308164df6c5fd998a5151f4866cee651"
        },
        {
            false, DataCipher.Aes128Cbc, HashKind.Sha256, true,
            "4b010203c29bbb273a4fd579fe2a34e6be3d143bba13b2533937170670a7506be3541236aa4155598606af4c64fad84d9a6383b547c8b3fd5c0293fe8dd9753d5592c80dc5ba70cf049d6bae2cefa2ace9b0e55e"
        },
        {
            true, DataCipher.Aes256Cbc, HashKind.Sha512, true,
            "4b0102039d16cebf7df78f349a309254ca93fa64bf381a1f0aa532a4af50559abc442665f3e00c1b76b0d0030faab51dd455daa1b56b0205dbf89574d20a5a5bb859ec5452ef3c1c0c8cdfbc137d82cc16b099d8bd9a8d6421c7db4a72bdecfc79635d14a6830b42dca3e8fba5fed09886f30cd3"
        },
        {
            true, DataCipher.Aes128Cbc, HashKind.Sha1, true,
            "4b010203746d1b49945e548e56eecbd4dec0804f1eb971bb52ef3c1c0c8cdfbc137d82cc16b099d83b0955977c4aec9105676dc7fbf9381af2452b9188546abed86cd4b54edb97fd"
        },
    };

    [Theory]
    [MemberData(nameof(Packets))]
    public void Packets_are_those_of_the_format(bool fromServer, DataCipher cipher, HashKind auth, bool usePeerId, string expected)
    {
        var format = new DataFormat(cipher, auth, usePeerId, CompressionFraming.None);
        using var material = new KeyMaterial([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        var sender = DataKey.Create(material, format, isServer: fromServer, keyId: 3, peerId: 0x010203);
        var receiver = DataKey.Create(material, format, isServer: !fromServer, keyId: 3, peerId: 0x010203);
        try
        {
            var inner = Convert.FromHexString(Inner);
            var buffer = new byte[sender.Headroom + inner.Length + sender.Tailroom];
            inner.CopyTo(buffer, sender.Headroom);
            sender.Seal(buffer, sender.Headroom, inner.Length, out var start, out var length).ShouldBeTrue();
            Convert.ToHexStringLower(buffer.AsSpan(start, length)).ShouldBe(expected);

            var packet = Convert.FromHexString(expected);
            receiver.Open(packet, out var innerStart, out var innerLength).ShouldBe(DropReason.None);
            Convert.ToHexStringLower(packet.AsSpan(innerStart, innerLength)).ShouldBe(Inner);
        }
        finally
        {
            sender.Free();
            receiver.Free();
        }
    }
}
