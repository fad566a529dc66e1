using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;
using Sallyport.Core.Tests.Policy;
using Xunit.Abstractions;

namespace Sallyport.Core.Tests.Gateway;

public sealed class ForwarderModelTests(ITestOutputHelper output)
{
    private static readonly TcpFlags[] SomeFlags =
    [
        TcpFlags.Syn, TcpFlags.Syn, TcpFlags.Syn | TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Ack | TcpFlags.Psh,
        TcpFlags.Fin | TcpFlags.Ack, TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack, TcpFlags.Fin, TcpFlags.None,
    ];

    [Theory]
    [InlineData(0, false)]
    [InlineData(600, false)]
    [InlineData(60, true)]
    [InlineData(30, false, true)]
    public void Agrees_with_the_naive_forwarder_over_random_fleets_changes_and_packets(int adoptRepliesSeconds, bool withLimits, bool withEgress = false)
    {
        // Short lives, so that much is forgotten in between.
        var limits = new FlowLimits
        {
            AdoptReplies = TimeSpan.FromSeconds(adoptRepliesSeconds),
            TcpEstablished = TimeSpan.FromSeconds(700),
            DeniedPerIdentity = 1000,
        };
        var verdicts = new Dictionary<DropReason, int>();
        var (cut, moved) = (0, 0);
        var (packets, across) = (0, 0);
        for (var seed = 0; seed < 150; seed++)
        {
            var random = new SeededEntropy((ulong)(seed + (adoptRepliesSeconds * 1000)));
            var naiveFleet = new NaiveFleet();
            var fleet = new RandomFleet(random, naiveFleet) { WithLimits = withLimits, WithEgress = withEgress };
            var ties = new ToldNames(naiveFleet);
            var situations = new Situations();
            var now = Gate.Start;
            var naive = new NaiveForwarder(naiveFleet, limits, now);
            var forwarder = new Forwarder(limits, new SeededEntropy(9), now, situations: situations, names: ties);
            var refusal = new byte[Refusal.MaximumLength];
            var past = new List<(int Network, byte[] Packet)>();
            for (var step = 0; step < (withEgress ? 40 : 12); step++)
            {
                naiveFleet.Now = now;
                naiveFleet.AskedAt = now;
                if (step > 0 && withLimits)
                {
                    // Who has used a volume up is judged when he sends, not when others change: here it is time alone that changes anything.
                    now += TimeSpan.FromHours(3);
                    naiveFleet.Now = now;
                    forwarder.HandleTimeout(now);
                    naive.Pass(now);
                    forwarder.Adopt(forwarder.Model.At(now), now).FlowsCut.ShouldBe(0);
                }
                else
                {
                    var change = fleet.Change(first: step == 0);
                    naiveFleet.Apply(change);
                    var report = forwarder.Adopt(forwarder.Model.With(change, now), now);
                    report.FlowsCut.ShouldBe(naive.Adopt(now), $"seed {seed} step {step}");
                    cut += report.FlowsCut;
                    for (var more = 0; withLimits && more < 6; more++)
                    {
                        var another = fleet.Change(first: false);
                        naiveFleet.Apply(another);
                        forwarder.Adopt(forwarder.Model.With(another, now), now);
                    }
                }

                for (var turn = 0; turn < (withEgress ? 12 : 40); turn++)
                {
                    naiveFleet.AskedAt = now;
                    if (withEgress)
                    {
                        ties.Tell(random, fleet);
                    }
                    else if (!withLimits && random.Below(4) == 0)
                    {
                        // Somebody roams, or comes over something else.
                        var (mover, situation) = (1 + random.Below(11), fleet.Situation());
                        naiveFleet.Situations[mover] = situation;
                        situations.Set(mover, 1, situation);
                        var left = forwarder.Reconsider(now).FlowsCut;
                        left.ShouldBe(naive.Adopt(now), $"seed {seed} step {step} turn {turn}");
                        moved += left;
                    }

                    var (sender, bytes) = Packet(random, fleet, naiveFleet, past);
                    if (bytes is null)
                    {
                        continue;
                    }

                    InnerPacket.Read(bytes, out var read).ShouldBe(DropReason.None);
                    if (Egress.IsNever(read.Ends.Destination) || Egress.IsNever(read.Ends.Source))
                    {
                        continue; // such packets end before policy is asked
                    }

                    packets++;
                    var expected = naive.Handle(sender, read, now);
                    var result = forwarder.Handle(sender, bytes, now, refusal);
                    (result.ToIdentityId, result.Reason).ShouldBe(expected, $"seed {seed} step {step} turn {turn} {read.Ends.Kind} {read.Ends.Source} to {read.Ends.Destination}");
                    (result.Kind == ForwardKind.Forward).ShouldBe(result.Reason == DropReason.None);
                    verdicts[result.Reason] = verdicts.GetValueOrDefault(result.Reason) + 1;
                    past.Add((naiveFleet.Find(sender)?.NetworkId ?? 1, bytes));
                    if (result.Kind == ForwardKind.Forward)
                    {
                        var delivered = Delivered(forwarder, result, bytes, naive.Delivered);
                        across += result.IsTranslated ? 1 : 0;
                        past.Add((naiveFleet.Find(result.ToIdentityId)!.NetworkId, delivered));
                    }

                    if (random.Below(6) == 0)
                    {
                        now += TimeSpan.FromSeconds(random.Below(4) switch { 0 => 1, 1 => 9, 2 => 61, _ => 130 });
                        forwarder.HandleTimeout(now);
                        naive.Pass(now);
                    }
                }
            }
        }

        across.ShouldBeGreaterThan(200);
        output.WriteLine($"{packets} packets, {across} from network to network, {cut} cut: " + string.Join(", ", verdicts.OrderBy(pair => pair.Key)));
        packets.ShouldBeGreaterThan(20_000);
        if (withLimits)
        {
            verdicts[DropReason.RateLimited].ShouldBeGreaterThan(100);
            verdicts[DropReason.VolumeUsed].ShouldBeGreaterThan(100);
            return;
        }

        verdicts[DropReason.None].ShouldBeGreaterThan(1000);
        cut.ShouldBeGreaterThan(50);
        if (withEgress)
        {
            verdicts[DropReason.NameNotAsked].ShouldBeGreaterThan(50);
            return;
        }

        moved.ShouldBeGreaterThan(2);

        foreach (var reason in new[]
                 {
                     DropReason.SpoofedSource, DropReason.NotRequested, DropReason.NoRule, DropReason.NoApplication, DropReason.NotRouted,
                     DropReason.IdentityNotActive, DropReason.InvalidTcpState, DropReason.ToItself, DropReason.RuleDenies,
                     DropReason.ApplicationLocked, DropReason.Quarantined,
                 })
        {
            verdicts.ShouldContainKey(reason);
        }
    }

