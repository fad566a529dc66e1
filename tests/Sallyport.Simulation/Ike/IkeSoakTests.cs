using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

public class IkeSoakTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Hours of a bad wire, short lives of keys, moves and commands of all kinds at both ends: the two never lose each other, and no packet meets a SA that is not there.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Hours_of_everything_at_once_leave_both_in_agreement(ulong seed)
    {
        using var world = new IkeWorld(seed, new Fate { Lose = 0.05, Duplicate = 0.1, DelayMinMs = 5, DelayMaxMs = 200 });
        world.UseEsp(seed % 2 == 0 ? "aes256gcm16-x25519-noesn" : "aes256gcm16-none-noesn");
        world.UseLifetimes(new IkeLifetimes { IkeRekey = TimeSpan.FromMinutes(13), ChildRekey = TimeSpan.FromMinutes(5) });
        if (seed > 4)
        {
            // Additional key exchanges.
            world.UseIke("aes256gcm16-prfsha256-ecp256-ke1_x25519");
            world.UseEsp("aes256gcm16-ecp256-ke1_x25519-ke2_ecp384-noesn");
        }

        if (seed == 3)
        {
            world.Nat = seen => new OuterAddress(IpAddress.Parse("192.0.2.77"), (ushort)(seen.Port + 20_000));
        }

        world.Up();
        var chance = new SeededEntropy(seed + 100);
        for (var second = 0; second < 3 * 3600; second++)
        {
            if (chance.Chance(0.05))
            {
                Command(world, chance);
            }

            world.RunWithTraffic(Pause, Pause / 4);
            if (world.NotTaken.Count > 0 || !world.AreUp || world.Device.Ends.Any() || world.Gateway.Ends.Any())
            {
                world.NotTaken.ShouldBe(["an end"], $"second {second}\n{Tail(world)}");
            }

            // Each has something to send with, and nothing piles up.
            world.Device.Sending.Any().ShouldBeTrue();
            world.Gateway.Sending.Any().ShouldBeTrue();
            world.Device.Allotted.Count.ShouldBeLessThan(9);
            world.Gateway.Allotted.Count.ShouldBeLessThan(9);
            world.Device.Session!.LocalSpis.Count().ShouldBeLessThan(8);
        }

        world.UseQuiet();
        world.Run(TimeSpan.FromSeconds(400));
        world.ShouldAgree(Tail(world));
        world.Packets.ShouldBeGreaterThan(50_000);
    }

    private static void Command(IkeWorld world, SeededEntropy chance)
    {
        var end = chance.Below(2) == 0 ? world.Device : world.Gateway;
        var children = end.Live.Keys.ToList();
        var child = children.Count == 0 ? 0 : children[chance.Below(children.Count)];
        switch (chance.Below(8))
        {
            case 0 or 1:
                world.Tell(end, session => session.RekeyChild(child, world.Now));
                break;
            case 2 or 3:
                world.Tell(end, session => session.RekeyIke(world.Now));
                break;
            case 4 when children.Count < 6:
                world.Tell(end, session => session.AddChild(end.Grant.Local, end.Grant.Remote, world.Now));
                break;
            case 5 when children.Count > 3:
                world.Condemn(end, child);
                world.Tell(end, session => session.DeleteChild(child, world.Now));
                break;
            case 6:
                world.Device.At = world.Device.At with { Ip = IpAddress.Parse($"203.0.113.{1 + chance.Below(200)}") };
                world.Tell(world.Device, session => session.Move(session.Path with { Local = session.Path.Local with { Ip = world.Device.At.Ip } }, world.Now));
                break;
            default:
                world.Tell(end, session => session.Probe(world.Now));
                break;
        }
    }

    private static string Tail(IkeWorld world) => IkeHandshakeTests.Story(world, 80);
}
