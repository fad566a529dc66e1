using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Esp;

/// <summary>Packets that others published, and those of another implementation in both directions.</summary>
public sealed class EspVectorTests
{
    /// <summary>RFC 7634 appendix A.</summary>
    [Fact]
    public void ChaCha20Poly1305_of_RFC_7634()
    {
        var packet = Convert.FromHexString(
            "01020304000000051011121314151617"
            + "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
            + "cbec163fac469b502773f6fb94e664da9165b82829f641e0"
            + "76aaa8266b7fb0f7b11b369907e1ad43");
        var keymat = Convert.FromHexString("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3");
        var sa = EspSa.Create(new EspSuite(EspCipher.ChaCha20Poly1305, default, false), EspMode.Tunnel, 0x01020304, 0x999, keymat, keymat);
        sa.Open(packet, out var start, out var length).ShouldBe(DropReason.None);
        Convert.ToHexStringLower(packet.AsSpan(start, length)).ShouldBe(
            "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
            + "28292a2b2c2d2e2f3031323334353637");
        sa.HighestOpened.ShouldBe(5UL);
        sa.Free();
    }

    /// <summary>
    /// Test cases of draft-mcgrew-gcm-test-01 for RFC 4106. Their trailers say "ICMP" around whole IP packets: as tunnels they are genuine, and
    /// not what they say; as transport mode they carry those bytes.
    /// </summary>
    [Theory]
    [InlineData(
        "4c80cdefbb5d10da906ac73c3613a634", "2e443b684956ed7e3b244cfe", "000043218765432100000000",
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f756470037369700963796265726369747902646b000021000101020201",
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732",
        "459018148f6cbe722fd04796562dfdb4")]
    [InlineData(
        "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "0000a5f80000000a",
        "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d001000001000000000000037369700963796265726369747902646b00000100010001",
        "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1",
        "83b70d3aa8bc6ee4c309e9d85a41ad4a")]
    [InlineData(
        "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "112233440102030405060708", "4a2cbfe300000002",
        "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b40101040201020201",
        "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e",
        "b335f4eecfdbf831824b4c4915956c96")]
    [InlineData(
        "6c6567616c697a656d6172696a75616e61616e64646f69746265666f72656961", "7475726e333021696765746d", "796b6963ffffffffffffffff",
        "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f707172737401020201",
        "f97ab2aa356d8edce17644ac8c78e25dd24dedbb29ebf1b64a274b39b49c3a864cd3d78ca4ae68a32b42458fb57dbe821dcc63b9",
        "d0937ba2945f669368661a329fb4c053")]
    public void AesGcm_of_RFC_4106(string key, string nonce, string aad, string text, string encrypted, string tag)
    {
        var extended = aad.Length == 24;
        var cipher = key.Length == 32 ? EspCipher.Aes128Gcm : EspCipher.Aes256Gcm;
        var sequence = Convert.ToUInt64(aad[8..], 16);
        var keymat = Convert.FromHexString(key + nonce[..8]);
        var packet = Convert.FromHexString(aad[..8] + aad[^8..] + nonce[8..] + encrypted + tag);
        var sa = EspSa.Create(new EspSuite(cipher, default, extended), EspMode.Tunnel, Convert.ToUInt32(aad[..8], 16), 0x999, keymat, keymat);
        sa.Wear(highestOpened: sequence - 1);
        sa.Open(packet, out _, out _).ShouldBe(DropReason.NextHeaderInvalid);
        Convert.ToHexStringLower(packet.AsSpan(16, text.Length / 2)).ShouldBe(text);
        (sa.OpenedPackets, sa.BadTags, sa.HighestOpened).ShouldBe((1UL, 0UL, sequence));
        sa.Free();
    }

    /// <summary>The same draft for RFC 4543: the IV is authenticated.</summary>
    [Fact]
    public void AesGmac_of_RFC_4543()
    {
        var packet = Convert.FromHexString(
            "00004321000000070000000000000000"
            + "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f707172737401020201"
            + "f2a9a836e155106aa8dcd618e4099aaa");
        var keymat = Convert.FromHexString("4c80cdefbb5d10da906ac73c3613a63422433c64");
        var sa = EspSa.Create(new EspSuite(EspCipher.Aes128Gmac, default, false), EspMode.Tunnel, 0x4321, 0x999, keymat, keymat);
        sa.Open(packet, out _, out _).ShouldBe(DropReason.NextHeaderInvalid);
        (sa.OpenedPackets, sa.BadTags).ShouldBe((1UL, 0UL));
        sa.Free();
    }

    public static TheoryData<EspSuite> Suites => [.. EspSaTests.AllSuites];

    /// <summary>Each suite, both ways, against an implementation that shares nothing with ours.</summary>
    [Theory]
    [MemberData(nameof(Suites))]
    public void Another_implementation_agrees(EspSuite suite)
    {
        var keymat = new SeededEntropy(77).Bytes(suite.KeyLength);
        var high = suite.ExtendedSequence ? 3UL << 32 : 0;
        var sa = EspSa.Create(suite, EspMode.Tunnel, 0x1001, 0x1001, keymat, keymat);
        sa.Wear(lastSent: high + 6, highestOpened: high + 6);
        var inner = Build.Udp("10.20.0.5", 4711, "10.20.0.9", 53, 37);
        var padding = -(inner.Length + 2) & (suite.Alignment - 1);
        byte[] text = [.. inner, .. Enumerable.Range(1, padding).Select(n => (byte)n), (byte)padding, 4];

        var theirs = NaiveEsp.Seal(suite, 0x1001, high + 7, keymat, text);
        var arrived = theirs.ToArray();
        sa.Open(arrived, out var start, out var length).ShouldBe(DropReason.None);
        arrived.AsSpan(start, length).ToArray().ShouldBe(inner);

        var buffer = new byte[sa.Headroom + inner.Length + sa.Tailroom(inner.Length)];
        inner.CopyTo(buffer, sa.Headroom);
        sa.Seal(buffer, sa.Headroom, inner.Length, out start, out length).ShouldBeTrue();
        (start, length).ShouldBe((0, theirs.Length));
        if (!suite.IsCbc)
        {
            // CBC has an IV of ours, which is unpredictable.
            buffer.ShouldBe(theirs);
        }

        sa.Free();
    }
}
