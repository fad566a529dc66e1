using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
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

    /// <summary>What a network has taken back is not offered with new keys.</summary>
    [Theory]
    [InlineData("aes256gcm16-prfsha256-ecp256-ecp384", "aes256gcm16-prfsha256-ecp384")]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_ecp256-ke1_none", "aes256gcm16-prfsha256-x25519-ke1_ecp256")]
    public void What_the_network_no_longer_takes_is_gone_with_the_next_keys(string peer, string now)
    {
        using var world = new IkeWorld(901);
        var first = peer.Replace("-ecp384", "", StringComparison.Ordinal).Replace("-ke1_ecp256-ke1_none", "", StringComparison.Ordinal);
        world.UseIke(first);
        world.Up();
        world.Tell(world.Device, session => session.UseGrant(world.Device.Grant with { Ike = IkeEnd.Ike(peer), Esp = world.Target.Esp }));
        world.Tell(world.Gateway, session => session.UseGrant(world.Gateway.Grant with { Ike = IkeEnd.Ike(now) }));
        world.Tell(world.Gateway, session => session.RekeyIke(world.Now));
        world.Run(TimeSpan.FromSeconds(30));
        world.Gateway.Events.OfType<IkeRekeyed>().ShouldNotBeEmpty();
        var agreed = world.Gateway.Session!.AgreedIke!;
        ProposalChoice.TryChoose([agreed], IkeEnd.Ike(now), KeyExchangeMethod.None, out _)
            .ShouldBeTrue($"new keys came of {agreed}, and the network takes {now}");
    }

    /// <summary>A peer that never agrees to new keys has the old ones until their time is over.</summary>
    [Fact]
    public void Keys_of_the_IKE_SA_end_with_their_time_whatever_the_peer_says()
    {
        using var world = new IkeWorld(902);
        world.UseLifetimes(new IkeLifetimes { IkeRekey = TimeSpan.FromMinutes(10) });
        world.Target = world.Target with { Lifetimes = new IkeLifetimes { IkeRekey = TimeSpan.Zero } };
        world.Up();
        var spi = world.Gateway.Session!.Spis;
        world.Tell(world.Device, session => session.UseGrant(
            world.Device.Grant with { Ike = IkeEnd.Ike("aes128gcm16-prfsha512-ecp521"), Esp = world.Target.Esp, Lifetimes = new IkeLifetimes { IkeRekey = TimeSpan.Zero } }));
        world.Run(TimeSpan.FromHours(20));
        (world.Gateway.IsUp && world.Gateway.Session.Spis == spi && world.Gateway.Endpoint.Sessions == 1).ShouldBeFalse(
            $"after 120 lifetimes the first keys are still in use; {world.Gateway.Failures.Count()} refusals");
    }

    /// <summary>As where a network asks for what OpenSSL here does not have.</summary>
    [Fact]
    public void Who_has_nothing_left_to_propose_makes_no_new_keys_and_goes_on_with_those_that_there_are()
    {
        using var world = new IkeWorld(904);
        world.Up();
        var (spis, child) = (world.Gateway.Session!.Spis, world.Gateway.Live.Keys.Single());
        world.Tell(world.Gateway, session => session.UseGrant(world.Gateway.Grant with { Ike = [], Esp = [] }));
        world.Tell(world.Gateway, session => session.RekeyIke(world.Now));
        world.Tell(world.Gateway, session => session.RekeyChild(child, world.Now));
        world.Run(TimeSpan.FromSeconds(30));
        world.AreUp.ShouldBeTrue();
        (world.Gateway.Session.Spis, world.Gateway.Live.Keys.Single()).ShouldBe((spis, child));
        world.Gateway.Allotted.ShouldBeEmpty();
        world.Gateway.Failures.ShouldHaveSingleItem().ShouldContain("OpenSSL here has nothing");
    }

    /// <summary>Where there was no place for the request that ends a pair, there is one later.</summary>
    [Fact]
    public void A_pair_whose_time_is_over_ends_though_requests_stand_in_line()
    {
        using var world = new IkeWorld(903);
        var lifetime = TimeSpan.FromSeconds(60);
        world.UseLifetimes(new IkeLifetimes { ChildRekey = lifetime });
        world.Target = world.Target with { Lifetimes = new IkeLifetimes() };
        world.Up();
        var spi = world.Gateway.Live.Keys.Single();
        world.Run(TimeSpan.FromSeconds(20));
        world.Passes = (_, _) => false;
        for (var i = 0; i < 300; i++)
        {
            world.Tell(world.Gateway, session => session.AddChild(IkeEnd.Selectors("10.20.0.0/16"), IkeEnd.Selectors("10.20.0.2/32"), world.Now));
        }

        world.Run(lifetime);
        world.Gateway.Live.ShouldContainKey(spi);
        world.Passes = (_, _) => true;
        world.Run(TimeSpan.FromSeconds(120));
        world.AreUp.ShouldBeTrue();
        world.Gateway.Live.ShouldNotContainKey(spi);
    }

    /// <summary>What has expired proves nothing.</summary>
    [Fact]
    public void Nobody_is_in_for_days_by_a_certificate_that_is_over()
    {
        using var world = new IkeWorld(905);
        world.UseCertificates(IkePki.Issue("p256", IkeWorld.DeviceName, IkePki.ClientUse, age: 1, days: 2), IkePki.Gateway());
        world.Up();
        world.Run(TimeSpan.FromDays(4));
        world.Gateway.IsUp.ShouldBeFalse("three days after its certificate was over");
    }

    /// <summary>A key exchange costs some milliseconds of a thread that others wait for.</summary>
    [Fact]
    public void What_one_peer_makes_us_compute_in_a_second_has_a_bound()
    {
        using var world = new IkeWorld(904);
        world.UseEsp("aes256gcm16-ecp256-noesn");
        world.Up();
        var (begun, count) = (world.Now, 0);
        while (world.Now - begun < TimeSpan.FromSeconds(10) && count < 200)
        {
            var spi = world.Device.Live.Keys.Last();
            world.Tell(world.Device, session => session.RekeyChild(spi, world.Now));
            world.RunUntil(() => !world.Device.Live.ContainsKey(spi), TimeSpan.FromSeconds(5));
            count++;
        }

        count.ShouldBeLessThan(IkeLimits.KeyExchangesAtOnce + 15);
        world.Run(TimeSpan.FromMinutes(1));
        world.ShouldAgree("it goes on, more slowly");
    }

    /// <summary>Who began says in time that both have to prove again who they are, once; nothing came of that, and the session ends with its proof.</summary>
    [Fact]
    public void A_proof_is_due_before_it_is_over_and_nothing_outlives_it()
    {
        using var world = new IkeWorld(51);
        var proof = TimeSpan.FromMinutes(10);
        world.Target = world.Target with { Lifetimes = new IkeLifetimes { Reauthenticate = proof } };
        world.Up();
        var begun = world.Now;
        world.RunUntil(() => world.Device.Events.OfType<ProofDue>().Any(), proof).ShouldBeTrue();
        (world.Now - begun).ShouldBeInRange(proof * 0.69, proof * 0.91);
        world.AreUp.ShouldBeTrue("it goes on meanwhile");
        world.RunUntil(() => world.Device.Ends.Any() && world.Gateway.Ends.Any(), proof).ShouldBeTrue();
        (world.Now - begun).ShouldBeInRange(proof * 0.99, proof * 1.02);
        world.Device.Events.OfType<ProofDue>().ShouldHaveSingleItem();
    }

    [Fact]
    public void Of_two_times_that_a_proof_stands_the_shorter_one_holds()
    {
        using var world = new IkeWorld(52);
        world.Target = world.Target with { Lifetimes = new IkeLifetimes { Reauthenticate = TimeSpan.FromMinutes(60) } };
        world.Gateway.Grant = world.Gateway.Grant with { Lifetimes = new IkeLifetimes { Reauthenticate = TimeSpan.FromMinutes(5) } };
        world.Up();
        world.RunUntil(() => world.Device.Events.OfType<ProofDue>().Any(), TimeSpan.FromMinutes(5)).ShouldBeTrue();
        world.AreUp.ShouldBeTrue();
    }

    [Fact]
    public void A_pair_that_is_asked_for_is_known_to_be_on_its_way_until_it_is_there()
    {
        using var world = new IkeWorld(53);
        world.Up();
        world.Device.Session!.IsAddingChild.ShouldBeFalse();
        world.Tell(world.Device, session => session.AddChild(IkeEnd.Selectors("10.20.0.2/32"), IkeEnd.Selectors("192.168.50.0/24"), world.Now));
        world.Device.Session.IsAddingChild.ShouldBeTrue();
        world.RunUntil(() => !world.Device.Session.IsAddingChild, Settled).ShouldBeTrue();
        world.Device.Live.Count.ShouldBe(2);
        world.Tell(world.Device, session => session.RekeyChild(world.Device.Live.Keys.First(), world.Now));
        world.Device.Session.IsAddingChild.ShouldBeFalse("new keys for one that there is are no new pair");
    }

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

    /// <summary>The answer that came first is the last to be waited for.</summary>
    [Fact]
    public void An_answer_is_kept_until_those_behind_it_are_all_done()
    {
        using var world = new IkeWorld(11);
        world.Up();
        var first = world.Device.Session!.Current.NextRequestId;
        HashSet<uint> seen = [];
        var isLost = true;
        world.Passes = (to, datagram) =>
        {
            var id = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(datagram.AsSpan(20));
            var isLate = to == End.Server && id < first + 3 && seen.Add(id);
            return !isLate && !(isLost && to == End.Client && id == first + 3);
        };
        for (var i = 0; i < 7; i++)
        {
            world.Tell(world.Device, session => session.AddChild(IkeEnd.Selectors("0.0.0.0/0"), IkeEnd.Selectors("192.168.50.0/24"), world.Now));
        }

        world.RunUntil(() => world.Gateway.Live.Count == 8, TimeSpan.FromSeconds(20)).ShouldBeTrue();
        world.Run(TimeSpan.FromSeconds(1));
        world.Device.Live.Count.ShouldBe(7);
        isLost = false;
        world.Run(Settled);
        world.Device.Live.Count.ShouldBe(8);
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

    [Fact]
    public void Keys_that_the_peer_has_deleted_are_not_gone_back_to()
    {
        using var world = new IkeWorld(8);
        world.Up();
        var stage = 0;
        world.Passes = (to, datagram) => to == End.Server
            ? stage > 0 && (datagram[19] & (byte)Core.Ike.Wire.IkeFlags.Response) != 0
            : stage != 1 || datagram[18] != (byte)Core.Ike.Wire.ExchangeType.Informational;
        world.Tell(world.Device, session => session.RekeyIke(world.Now));
        world.Tell(world.Gateway, session => session.RekeyIke(world.Now));

        // The device has answered the gateway's rekey, and waits for the answer to its own, which does not come.
        world.RunUntil(() => world.Device.Session!.LocalSpis.Count() == 2, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        stage = 1;
        world.RunUntil(() => world.Gateway.Events.OfType<IkeRekeyed>().Any(), TimeSpan.FromSeconds(20)).ShouldBeTrue();

        // The gateway deletes what its rekey has made, and is gone.
        stage = 2;
        world.Tell(world.Gateway, session => session.Close("bye", world.Now));
        world.Run(TimeSpan.FromSeconds(200));
        world.Device.Ends.Single().Reason.ShouldBe(Core.Ike.Session.IkeEnd.Silent);
        world.Device.Events.OfType<IkeRekeyed>().ShouldBeEmpty();
        world.Device.Endpoint.Sessions.ShouldBe(0);
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        (world.Device.Live.Count, world.Gateway.Live.Count).ShouldBe((0, 0));
    }

    [Fact]
    public void A_peer_that_replaces_and_never_deletes_is_made_to_wait()
    {
        using var world = new IkeWorld(9);
        world.Up();
        world.Passes = (to, datagram) => to == End.Client || datagram[18] != (byte)Core.Ike.Wire.ExchangeType.Informational;
        for (var i = 0; i < 60; i++)
        {
            world.Tell(world.Device, session => session.RekeyIke(world.Now));
            world.Run(TimeSpan.FromSeconds(1));
            world.Gateway.Session!.LocalSpis.Count().ShouldBeLessThanOrEqualTo(8);
        }

        world.AreUp.ShouldBeTrue();
        world.Passes = (_, _) => true;
        world.Run(Settled);
        world.ShouldAgree();
    }

    [Fact]
    public void Selectors_beyond_a_message_are_cut()
    {
        using var world = new IkeWorld(10);
        world.UseCertificates(
            IkePki.Issue("rsa", IkeWorld.DeviceName, IkePki.ClientUse, chain: 6), IkePki.Issue("rsa", IkeWorld.GatewayName, IkePki.ServerUse, chain: 7));
        var many = Enumerable.Range(0, 128).Select(i => $"fd00::{i:x}:0/112").ToArray();
        world.Gateway.Grant = world.Gateway.Grant with { Local = IkeEnd.Selectors("fd00::/16"), Remote = IkeEnd.Selectors("fd00::/16") };
        world.Target = world.Target with { LocalSelectors = IkeEnd.Selectors(many), RemoteSelectors = IkeEnd.Selectors(many), WantsAddress = false, WantsTicket = true };
        world.Up();
        world.Gateway.Live.Values.Single().Local.Length.ShouldBe(64);
        world.ShouldAgree();
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
