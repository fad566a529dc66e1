using System.Net;
using System.Security.Cryptography;
using Sallyport.Bench.Stages;
using Sallyport.Harness;
using Sallyport.Harness.Ipsec;
using Sallyport.Harness.Stock;

namespace Sallyport.Bench.Ipsec;

/// <summary>
/// strongSwan's charon as a gateway with ESP in user space, set up as its manual recommends for many SAs: a large table, no limit for one
/// source address, no log. All of it is in its favour.
/// </summary>
internal sealed class CharonServer : IIpsecServer
{
    /// <summary>In a namespace of its own: every server wants ports 500 and 4500.</summary>
    private const int Host = 2;

    private const string GatewayName = "gate.example";
    private const string SiteName = "hq.example";
    private const string SenderName = "sender.example";
    private const string DevicePool = "10.98.0.0/16";
    private static readonly string Remote = $"10.99.0.{Host}";
    private static readonly CharonPool Pool = new("devices", DevicePool);

    private static readonly CharonOptions Options = new()
    {
        LogLevel = -1,
        Settings = ["ikesa_table_size = 4096", "ikesa_table_segments = 16", "dos_protection = no"],
    };

    private readonly Namespace where;
    private readonly StockPki pki = new();
    private readonly List<IkeCaller> callers = [];
    private readonly string siteSecret = NewSecret();
    private readonly string senderSecret = NewSecret();
    private CharonProcess? process;

    private CharonServer(Namespace where)
    {
        this.where = where;
        SenderProfile = CharonConf.Psk(Remote, SenderName, GatewayName, senderSecret, one => one with
        {
            Children = [new CharonChild { RemoteSelectors = [Topology.SiteSubnet], Proposals = Suite }],
        });
        ReceiverProfile = CharonConf.Psk(Remote, SiteName, GatewayName, siteSecret, one => one with
        {
            VirtualAddresses = [],
            Children = [new CharonChild { LocalSelectors = [Topology.SiteSubnet], RemoteSelectors = [DevicePool], Proposals = Suite }],
        });
    }

    /// <summary>As OpenVPN's AES-256-GCM beside it.</summary>
    public const string Suite = "aes256gcm16";

    public int ProcessId => Running.ProcessId;

    public CharonProfile SenderProfile { get; }

    public CharonProfile ReceiverProfile { get; }

    public IkeCaller Sender => new(SenderName, Remote, GatewayName, senderSecret);

    public IkeCaller Receiver => new(SiteName, Remote, GatewayName, siteSecret);

    public IPAddress Target => Topology.Application;

    public string AuthorityPem => pki.AuthorityPem;

    private CharonProcess Running => process ?? throw new InvalidOperationException("charon does not run");

    public static async Task<CharonServer> Start(Stage stage)
    {
        var where = stage.Topology.Attach(IpsecServers.Charon, Host);
        var made = new CharonServer(where);
        try
        {
            where.Write("/proc/sys/net/ipv4/ip_forward", "1");

            // kernel-libipsec takes no policy whose own side has no address of this machine: it would not know where its route starts.
            where.AddAddress("lo", "10.98.255.254/32");
            where.AddAddress("lo", "192.168.50.254/32");
            await made.Restart();
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    public Task<IReadOnlyList<IkeCaller>> MakeCallers(IkeProof proof, int count)
    {
        IReadOnlyList<IkeCaller> made = [.. Enumerable.Range(0, count).Select(index => NewCaller(proof, $"{proof}-{index}.example".ToLowerInvariant()))];
        callers.AddRange(made);
        return Task.FromResult(made);
    }

    public async Task<int> CountSas()
    {
        var (all, halfOpen) = await Running.CountSas();
        return all - halfOpen;
    }

    public async Task Restart()
    {
        process?.Kill();
        process?.Dispose();
        process = await CharonProcess.Start(where, Profile(), Options);
    }

    public ValueTask DisposeAsync()
    {
        process?.Dispose();
        pki.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string NewSecret() => Convert.ToHexString(RandomNumberGenerator.GetBytes(16));

    private IkeCaller NewCaller(IkeProof proof, string name) => proof == IkeProof.Psk
        ? new IkeCaller(name, Remote, GatewayName, Secret: NewSecret())
        : new IkeCaller(name, Remote, GatewayName, Credential: pki.Client(name));

    private CharonProfile Profile()
    {
        var devices = new CharonConnection
        {
            Name = "devices-psk",
            Local = new CharonAuth("psk", GatewayName),
            Peer = new CharonAuth("psk"),
            Pools = [Pool.Name],
            Children = [new CharonChild { LocalSelectors = [Topology.SiteSubnet], Proposals = Suite }],
        };
        var site = devices with
        {
            Name = "site",
            Peer = new CharonAuth("psk", SiteName),
            Pools = [],
            Children = [new CharonChild { LocalSelectors = [DevicePool], RemoteSelectors = [Topology.SiteSubnet], Proposals = Suite }],
        };
        var certified = devices with { Name = "devices-certificate", Local = CharonConf.OwnCertificateAs(GatewayName), Peer = new CharonAuth("pubkey") };
        var secrets = callers.Where(caller => caller.Secret is not null).Select(caller => new CharonSecret("ike", caller.Secret!, caller.Name))
            .Append(new CharonSecret("ike", siteSecret, SiteName))
            .Append(new CharonSecret("ike", senderSecret, SenderName));
        return CharonConf.Write([site, devices, certified], secrets, Pool).WithCredential(pki.Gateway(GatewayName), pki.AuthorityPem);
    }
}
