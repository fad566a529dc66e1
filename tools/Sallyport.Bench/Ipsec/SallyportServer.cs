using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Bench.OpenVpn;
using Sallyport.Bench.Stages;
using Sallyport.Harness;
using Sallyport.Harness.Ipsec;
using Sallyport.Harness.Stock;

namespace Sallyport.Bench.Ipsec;

/// <summary>An installation of ours as it comes: a device that a rule allows to one application behind a site, and devices that only connect.</summary>
internal sealed class SallyportServer : IIpsecServer
{
    private const string Plant = "plant";
    private const string Remote = Topology.GatewayV4;
    private const string DevicePrefix = "10.20.0.0/16";

    private readonly Installation installation;

    private SallyportServer(Installation installation)
    {
        this.installation = installation;
    }

    public int ProcessId => installation.GatewayProcessId() ?? throw new InvalidOperationException("the gateway does not run");

    public CharonProfile SenderProfile { get; private set; } = null!;

    public CharonProfile ReceiverProfile { get; private set; } = null!;

    public IkeCaller Sender { get; private set; } = null!;

    public IkeCaller Receiver { get; private set; } = null!;

    public IPAddress Target => Topology.Application;

    public string AuthorityPem { get; private set; } = "";

    public static async Task<SallyportServer> Start(Stage stage)
    {
        var made = new SallyportServer(await Installation.Start(stage.Topology.Gateway));
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

    public async Task<IReadOnlyList<IkeCaller>> MakeCallers(IkeProof proof, int count)
    {
        var network = $"fleet-{proof}".ToLowerInvariant();
        await installation.Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["10.30.0.0/16"] });
        await installation.Client.AddSiteAsync(new SiteCreate { Name = "far", Network = network, Subnets = [Topology.SiteSubnet], Profile = new ProfileRequest() });
        var callers = new IkeCaller[count];
        for (var index = 0; index < count; index++)
        {
            callers[index] = await AddCaller($"{network}-{index}", network, proof);
        }

        await installation.UntilReady();
        return callers;
    }

    public async Task<int> CountSas() => (await installation.Client.GetStatusAsync()).TunnelsUp;

    public async Task Restart()
    {
        await installation.KillGateway();
        await installation.UntilReady();
    }

    public ValueTask DisposeAsync() => installation.DisposeAsync();

    private static ProfileRequest Ask(string auth) => new() { Protocol = "ipsec", Auth = auth };

    private async Task Prepare()
    {
        var client = installation.Client;
        await client.AddNetworkAsync(new NetworkCreate { Name = Plant, Prefixes = [DevicePrefix] });
        var site = (await client.AddSiteAsync(new SiteCreate { Name = "hq", Network = Plant, Subnets = [Topology.SiteSubnet], Profile = Ask("psk") })).Profile!;
        await client.AddApplicationAsync(new ApplicationCreate
        {
            Name = "receiver",
            Site = "hq",
            Target = Target.ToString(),
            Services = [$"tcp/{Iperf.Port}", $"udp/{Iperf.Port}"],
        });
        var sender = (await client.AddDeviceAsync(new DeviceCreate { Name = "sender", Network = Plant, Profile = Ask("psk") })).Profile!;
        await client.AddRuleAsync(new RuleCreate { From = "device:sender", To = "application:receiver" });
        Sender = new IkeCaller(KeyOf(sender).Id, Remote, Remote, KeyOf(sender).Secret);
        Receiver = new IkeCaller(KeyOf(site).Id, Remote, Remote, KeyOf(site).Secret);
        SenderProfile = CharonConf.Psk(Remote, KeyOf(sender).Id, Remote, KeyOf(sender).Secret, one => one with
        {
            Children = [new CharonChild { RemoteSelectors = [Topology.SiteSubnet], Proposals = CharonServer.Suite }],
        });
        ReceiverProfile = CharonConf.Psk(Remote, KeyOf(site).Id, Remote, KeyOf(site).Secret, one => one with
        {
            VirtualAddresses = [],
            Children = [new CharonChild { LocalSelectors = [Topology.SiteSubnet], RemoteSelectors = [DevicePrefix], Proposals = CharonServer.Suite }],
        });
        await installation.UntilReady();
    }

    private static SharedKey KeyOf(ProfileIssued profile) => profile.Keys.Single(key => key.Kind == "psk");

    private async Task<IkeCaller> AddCaller(string name, string network, IkeProof proof)
    {
        var created = await installation.Client.AddDeviceAsync(new DeviceCreate
        {
            Name = name,
            Network = network,
            Profile = Ask(proof == IkeProof.Psk ? "psk" : "certificate"),
        });
        var profile = created.Profile!;
        if (proof == IkeProof.Psk)
        {
            return new IkeCaller(KeyOf(profile).Id, Remote, Remote, Secret: KeyOf(profile).Secret);
        }

        AuthorityPem = profile.Files.First(file => file.Name.Contains("/x509ca/", StringComparison.Ordinal)).Text;
        var certificate = profile.Files.Single(file => file.Name.Contains("/x509/", StringComparison.Ordinal)).Text;
        var key = profile.Files.Single(file => file.Name.Contains("/private/", StringComparison.Ordinal) || file.Name.Contains("/ecdsa/", StringComparison.Ordinal)).Text;
        return new IkeCaller(name, Remote, Remote, Credential: new StockCredential(certificate, key, [], []));
    }
}
