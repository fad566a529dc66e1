using System.Globalization;
using Sallyport.Api.Applications;
using Sallyport.Api.Client;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;

namespace Sallyport.Simulator.Enrolment;

/// <summary>
/// Devices with identities of an installation of ours, a site behind which one application answers, and the rule that lets the devices
/// reach it.
/// </summary>
public sealed class EnrolledFleet
{
    private const int AtOnce = 4;
    private readonly SallyportClient client;
    private readonly FleetPlan plan;
    private int rule;

    private EnrolledFleet(SallyportClient client, FleetPlan plan)
    {
        this.client = client;
        this.plan = plan;
    }

    public string ResponderProfile { get; private set; } = "";

    public IReadOnlyList<string> Profiles { get; private set; } = [];

    private string Site => $"{plan.Name}-site";

    private string Application => $"{plan.Name}-application";

    private static ProfileRequest Udp { get; } = new() { Transport = "udp" };

    /// <exception cref="ApiException">The installation refuses.</exception>
    public static async Task<EnrolledFleet> Enrol(SallyportClient client, FleetPlan plan, CancellationToken cancel = default)
    {
        var made = new EnrolledFleet(client, plan);
        await made.Prepare(cancel);
        var profiles = new string[plan.Devices];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, plan.Devices),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (index, stop) =>
            {
                var device = new DeviceCreate { Name = made.Device(index), Network = plan.Name, Groups = [plan.Name], Profile = Udp };
                profiles[index] = (await client.AddDeviceAsync(device, stop)).Profile!.Text;
            });
        made.Profiles = profiles;
        return made;
    }

    /// <summary>Leaves nothing behind but the audit trail.</summary>
    public async Task Remove(CancellationToken cancel = default)
    {
        await client.DeleteRuleAsync(rule, cancel);
        await client.DeleteApplicationAsync($"{Application}.{plan.Name}", cancel);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, plan.Devices),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (index, stop) => await client.DeleteDeviceAsync($"{Device(index)}.{plan.Name}", stop));
        await client.DeleteSiteAsync($"{Site}.{plan.Name}", cancel);
        await client.DeleteNetworkAsync(plan.Name, cancel);
    }

    private string Device(int index) => string.Create(CultureInfo.InvariantCulture, $"{plan.Name}-{index:00000}");

    private async Task Prepare(CancellationToken cancel)
    {
        await client.AddNetworkAsync(
            new NetworkCreate { Name = plan.Name, Prefixes = [FleetPlan.Prefix], Wrappings = plan.Wrapping is { } wrapping ? [wrapping] : null }, cancel);
        var site = await client.AddSiteAsync(new SiteCreate { Name = Site, Network = plan.Name, Subnets = [FleetPlan.Subnet], Profile = Udp }, cancel);
        ResponderProfile = site.Profile!.Text;
        await client.AddApplicationAsync(
            new ApplicationCreate
            {
                Name = Application,
                Site = Site,
                Target = FleetPlan.Target,
                Services = [string.Create(CultureInfo.InvariantCulture, $"udp/{FleetPlan.Port}")],
            },
            cancel);
        rule = (await client.AddRuleAsync(new RuleCreate { From = $"group:{plan.Name}", To = $"application:{Application}.{plan.Name}" }, cancel)).Id;
    }
}
