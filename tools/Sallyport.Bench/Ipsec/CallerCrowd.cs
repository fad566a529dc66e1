using System.Globalization;
using Sallyport.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.Bench.Ipsec;

/// <summary>
/// Many identities that call from one stock charon, each with an IKE SA, a CHILD SA and a virtual address of its own.
/// </summary>
internal sealed class CallerCrowd : IDisposable
{
    /// <summary>Calls at a time: each waits on one of charon's threads.</summary>
    private const int Width = 32;

    private const int CallSeconds = 60;

    private static readonly CharonOptions Options = new()
    {
        LogLevel = -1,
        Settings = ["threads = 64", "ikesa_table_size = 4096", "ikesa_table_segments = 16", "install_routes = no", "plugins { kernel-netlink { roam_events = no } }"],
    };

    private readonly CharonProcess process;

    private CallerCrowd(CharonProcess process, int count)
    {
        this.process = process;
        Count = count;
    }

    public int Count { get; }

    public static async Task<CallerCrowd> Start(Namespace where, IReadOnlyList<IkeCaller> callers, string authorityPem)
    {
        var connections = callers.Select((caller, index) => Connection(caller, index));
        var secrets = callers.Where(caller => caller.Secret is not null).Select(caller => new CharonSecret("ike", caller.Secret!, caller.Name));
        var profile = CharonConf.Write(connections, secrets).WithAuthority(authorityPem);
        var files = new Dictionary<string, string>(profile.Files);
        foreach (var (caller, index) in callers.Select((caller, index) => (caller, index)))
        {
            if (caller.Credential is { } own)
            {
                files[$"x509/{CertificateFile(index)}"] = own.CertificatePem;
                files[$"private/{CertificateFile(index)}"] = own.KeyPem;
            }
        }

        return new CallerCrowd(await CharonProcess.Start(where, profile with { Files = files }, Options), callers.Count);
    }

    /// <summary>Sets up the SAs of so many of them, and waits for all.</summary>
    public async Task Call(int first, int count)
    {
        var next = first - 1;
        await Task.WhenAll(Enumerable.Range(0, Width).Select(async _ =>
        {
            using var connection = process.Connect();
            for (var index = Interlocked.Increment(ref next); index < first + count; index = Interlocked.Increment(ref next))
            {
                var answer = await connection.Ask("initiate", new ViciMessage()
                    .With("child", ChildName(index))
                    .With("timeout", (CallSeconds * 1000).ToString(CultureInfo.InvariantCulture)));
                if (!answer.IsYes("success"))
                {
                    throw new InvalidOperationException($"caller {index}: {answer["errmsg"]}");
                }
            }
        }));
    }

    public void Dispose() => process.Dispose();

    private static CharonConnection Connection(IkeCaller caller, int index) => new()
    {
        Name = $"home-{index}",
        Remote = caller.Remote,
        Local = caller.Credential is null ? new CharonAuth("psk", caller.Name) : new CharonAuth("pubkey") { Certificate = CertificateFile(index) },
        Peer = new CharonAuth(caller.Credential is null ? "psk" : "pubkey", caller.Gateway),
        VirtualAddresses = ["0.0.0.0"],

        // Each new virtual address would be told to the server by all that are there already.
        Options = ["mobike = no"],
        Proposals = "aes256gcm16-prfsha256-ecp256",
        Children = [new CharonChild(ChildName(index)) { RemoteSelectors = [Topology.SiteSubnet], Proposals = CharonServer.Suite }],
    };

    private static string ChildName(int index) => $"net-{index}";

    private static string CertificateFile(int index) => $"caller-{index}.pem";
}
