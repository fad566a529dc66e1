using Sallyport.EndToEnd.Fleet;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A network that takes every proof, and whoever is added to it.</summary>
public sealed class ProfileLoadFixture : FleetFixture
{
    private int made;

    protected override Task Prepare()
    {
        Installation.Say("network", "add", "plant-a", "--prefix", "10.20.0.0/16", "--ipsec-auth", "certificate", "--ipsec-auth", "psk", "--ipsec-auth", "eap-tls", "--ipsec-auth", "eap-mschapv2");
        return Task.CompletedTask;
    }

    /// <summary>The directory that the command line tool wrote.</summary>
    public string Make(string kind, string auth, params string[] flags)
    {
        var name = $"{kind}-{++made}";
        string[] where = kind == "site" ? ["--subnet", $"192.168.{made}.0/24"] : [];
        Installation.Say([kind, "add", name, "--network", "plant-a", .. where, "--protocol", "ipsec", "--auth", auth, .. flags]);
        return Path.Combine(Installation.WorkFolder, $"{name}.ipsec");
    }
}
