using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Gateway;

/// <summary>A forwarder with a clock and the fleet of the main job: two devices, a site with the historian, the same addresses once more next door.</summary>
internal sealed class Gate
{
    public const int Pump = 17;
    public const int Valve = 18;
    public const int Hq = 2;
    public const int OtherPump = 70;
    public const int OtherHq = 71;
    public const int Historian = 5;
    public const int PumpRule = 9;

    public const string PumpV4 = "10.20.0.17";
    public const string PumpV6 = "fd00:20::17";
    public const string HistorianV4 = "192.168.50.10";
    public const string HistorianV6 = "fd00:50::10";

    public static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    private readonly byte[] _refusal = new byte[Refusal.MaximumLength];

    public Gate(FlowLimits? limits = null, bool withRule = true)
    {
        Forwarder = new Forwarder(limits ?? new FlowLimits(), new SeededEntropy(1), Start);
        Adopt(Plant);
        if (withRule)
        {
            Adopt(Model.With(ForDevice(PumpRule, Pump, Historian)));
        }

        // Past the time in which replies of an earlier life are adopted; tests of that time set the clock back.
        Now = Start + TimeSpan.FromMinutes(10);
    }

    public static FleetModel Plant { get; } = Of(
        Network(1, "10.20.0.0/16", "fd00:20::/64"),
        Device(Pump, 1, PumpV4, PumpV6, groups: ["pumps"]),
        Device(Valve, 1, "10.20.0.18", "fd00:20::18"),
        Site(Hq, 1, "10.20.0.2", "192.168.50.0/24", "fd00:50::/64"),
        Application(Historian, 1, Hq, HistorianV4, Tcp(8883), Udp(5683), Ping),
        Application(6, 1, Hq, HistorianV6, Tcp(8883), Udp(5683), Ping),
        ForDevice(60, Pump, 6),
        Network(7, "10.20.0.0/16", "fd00:20::/64"),
        Device(OtherPump, 7, PumpV4, PumpV6, groups: ["pumps"]),
        Site(OtherHq, 7, "10.20.0.2", "192.168.50.0/24", "fd00:50::/64"));

    public Forwarder Forwarder { get; }

    public Instant Now { get; set; } = Start;

    public FleetModel Model => Forwarder.Model;

    /// <summary>The answer to the last packet, empty where there was none.</summary>
    public byte[] Answer { get; private set; } = [];

    public CutReport Adopt(FleetModel model) => Forwarder.Adopt(model, Now);

    public void Pass(double seconds)
    {
        Now += TimeSpan.FromSeconds(seconds);
        Forwarder.HandleTimeout(Now);
    }

    public ForwardResult Send(int from, byte[] packet)
    {
        var result = Forwarder.Handle(from, packet, Now, _refusal);
        Answer = _refusal[..result.RefusalLength];
        if (result.Kind == ForwardKind.Refuse)
        {
            Answer.ShouldHaveValidChecksums();
        }

        return result;
    }

    public void ShouldForward(int from, byte[] packet, int to)
    {
        var result = Send(from, packet);
        (result.Kind, result.Reason).ShouldBe((ForwardKind.Forward, DropReason.None));
        result.ToIdentityId.ShouldBe(to);
        result.Length.ShouldBe(packet.Length);
    }

    public void ShouldRefuse(int from, byte[] packet, DropReason reason)
    {
        var result = Send(from, packet);
        (result.Kind, result.Reason).ShouldBe((ForwardKind.Refuse, reason));
        Answer.Length.ShouldBeGreaterThan(0);
    }

    public void ShouldDrop(int from, byte[] packet, DropReason reason)
    {
        var result = Send(from, packet);
        (result.Kind, result.Reason).ShouldBe((ForwardKind.Drop, reason));
    }

    /// <summary>A connection from the pump to the historian, up to its established state.</summary>
    public void Connect(int port = 4000)
    {
        ShouldForward(Pump, Out(TcpFlags.Syn, port), Hq);
        ShouldForward(Hq, Back(TcpFlags.Syn | TcpFlags.Ack, port), Pump);
        ShouldForward(Pump, Out(TcpFlags.Ack, port), Hq);
    }

    public static byte[] Out(TcpFlags flags, int port = 4000, int payload = 0) =>
        Build.Tcp(PumpV4, port, HistorianV4, 8883, flags, 100, 200, payload);

    public static byte[] Back(TcpFlags flags, int port = 4000, int payload = 0) =>
        Build.Tcp(HistorianV4, 8883, PumpV4, port, flags, 200, 100, payload);

    public List<FlowRecord> Records()
    {
        var records = new List<FlowRecord>();
        while (Forwarder.TryDequeueFlow(out var record))
        {
            records.Add(record);
        }

        return records;
    }
}
