using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Core.Tests.OpenVpn.Wrapping;

public class KeyFileTests
{
    [Fact]
    public void Static_key_of_openvpn_is_read_and_written_back_without_its_comment()
    {
        StaticKey.TryParsePem(StockVectors.StaticKeyPem, out var key).ShouldBeTrue();
        var marked = StockVectors.StaticKeyPem[StockVectors.StaticKeyPem.IndexOf("-----BEGIN", StringComparison.Ordinal)..];
        key.ToPem().TrimEnd().ShouldBe(marked.ReplaceLineEndings("\n").TrimEnd());
        key.Bytes[..4].ToArray().ShouldBe([0x3d, 0x1d, 0x49, 0x80]);
    }

    [Fact]
    public void Tls_crypt_v2_keys_of_openvpn_are_read_and_written_back_alike()
    {
        TlsCryptV2ServerKey.TryParsePem(StockVectors.ServerKeyPem, out var server).ShouldBeTrue();
        server.ToPem().TrimEnd().ShouldBe(StockVectors.ServerKeyPem.ReplaceLineEndings("\n"));
        TlsCryptV2ClientKey.TryParsePem(StockVectors.ClientKeyPem, out var client).ShouldBeTrue();
        client.ToPem().TrimEnd().ShouldBe(StockVectors.ClientKeyPem.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Generated_keys_survive_their_files_with_either_line_ending()
    {
        var entropy = new SeededEntropy(9);
        using var key = StaticKey.Generate(entropy);
        StaticKey.TryParsePem("setenv x\r\n<tls-crypt>\r\n" + key.ToPem().ReplaceLineEndings("\r\n"), out var again).ShouldBeTrue();
        again.Bytes.ToArray().ShouldBe(key.Bytes.ToArray());

        using var server = TlsCryptV2ServerKey.Generate(entropy);
        TlsCryptV2ServerKey.TryParsePem(server.ToPem().ReplaceLineEndings("\r\n"), out var serverAgain).ShouldBeTrue();
        serverAgain.Bytes.ToArray().ShouldBe(server.Bytes.ToArray());
        var client = server.IssueClient(entropy, entropy.Bytes(16));
        TlsCryptV2ClientKey.TryParsePem(client.ToPem(), out var clientAgain).ShouldBeTrue();
        clientAgain.Key256.ToArray().ShouldBe(client.Key256.ToArray());
        clientAgain.Wkc.ToArray().ShouldBe(client.Wkc.ToArray());
    }

    [Fact]
    public void Files_that_are_cut_or_too_long_or_of_another_kind_are_refused()
    {
        foreach (var text in (string?[])[null, "", "-----BEGIN OpenVPN Static key V1-----", StockVectors.ServerKeyPem, new string('a', 300_000)])
        {
            StaticKey.TryParsePem(text, out _).ShouldBeFalse();
            TlsCryptV2ClientKey.TryParsePem(text, out _).ShouldBeFalse();
        }

        TlsCryptV2ServerKey.TryParsePem(StockVectors.ClientKeyPem.Replace("client", "server", StringComparison.Ordinal), out _).ShouldBeFalse();
        TlsCryptV2ClientKey.TryParsePem(StockVectors.ServerKeyPem.Replace("server", "client", StringComparison.Ordinal), out _).ShouldBeFalse();
        StaticKey.TryParsePem(StockVectors.StaticKeyPem.Replace("3d1d4980", "3d1d49", StringComparison.Ordinal), out _).ShouldBeFalse();
        StaticKey.TryParsePem(StockVectors.StaticKeyPem.Replace("3d1d4980", "3d1d4980ff", StringComparison.Ordinal), out _).ShouldBeFalse();
        StaticKey.TryParsePem(StockVectors.StaticKeyPem.Replace("3d1d4980", "3d1d498g", StringComparison.Ordinal), out _).ShouldBeFalse();
    }

    [Fact]
    public void Mutated_key_files_never_throw()
    {
        var entropy = new SeededEntropy(11);
        foreach (var valid in (string[])[StockVectors.StaticKeyPem, StockVectors.ServerKeyPem, StockVectors.ClientKeyPem])
        {
            for (var i = 0; i < 3000; i++)
            {
                var text = System.Text.Encoding.Latin1.GetString(Mutations.Mutate(System.Text.Encoding.Latin1.GetBytes(valid), entropy));
                var isAny = StaticKey.TryParsePem(text, out _)
                    || TlsCryptV2ServerKey.TryParsePem(text, out _)
                    || TlsCryptV2ClientKey.TryParsePem(text, out _);
                (isAny && !text.Contains("-----BEGIN", StringComparison.Ordinal)).ShouldBeFalse();
            }
        }
    }

    [Fact]
    public void Largest_wrapped_key_fits_and_metadata_has_the_room_of_the_specification()
    {
        OpenVpnLimits.MaxMetadata.ShouldBe(734);
        using var server = TlsCryptV2ServerKey.Generate(new SeededEntropy(1));
        server.WrapClient(new byte[256], new byte[734]).Length.ShouldBe(1024);
        server.WrapClient(new byte[256], []).Length.ShouldBe(290);
    }
}
