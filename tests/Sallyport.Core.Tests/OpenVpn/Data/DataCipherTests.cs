using Sallyport.Core.OpenVpn.Data;

namespace Sallyport.Core.Tests.OpenVpn.Data;

public sealed class DataCipherTests
{
    [Theory]
    [InlineData(DataCipher.Aes256Gcm, "AES-256-GCM", 32, true)]
    [InlineData(DataCipher.Aes128Gcm, "AES-128-GCM", 16, true)]
    [InlineData(DataCipher.ChaCha20Poly1305, "CHACHA20-POLY1305", 32, true)]
    [InlineData(DataCipher.Aes256Cbc, "AES-256-CBC", 32, false)]
    [InlineData(DataCipher.Aes128Cbc, "AES-128-CBC", 16, false)]
    public void Ciphers_have_the_names_that_OpenVPN_gives_them(DataCipher cipher, string name, int keyLength, bool isAead)
    {
        cipher.Name().ShouldBe(name);
        cipher.KeyLength().ShouldBe(keyLength);
        cipher.IsAead().ShouldBe(isAead);
        DataCiphers.TryParse(name.ToLowerInvariant(), out var parsed).ShouldBeTrue();
        parsed.ShouldBe(cipher);
    }

    [Theory]
    [InlineData("BF-CBC")]
    [InlineData("DES-EDE3-CBC")]
    [InlineData("none")]
    [InlineData("")]
    public void Weak_ciphers_and_none_are_unknown(string name) => DataCiphers.TryParse(name, out _).ShouldBeFalse();
}
