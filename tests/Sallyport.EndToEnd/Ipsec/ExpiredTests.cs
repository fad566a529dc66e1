using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A certificate that was valid for a day, ten days ago.</summary>
public sealed class ExpiredTests
{
    /// <summary>Monotonic time stays true, or the programs' timers would run backwards.</summary>
    private static readonly Dictionary<string, string> TenDaysAgo = new()
    {
        ["LD_PRELOAD"] = "/usr/$LIB/faketime/libfaketimeMT.so.1",
        ["FAKETIME"] = "-10d",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["DONT_FAKE_MONOTONIC"] = "1",
    };

    [IpsecClockFact]
    public async Task An_expired_certificate_is_refused_with_its_line_and_a_valid_one_of_the_same_day_gets_in()
    {
        using var topology = new Topology();
        await using var sallyport = await Installation.Start(topology.Gateway, TenDaysAgo);
        await sallyport.Client.AddNetworkAsync(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
        var expired = await Add(sallyport, "expired", "certificate", 1);
        var inside = await Add(sallyport, "inside", "eap-tls", 1);
        var valid = await Add(sallyport, "valid", "certificate", 30);
        await sallyport.Stop();
        await sallyport.StartControl(new Dictionary<string, string> { ["LD_PRELOAD"] = "", ["FAKETIME"] = "" });

        using var good = await CharonProcess.Start(topology.Attach("valid", 11), valid.ForCharon());
        using var bad = await CharonProcess.Start(topology.Attach("expired", 12), expired.ForCharon());

        // Inside EAP-TLS strongSwan does not even show what is over, but leaves.
        using var worse = await CharonProcess.Start(topology.Attach("inside", 13), inside.ForCharon());
        await good.UntilChild(child => child.IsInstalled, "a valid certificate", IpsecDevice.Patience);
        foreach (var line in new[] { "expired.plant.sallyport: its certificate is not good: certificate has expired", "inside.plant.sallyport left in the middle of authentication" })
        {
            var events = await Eventually.Text(
                () => string.Join('\n', sallyport.Client.ListEventsAsync("handshake.failed", limit: 50).GetAwaiter().GetResult().Items.Select(one => one.Detail)),
                text => text.Contains(line, StringComparison.Ordinal), line, IpsecDevice.Patience);
            events.ShouldNotContain("valid.plant");
        }

        await bad.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
        (await worse.Sas()).ShouldAllBe(sa => !sa.IsEstablished);
    }

    private static async Task<ProfileIssued> Add(Installation sallyport, string name, string auth, int days) => (await sallyport.Client.AddDeviceAsync(
        new DeviceCreate { Name = name, Network = "plant", Profile = new ProfileRequest { Protocol = "ipsec", Auth = auth, ValidDays = days } })).Profile!;
}
