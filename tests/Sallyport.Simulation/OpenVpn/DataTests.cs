using Sallyport.Core.Gateway;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

public sealed class DataTests
{
    [Fact]
    public void Every_packet_arrives_once_or_is_lost_by_the_wire_and_renegotiations_lose_none()
    {
        for (var seed = 0ul; seed < 20; seed++)
        {
            var scenario = new Scenario
            {
                ServerRenegotiates = TimeSpan.FromSeconds(7),
                ClientRenegotiates = TimeSpan.FromSeconds(11),
            };
            using var world = new World(seed, new Fate { DelayMinMs = 5, DelayMaxMs = 80 }, scenario);
            world.RunUntil(() => HandshakeTests.BothUp(world), TimeSpan.FromMinutes(1)).ShouldBeTrue();
            world.RunFor(TimeSpan.FromSeconds(1));
            var sent = new List<uint>();
            for (var i = 0; i < 600; i++)
            {
                sent.Add(world.SendNumber());
                world.RunFor(TimeSpan.FromMilliseconds(100));
            }

            world.RunFor(TimeSpan.FromSeconds(1));
            world.Client.Renegotiations.ShouldBeGreaterThan(4, $"seed {seed}");
            World.Numbers(world.Server.Received).Order().ToList().ShouldBe(sent, customMessage: $"seed {seed}");
            World.Numbers(world.Client.Echoed).Order().ToList().ShouldBe(sent, customMessage: $"seed {seed}");
        }
    }

    [Fact]
    public void Nothing_corrupted_or_doubled_is_ever_delivered()
    {
        for (var seed = 0ul; seed < 20; seed++)
        {
            using var world = new World(seed, Fate.Clean, new Scenario());
            world.RunUntil(() => HandshakeTests.BothUp(world), TimeSpan.FromMinutes(1)).ShouldBeTrue();
            world.RunFor(TimeSpan.FromSeconds(1));
            world.Wire.Fate = new Fate { Lose = 0.05, Duplicate = 0.3, Corrupt = 0.2, DelayMinMs = 1, DelayMaxMs = 300 };
            var sent = new HashSet<uint>();
            for (var i = 0; i < 500; i++)
            {
                sent.Add(world.SendNumber(length: 64 + (i % 1200)));
                world.RunFor(TimeSpan.FromMilliseconds(10));
            }

            world.RunFor(TimeSpan.FromSeconds(2));
            var received = World.Numbers(world.Server.Received);
            received.ShouldBeUnique($"seed {seed}");
            received.ShouldAllBe(number => sent.Contains(number));
            world.Server.Drops.GetValueOrDefault(DropReason.BadTag).ShouldBeGreaterThan(0);
            world.Server.Drops.GetValueOrDefault(DropReason.Replayed).ShouldBeGreaterThan(0);
        }
    }
}
