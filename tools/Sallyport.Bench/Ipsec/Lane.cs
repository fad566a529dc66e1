using System.Globalization;
using System.Net;
using Sallyport.Bench.Measures;
using Sallyport.Bench.OpenVpn;
using Sallyport.Bench.Stages;
using Sallyport.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.Bench.Ipsec;

/// <summary>One transfer through one server.</summary>
/// <param name="CpuPerGb">Server CPU-seconds (user + system) per 10^9 bytes that arrived.</param>
internal sealed record LaneRound(double CpuPerGb, double MbitPerSecond, long Retransmits)
{
    public string Describe() =>
        string.Create(CultureInfo.InvariantCulture, $"{CpuPerGb:0.00} CPU-s/GB, {MbitPerSecond:0} Mbit/s, {Retransmits} retransmits");
}

/// <summary>
/// A server, a stock client that sends and one behind which the receiver sits. Each server has clients and namespaces of its own: all
/// strongSwans call their device alike and want the same ports.
/// </summary>
internal sealed class Lane : IAsyncDisposable
{
    public const string OpenVpn = "openvpn";

    private const int FirstHost = 40;
    private const int HostsEach = 2;
    private readonly List<IDisposable> clients = [];
    private readonly Func<int> processId;
    private readonly IPAddress target;
    private readonly Namespace sender;
    private readonly Namespace receiver;
    private Func<Task> end = () => Task.CompletedTask;

    private Lane(string name, Func<int> processId, IPAddress target, Stage stage, int number)
    {
        Name = name;
        this.processId = processId;
        this.target = target;
        sender = stage.Topology.Attach($"send-{name}", FirstHost + (number * HostsEach));
        receiver = stage.Topology.AttachSite($"recv-{name}", FirstHost + (number * HostsEach) + 1);
    }

    public string Name { get; }

    public static async Task<Lane> OfOpenVpn(Stage stage)
    {
        var server = await stage.StartStock();
        var lane = new Lane(OpenVpn, () => server.ProcessId, server.Target, stage, 0) { end = () => stage.Stop(server) };
        return await lane.With(async () =>
        {
            await lane.ConnectOpenVpn(lane.receiver, server.ReceiverProfile);
            await lane.ConnectOpenVpn(lane.sender, server.SenderProfile);
        });
    }

    /// <param name="number">Of the lane in its benchmark; 0 is OpenVPN's.</param>
    public static Task<Lane> Of(string name, IIpsecServer server, Stage stage, int number)
    {
        var lane = new Lane(name, () => server.ProcessId, server.Target, stage, number);
        return lane.With(async () =>
        {
            await lane.ConnectIpsec(lane.receiver, server.ReceiverProfile);
            await lane.ConnectIpsec(lane.sender, server.SenderProfile);
        });
    }

    /// <param name="mbit">0: as fast as it goes.</param>
    public async Task<LaneRound> Transfer(int seconds, int mbit)
    {
        var process = processId();
        var cpu = ProcessMeter.CpuSeconds(process);
        var sent = await Iperf.Send(sender, receiver, target, seconds, mbit: mbit);
        cpu = ProcessMeter.CpuSeconds(process) - cpu;
        return new LaneRound(cpu / (sent.Bytes / 1e9), sent.BitsPerSecond / 1e6, sent.Retransmits);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
        {
            client.Dispose();
        }

        await end();
    }

    private async Task<Lane> With(Func<Task> connect)
    {
        try
        {
            await connect();
            return this;
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    private async Task ConnectOpenVpn(Namespace where, string profile)
    {
        var client = new OpenVpnProcess(where, profile);
        clients.Add(client);
        await client.WaitUntilConnected();
    }

    private async Task ConnectIpsec(Namespace where, CharonProfile profile)
    {
        var client = await CharonProcess.Start(where, profile);
        clients.Add(client);
        await client.Initiate();
    }
}
