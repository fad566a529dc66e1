using Sallyport.Core.Ike.Session;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

public class IkeRekeyTests
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(200);

    public static TheoryData<string, string> Commands => new()
    {
        { "child", "" }, { "", "child" }, { "child", "child" }, { "ike", "" }, { "", "ike" }, { "ike", "ike" },
        { "ike", "child" }, { "child", "ike" }, { "child ike", "" }, { "ike child", "child ike" }, { "child", "delete" }, { "delete", "child" },
        { "delete", "delete" }, { "ike", "delete" }, { "delete", "ike" }, { "add add add", "child" }, { "add ike", "ike add" },
    };

    /// <summary>Whatever both do at the same time, over good wires and bad ones: they agree in the end, and no packet meets a SA that is not there.</summary>
    [Theory]
    [MemberData(nameof(Commands))]
    public void Both_ends_agree_whatever_they_do_at_once(string device, string gateway)
    {
        for (ulong seed = 1; seed <= 24; seed++)
        {
            using var world = new IkeWorld(seed, seed % 3 == 0 ? Fate.Clean : IkeHandshakeTests.Bad);
            if (seed % 2 == 0)
            {
                world.UseEsp("aes256gcm16-x25519-noesn");
            }

            world.Up();
            world.RunWithTraffic(TimeSpan.FromSeconds(5), Often);
            Do(world, world.Device, device);
            world.RunWithTraffic(TimeSpan.FromMilliseconds(seed * 7), Often);
            Do(world, world.Gateway, gateway);
            world.RunWithTraffic(TimeSpan.FromSeconds(30), Often);
            world.Run(Settled);
            world.RunWithTraffic(TimeSpan.FromSeconds(1), Often);
            world.AreUp.ShouldBeTrue(IkeHandshakeTests.Story(world));
            world.ShouldAgree($"seed {seed}: {device} / {gateway}");
            world.NotTaken.ShouldBeEmpty($"seed {seed}: {device} / {gateway}\n{IkeHandshakeTests.Story(world)}");
            world.Packets.ShouldBeGreaterThan(100);

            // What is deleted may just have been replaced: then the new pair stays.
            var isDeleted = (device + gateway).Contains("delete");
            var most = 1 + Count(device, "add") + Count(gateway, "add") - (isDeleted && !(device + gateway).Contains("child") ? 1 : 0);
            world.Device.Live.Count.ShouldBeInRange(most - (isDeleted ? 1 : 0), most, IkeHandshakeTests.Story(world));
        }
    }

    [Fact]
    public void Rekeys_by_time_go_on_and_on()
    {
        using var world = new IkeWorld(1);
        world.UseLifetimes(new IkeLifetimes { IkeRekey = TimeSpan.FromMinutes(4), ChildRekey = TimeSpan.FromMinutes(1) });
        world.Up();
        world.RunWithTraffic(TimeSpan.FromMinutes(30), TimeSpan.FromSeconds(1));
        world.Run(TimeSpan.FromSeconds(2));
        world.Device.Live.Count.ShouldBe(1);
        world.Device.Events.OfType<ChildUp>().Count().ShouldBeInRange(30, 60);
        world.Device.Events.OfType<IkeRekeyed>().Count().ShouldBeInRange(7, 15);
        world.NotTaken.ShouldBeEmpty();
        world.Match().ShouldBeTrue();
    }

    [Fact]
    public void Perfect_forward_secrecy_is_asked_for_in_the_group_that_the_peer_takes()
    {
        using var world = new IkeWorld(2);
        world.UseEsp("aes256gcm16-x25519-ecp384-noesn", "aes256gcm16-ecp384-noesn");
        world.Up();
        var sent = 0;
        world.Passes = (to, datagram) =>
        {
            sent += to == End.Server ? 1 : 0;
            return true;
        };
        for (var i = 0; i < 3; i++)
        {
            sent = 0;
            world.Tell(world.Device, session => session.RekeyChild(world.Device.Live.Keys.Single(), world.Now));
            world.Run(TimeSpan.FromSeconds(1));
            world.ShouldAgree();

            // A wrong guess, the right one, and the end of the old pair; from then on the guess is right.
            sent.ShouldBe(i == 0 ? 3 : 2);
        }
    }

    [Fact]
    public void What_a_peer_takes_no_more_is_told_to_an_operator_and_leaves_the_old_pair()
    {
        using var world = new IkeWorld(3);
        world.UseEsp("aes256gcm16-none-noesn", "aes256gcm16-none-noesn");
        world.Up();
        world.Gateway.Session!.UseGrant(world.Gateway.Grant with { Esp = IkeEnd.Esp("aes256gcm16-ecp256-noesn") });
        world.Tell(world.Device, session => session.RekeyChild(world.Device.Live.Keys.Single(), world.Now));
        world.Run(TimeSpan.FromSeconds(2));
        world.ShouldAgree();
        world.Gateway.Failures.Single().ShouldContain("no ESP proposal matches");
        world.Device.Failures.Single().ShouldContain("NoProposalChosen");
        world.Device.Live.Count.ShouldBe(1);
    }

    [Fact]
    public void Several_requests_are_under_way_at_once_and_no_more_than_the_peer_takes()
    {
        using var world = new IkeWorld(4, new Fate { DelayMinMs = 5, DelayMaxMs = 200, Lose = 0.1 });
        world.Up();
        world.Run(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 12; i++)
        {
            world.Tell(world.Device, session => session.AddChild(IkeEnd.Selectors("0.0.0.0/0"), IkeEnd.Selectors("192.168.50.0/24"), world.Now));
        }

        world.Device.Session!.Current.Pending.Count.ShouldBe(4);
        world.RunUntil(
            () =>
            {
                var pending = world.Device.Session.Current.Pending;
                (pending.Count == 0 || pending[^1].MessageId - pending[0].MessageId < 4).ShouldBeTrue();
                return world.Device.Live.Count == 13;
            },
            TimeSpan.FromSeconds(60)).ShouldBeTrue();
        world.Run(Settled);
        world.ShouldAgree();
    }

    [Fact]
    public void After_new_keys_for_the_IKE_SA_requests_go_one_by_one()
    {
        using var world = new IkeWorld(5);
        world.Up();
        world.Tell(world.Device, session => session.RekeyIke(world.Now));
        world.Run(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 3; i++)
        {
            world.Tell(world.Device, session => session.AddChild(IkeEnd.Selectors("0.0.0.0/0"), IkeEnd.Selectors("192.168.50.0/24"), world.Now));
        }

        world.Device.Session!.Current.Pending.Count.ShouldBe(1);
        world.Run(TimeSpan.FromSeconds(20));
        world.Device.Live.Count.ShouldBe(4);
        world.ShouldAgree();
    }

    [Fact]
    public void A_pair_that_the_peer_has_lost_is_made_anew()
    {
        using var world = new IkeWorld(6);
        world.Up();
        var gateway = world.Gateway.Session!;
        gateway.Children.Remove(gateway.Children.All[0]);
        world.Drain();
        world.Tell(world.Device, session => session.RekeyChild(world.Device.Live.Keys.Single(), world.Now));
        world.Run(TimeSpan.FromSeconds(2));
        world.Device.Live.Count.ShouldBe(1);
        world.ShouldAgree();
    }

    [Fact]
    public void Both_close_at_once_and_nothing_is_left()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            using var world = new IkeWorld(seed, IkeHandshakeTests.Bad);
            world.Up();
            world.Run(TimeSpan.FromSeconds(3));
            Do(world, world.Device, "add child");
            Do(world, world.Gateway, "ike");
            world.Tell(world.Device, session => session.Close("bye", world.Now));
            world.Tell(world.Gateway, session => session.Close("bye", world.Now));
            world.Run(TimeSpan.FromSeconds(15));
            world.Device.Endpoint.Sessions.ShouldBe(0);
            world.Gateway.Endpoint.Sessions.ShouldBe(0);
            (world.Device.Live.Count, world.Gateway.Live.Count).ShouldBe((0, 0));
            (world.Device.Allotted.Count, world.Gateway.Allotted.Count).ShouldBe((0, 0), $"seed {seed}");
            world.Device.Ends.Count().ShouldBe(1);
            world.Gateway.Ends.Count().ShouldBe(1);
        }
    }

    [Fact]
    public void A_request_that_is_closed_upon_comes_before_the_last_word()
    {
        using var world = new IkeWorld(7);
        world.Up();
        var swallow = 1;
        world.Passes = (to, _) => to == End.Client || swallow-- <= 0;
        world.Tell(world.Device, session => session.AddChild(IkeEnd.Selectors("0.0.0.0/0"), IkeEnd.Selectors("192.168.50.0/24"), world.Now));
        world.Tell(world.Device, session => session.Close("bye", world.Now));
        world.RunUntil(() => world.Gateway.Ends.Any(), TimeSpan.FromSeconds(9)).ShouldBeTrue(IkeHandshakeTests.Story(world));
        world.Gateway.Ends.Single().Reason.ShouldBe(Core.Ike.Session.IkeEnd.Deleted);
        world.Device.Allotted.ShouldBeEmpty();
        world.Device.Live.ShouldBeEmpty();
    }

    internal static void Do(IkeWorld world, IkeEnd end, string commands)
    {
        foreach (var command in commands.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            Do(world, end, end.Live.Keys.FirstOrDefault(), command);
        }
    }

    private static void Do(IkeWorld world, IkeEnd end, uint child, string command)
    {
        switch (command)
        {
            case "child":
                world.Tell(end, session => session.RekeyChild(child, world.Now));
                break;
            case "ike":
                world.Tell(end, session => session.RekeyIke(world.Now));
                break;
            case "add":
                world.Tell(end, session => session.AddChild(end.Grant.Local, end.Grant.Remote, world.Now));
                break;
            default:
                world.Condemned.UnionWith(world.Device.Live.Keys);
                world.Condemned.UnionWith(world.Gateway.Live.Keys);
                world.Tell(end, session => session.DeleteChild(child, world.Now));
                break;
        }
    }

    private static int Count(string commands, string command) => commands.Split(' ').Count(word => word == command);
}
