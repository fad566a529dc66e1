using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Bench.OpenVpn;
using Sallyport.Core.Primitives;
using Sallyport.Harness;
using Sallyport.Simulator.Enrolment;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Stages;

/// <summary>An installation of ours: a device that a rule allows to one application behind a site, and devices that only connect.</summary>
internal sealed class OurServer : IVpnServer
{
    private const string Plant = "plant";

    /// <summary>A gateway that must first learn of tens of thousands of devices takes its time.</summary>
    private const int ReadySeconds = 120;

    private readonly Installation installation;

    private OurServer(Installation installation)
    {
        this.installation = installation;
    }

    public int ProcessId => installation.GatewayProcessId() ?? throw new InvalidOperationException("the gateway does not run");

    public int? ControlProcessId => installation.ControlProcessId;

    public string SenderProfile { get; private set; } = "";

    public string ReceiverProfile { get; private set; } = "";

    public IPAddress Target => Topology.Application;

    public Installation Installation => installation;

    /// <param name="settings">SALLYPORT_* and DOTNET_* variables.</param>
    public static async Task<OurServer> Start(Namespace where, IReadOnlyDictionary<string, string>? settings = null)
    {
        var made = new OurServer(await Installation.Start(where, settings));
        try
        {
            await made.Prepare();
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    public async Task<IReadOnlyList<string>> MakeProfiles(int count, string wrapping)
    {
        var network = $"fleet-{wrapping}";
        await installation.Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["10.30.0.0/16"], Wrappings = [wrapping] });
        var profiles = new string[count];
        for (var index = 0; index < count; index++)
        {
            profiles[index] = await AddDevice($"{network}-{index}", network);
        }

        await installation.UntilReady();
        return profiles;
    }

    public async Task<Station> MakeStation(int devices)
    {
        var fleet = await EnrolledFleet.Enrol(installation.Client, new FleetPlan { Name = "station", Devices = devices });
        await installation.UntilReady(ReadySeconds);
        return new Station(fleet.Profiles, fleet.ResponderProfile, new InnerEnd(IpAddress.Parse(FleetPlan.Target), FleetPlan.Port));
    }

    public async Task Restart()
    {
        await installation.KillGateway();
        await installation.UntilReady(ReadySeconds);
    }

    public ValueTask DisposeAsync() => installation.DisposeAsync();

    private async Task Prepare()
    {
        var client = installation.Client;
        await client.AddNetworkAsync(new NetworkCreate { Name = Plant, Prefixes = ["10.20.0.0/16"] });
        var site = await client.AddSiteAsync(new SiteCreate { Name = "hq", Network = Plant, Subnets = [Topology.SiteSubnet], Profile = Udp });
        await client.AddApplicationAsync(new ApplicationCreate
        {
            Name = "receiver",
            Site = "hq",
            Target = Target.ToString(),
            Services = [$"tcp/{Iperf.Port}"],
        });
        SenderProfile = (await AddDevice("sender", Plant)).With("dev tun-ours");
        ReceiverProfile = site.Profile!.Text.With("dev tun-ours");
        await client.AddRuleAsync(new RuleCreate { From = "device:sender", To = "application:receiver" });
        await installation.UntilReady();
    }

    private static ProfileRequest Udp { get; } = new() { Transport = "udp" };

    private async Task<string> AddDevice(string name, string network) =>
        (await installation.Client.AddDeviceAsync(new DeviceCreate { Name = name, Network = network, Profile = Udp })).Profile!.Text;
}