    /// <summary>What the naive fleet says that everybody was told.</summary>
    private sealed class ToldNames(NaiveFleet fleet) : INameTies
    {
        private readonly Dictionary<int, int> _versions = [];

        public void Tell(SeededEntropy random, RandomFleet names)
        {
            if (random.Below(3) == 0)
            {
                var id = 1 + random.Below(11);
                fleet.Ties[id] = names.Told();
                _versions[id] = _versions.GetValueOrDefault(id) + 1;
            }
        }

        public NameTie[] Of(int identityId) => fleet.Ties.GetValueOrDefault(identityId, []);

        public int VersionOf(int identityId) => _versions.GetValueOrDefault(identityId);
    }

    private static byte[] Delivered(Forwarder forwarder, ForwardResult result, byte[] sent, in PacketEnds expected)
    {
        var packet = sent.ToArray();
        forwarder.Translate(result, packet);
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        read.Ends.ShouldBe(expected);
        packet.ShouldHaveValidChecksums();
        return packet;
    }

    /// <summary>Something new, something again, or the reply to something.</summary>
    private static (int Sender, byte[]? Packet) Packet(SeededEntropy random, RandomFleet fleet, NaiveFleet naive, List<(int Network, byte[] Packet)> past)
    {
        if (past.Count > 0 && random.Below(3) > 0)
        {
            var (network, before) = past[Math.Max(0, past.Count - 1 - random.Below(12))];
            InnerPacket.Read(before, out var read);
            var reply = random.Below(3) > 0;
            var ends = read.Ends;
            if (reply)
            {
                (ends.Source, ends.Destination) = (ends.Destination, ends.Source);
                (ends.SourcePort, ends.DestinationPort) = (ends.DestinationPort, ends.SourcePort);
                ends.Kind = ends.Kind switch
                {
                    PacketKind.EchoRequest => PacketKind.EchoReply,
                    PacketKind.EchoReply => PacketKind.EchoRequest,
                    _ => ends.Kind,
                };
            }

            var owner = random.Below(20) == 0 ? null : naive.At(network, ends.Source);
            return (owner?.Id ?? 1 + random.Below(11), Make(random, ends));
        }

        var (from, destination, protocol, port) = fleet.Question();
        for (var again = random.Below(fleet.WithLimits ? 400 : 40); again > 0; again--)
        {
            if (from is not null && naive.Decide(from, destination, protocol, port).Allowed)
            {
                break;
            }

            (from, destination, protocol, port) = fleet.Question();
        }

        if (from is null)
        {
            return (0, null);
        }

        var source = random.Below(12) == 0 ? fleet.Address() : destination.IsV4 ? from.AddressV4 : from.AddressV6;
        if (random.Below(3) == 0 && !from.Subnets.IsEmpty)
        {
            source = new IpAddress(from.Subnets[0].Network.Bits + 1);
        }

        if (source is not { } address || address.IsV4 != destination.IsV4)
        {
            return (0, null);
        }

        var kind = protocol switch
        {
            IpProtocol.Tcp => PacketKind.Tcp,
            IpProtocol.Udp => PacketKind.Udp,
            _ => random.Below(4) == 0 ? PacketKind.EchoReply : PacketKind.EchoRequest,
        };
        return (from.Id, Make(random, new PacketEnds
        {
            Kind = kind,
            Source = address,
            Destination = destination,
            SourcePort = (ushort)(kind == PacketKind.EchoReply ? 0 : 1 + random.Below(3)),
            DestinationPort = kind switch { PacketKind.EchoRequest => 0, PacketKind.EchoReply => (ushort)(1 + random.Below(3)), _ => port },
        }));
    }

    private static byte[] Make(SeededEntropy random, in PacketEnds ends)
    {
        var (source, destination) = (ends.Source.ToString(), ends.Destination.ToString());
        return ends.Kind switch
        {
            PacketKind.Tcp => Build.Tcp(source, ends.SourcePort, destination, ends.DestinationPort, SomeFlags[random.Below(SomeFlags.Length)]),
            PacketKind.Udp => Build.Udp(source, ends.SourcePort, destination, ends.DestinationPort),
            PacketKind.EchoReply => Build.Echo(source, destination, ends.DestinationPort, reply: true),
            _ => Build.Echo(source, destination, ends.SourcePort),
        };
    }
}
