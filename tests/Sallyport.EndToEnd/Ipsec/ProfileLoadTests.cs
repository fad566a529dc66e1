using Sallyport.EndToEnd.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>The files that an operator is given load in the programs that they are for, as the sheet says.</summary>
public sealed class ProfileLoadTests(ProfileLoadFixture fixture) : IClassFixture<ProfileLoadFixture>
{
    [IpsecTheory]
    [InlineData("device", "certificate")]
    [InlineData("device", "psk")]
    [InlineData("device", "eap-tls")]
    [InlineData("device", "eap-mschapv2")]
    [InlineData("device", "certificate", "--ppk", "yes")]
    [InlineData("site", "psk", "--uplinks", "2", "--remote", "203.0.113.5")]
    [InlineData("site", "psk", "--single-pairs", "yes", "--peer-id", "keyid:0x4711")]
    [InlineData("site", "certificate", "--peer-id", "hq@example.com")]
    [InlineData("site", "psk", "--mode", "transport", "--peer-id", "203.0.113.5")]
    public async Task Stock_strongSwan_loads_a_profile(string kind, string auth, params string[] flags)
    {
        var place = fixture.Make(kind, auth, flags);
        using var charon = await CharonProcess.Start(fixture.NewHost("router"));
        foreach (var configuration in Directory.GetFiles(Path.Combine(place, "swanctl", "conf.d")))
        {
            // Throws with what swanctl says where a word of it is none.
            charon.Load(Files(place, File.ReadAllText(configuration)));
            var name = Path.GetFileNameWithoutExtension(configuration);
            var shown = charon.Control("--list-conns");
            shown.ShouldContain($"{name}: IKEv2");
            shown.ShouldContain($"remote: {Topology.GatewayV4}");
            shown.ShouldContain(flags.Contains("transport") ? ": TRANSPORT, rekeying every 3600s" : ": TUNNEL, rekeying every 3600s");
            shown.ShouldContain(auth switch { "psk" => "local pre-shared key authentication:", "eap-tls" => "local EAP_TLS authentication:", "eap-mschapv2" => "local EAP_MSCHAPV2 authentication:", _ => "local public key authentication:" });
        }

        // It finds what proves who it is: it would not begin otherwise.
        await charon.WaitForLine($"initiating IKE_SA .* to {Topology.GatewayV4}");
    }

    [LibreswanFact]
    public async Task Stock_libreswan_loads_a_site_with_pre_shared_keys_of_two_uplinks()
    {
        var place = fixture.Make("site", "psk", "--uplinks", "2", "--peer-id", "203.0.113.6", "--peer-id", "hq@example.com", "--ppk", "yes");
        var name = Path.GetFileNameWithoutExtension(place);
        using var pluto = await LibreswanProcess.Start(fixture.NewHost("router"), new LibreswanProfile(
            File.ReadAllText(Path.Combine(place, "libreswan", $"{name}.conf")), File.ReadAllText(Path.Combine(place, "libreswan", $"{name}.secrets"))));
        await pluto.WaitForLine($"\"{name}/1x1\": added IKEv2 connection");
        await pluto.WaitForLine($"\"{name}-2/1x3\": added IKEv2 connection");
        pluto.Log.ShouldNotContain("ignored");
        pluto.Log.ShouldNotContain("ERROR");
    }

    [LibreswanFact]
    public async Task Stock_libreswan_finds_the_certificate_of_a_site_by_its_key()
    {
        var place = fixture.Make("site", "certificate");
        var name = Path.GetFileNameWithoutExtension(place);
        var (certificate, key) = (Path.Combine(place, "swanctl", "x509", $"{name}.plant-a.pem"), Path.Combine(place, "swanctl", "private", $"{name}.plant-a.pem"));
        using var pluto = await LibreswanProcess.Start(fixture.NewHost("router"), new LibreswanProfile(File.ReadAllText(Path.Combine(place, "libreswan", $"{name}.conf")))
        {
            AuthorityPem = File.ReadAllText(Path.Combine(place, "ca.pem")),
            Own = new StockCredential(File.ReadAllText(certificate), File.ReadAllText(key), [], []),
        });
        await pluto.WaitForLine($"\"{name}/1x1\": loaded private key matching left certificate");
        await pluto.WaitForLine($"\"{name}/1x1\": added IKEv2 connection");
    }

    /// <summary>As "cp -r swanctl/. /etc/swanctl/" puts them.</summary>
    private static CharonProfile Files(string place, string text)
    {
        var folder = Path.Combine(place, "swanctl");
        return new CharonProfile(text)
        {
            Files = Directory.GetFiles(folder, "*.pem", SearchOption.AllDirectories).ToDictionary(file => Path.GetRelativePath(folder, file), File.ReadAllText),
        };
    }
}
