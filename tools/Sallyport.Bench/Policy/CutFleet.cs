using System.Globalization;
using Sallyport.Api.Applications;
using Sallyport.Api.Client;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Enrolment;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Policy;

/// <summary>Devices in batches, each of which may reach a site's application by a rule of its own, and others that may by another rule.</summary>
internal sealed class CutFleet
{
    public const string Network = "cuts";
    public const int Batches = 20;
    public const int BatchSize = 10;
    private const string Application = $"application:collector.{Network}";
    private const int AtOnce = 4;
    private readonly SallyportClient client;
    private readonly int[] rules = new int[Batches];

    private CutFleet(SallyportClient client)
    {
        this.client = client;
    }

    public string SiteProfile { get; private set; } = "";

    /// <summary>One batch behind the other.</summary>
    public IReadOnlyList<string> Cut { get; private set; } = [];

    public IReadOnlyList<string> Others { get; private set; } = [];

    public static InnerEnd Target { get; } = new(IpAddress.Parse(FleetPlan.Target), FleetPlan.Port);

    private static ProfileRequest Udp { get; } = new() { Transport = "udp" };

    public static async Task<CutFleet> Enrol(SallyportClient client, int others)
    {
        var made = new CutFleet(client);
        await client.AddNetworkAsync(new NetworkCreate { Name = Network, Prefixes = [FleetPlan.Prefix] });
        made.SiteProfile = (await client.AddSiteAsync(new SiteCreate { Name = "cuts-hq", Network = Network, Subnets = [FleetPlan.Subnet], Profile = Udp })).Profile!.Text;
        await client.AddApplicationAsync(new ApplicationCreate
        {
            Name = "collector",
            Site = "cuts-hq",
            Target = FleetPlan.Target,
            Services = [string.Create(CultureInfo.InvariantCulture, $"udp/{FleetPlan.Port}")],
        });
        made.Cut = await made.AddDevices("cut", Batches * BatchSize, index => BatchName(index / BatchSize));
        made.Others = await made.AddDevices("other", others, _ => "others");
        await client.AddRuleAsync(new RuleCreate { From = "label:batch=others", To = Application });
        for (var batch = 0; batch < Batches; batch++)
        {
            await made.Allow(batch);
        }

        return made;
    }

    public async Task Allow(int batch) => rules[batch] = (await client.AddRuleAsync(new RuleCreate { From = SubjectOf(batch), To = Application })).Id;

    /// <summary>Takes away the rule that allows.</summary>
    public Task<CutResult> Forbid(int batch) => client.DeleteRuleAsync(rules[batch]);

    /// <summary>Adds one that denies.</summary>
    public async Task<(CutResult Cut, int RuleId)> Deny(int batch)
    {
        var rule = await client.AddRuleAsync(new RuleCreate { From = SubjectOf(batch), To = Application, Effect = "deny" });
        return (rule.Cut!, rule.Id);
    }

    public Task EndDenial(int rule) => client.DeleteRuleAsync(rule);

    private static string SubjectOf(int batch) => $"label:batch={BatchName(batch)}";

    private static string BatchName(int batch) => string.Create(CultureInfo.InvariantCulture, $"b{batch:00}");

    private async Task<IReadOnlyList<string>> AddDevices(string name, int count, Func<int, string> batchOf)
    {
        var profiles = new string[count];
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (index, stop) =>
        {
            var device = new DeviceCreate
            {
                Name = string.Create(CultureInfo.InvariantCulture, $"{name}-{index:0000}"),
                Network = Network,
                Labels = new Dictionary<string, string> { ["batch"] = batchOf(index) },
                Profile = Udp,
            };
            profiles[index] = (await client.AddDeviceAsync(device, stop)).Profile!.Text;
        });
        return profiles;
    }
}
