using Sallyport.Api.Credentials;
using Sallyport.Api.Networks;
using Sallyport.Api.Devices;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Admission;

/// <summary>A certificate that was valid for a day, ten days ago.</summary>
public sealed class ExpiryTests
{
    /// <summary>Monotonic time stays true, or the programs' timers would run backwards.</summary>
    private static readonly Dictionary<string, string> TenDaysAgo = new()
    {
        ["LD_PRELOAD"] = "/usr/$LIB/faketime/libfaketimeMT.so.1",
        ["FAKETIME"] = "-10d",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["DONT_FAKE_MONOTONIC"] = "1",
    };

    [ClockFact]
    public async Task An_expired_certificate_stays_out_and_a_valid_one_of_the_same_day_gets_in()
    {
        using var topology = new Topology();
        string expired, valid;
        await using var sallyport = await Installation.Start(topology.Gateway, TenDaysAgo);
        await sallyport.Client.AddNetworkAsync(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
        expired = await Add(sallyport, "expired", 1);
        valid = await Add(sallyport, "valid", 30);

        await sallyport.Stop();
        await sallyport.StartControl(new Dictionary<string, string> { ["LD_PRELOAD"] = "", ["FAKETIME"] = "" });
        using var good = new OpenVpnProcess(topology.Attach("valid", 11), valid);
        await good.WaitUntilConnected();
        using var bad = new OpenVpnProcess(topology.Attach("expired", 12), expired);
        await Task.Delay(TimeSpan.FromSeconds(4));
        bad.Connections.ShouldBe(0, bad.Log);
        var events = (await sallyport.Client.ListEventsAsync(limit: 50)).Items;
        events.ShouldContain(one => one.Kind == "handshake.failed" && one.Detail.Contains("expired", StringComparison.OrdinalIgnoreCase), string.Join('\n', events));
    }

    private static async Task<string> Add(Installation sallyport, string name, int days)
    {
        var created = await sallyport.Client.AddDeviceAsync(
            new DeviceCreate { Name = name, Network = "plant", Profile = new ProfileRequest { ValidDays = days } });
        return created.Profile!.Text;
    }
}
