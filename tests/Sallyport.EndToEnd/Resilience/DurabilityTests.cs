using Sallyport.Api.Client;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Resilience;

/// <summary>What an installation is worth when its control process dies at a bad moment, and when it runs without privileges.</summary>
public sealed class DurabilityTests
{
    [NetworkFact]
    public async Task No_acknowledged_change_and_no_audit_record_is_lost_when_control_is_killed()
    {
        using var topology = new Topology();
        await using var sallyport = await Installation.Start(topology.Gateway);
        await sallyport.Client.AddNetworkAsync(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
        var acknowledged = new List<string>();
        for (var round = 0; round < 3; round++)
        {
            // Killed while commands are under way: after a number of them that differs from round to round.
            var adding = Add(sallyport, round, acknowledged);
            await Eventually.True(() => Count(acknowledged) >= (round + 1) * 7, "some devices");
            sallyport.KillControl();
            await adding;
            await sallyport.StartControl();
        }

        var devices = new HashSet<string>();
        string? cursor = null;
        do
        {
            var page = await sallyport.Client.ListDevicesAsync(limit: 100, cursor: cursor);
            devices.UnionWith(page.Items.Select(device => device.Name));
            cursor = page.Next;
        }
        while (cursor is not null);

        acknowledged.Where(name => !devices.Contains(name)).ShouldBeEmpty();
        var audit = await sallyport.Client.VerifyAuditAsync();
        audit.Valid.ShouldBeTrue(string.Join('\n', audit.Problems));
        audit.Records.ShouldBeGreaterThanOrEqualTo(acknowledged.Count);
    }

    [UnprivilegedFact]
    public async Task Without_root_the_gateway_runs_too()
    {
        using var topology = new Topology();
        await using var sallyport = await Installation.Start(topology.Gateway, userId: UnprivilegedFactAttribute.UserId);
        await sallyport.Client.AddNetworkAsync(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
        var created = await sallyport.Client.AddDeviceAsync(new DeviceCreate { Name = "pump", Network = "plant", Profile = new() });
        var host = topology.Attach("pump", 11);
        using var client = new OpenVpnProcess(host, created.Profile!.Text);
        await client.WaitUntilConnected();
        (await Dial.Tcp(host, System.Net.IPAddress.Parse("10.20.0.99"), 22)).DeniedAtOnce.ShouldBeTrue(sallyport.GatewayLog);
        File.ReadAllLines($"/proc/{sallyport.GatewayProcessId()}/status").ShouldContain(line => line.StartsWith($"Uid:\t{UnprivilegedFactAttribute.UserId}", StringComparison.Ordinal));
    }

    private static int Count(List<string> names)
    {
        lock (names)
        {
            return names.Count;
        }
    }

    /// <summary>Adds devices until the server goes away; notes those that it confirmed.</summary>
    private static async Task Add(Installation sallyport, int round, List<string> acknowledged)
    {
        try
        {
            for (var number = 0; number < 1000; number++)
            {
                var name = $"device-{round}-{number}";
                await sallyport.Client.AddDeviceAsync(new DeviceCreate { Name = name, Network = "plant" });
                lock (acknowledged)
                {
                    acknowledged.Add(name);
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ApiException or TaskCanceledException)
        {
        }
    }
}
