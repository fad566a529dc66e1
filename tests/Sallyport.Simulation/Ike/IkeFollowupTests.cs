using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Simulation.Wire;
using Ends = Sallyport.Core.Ike.Session.IkeEnd;

namespace Sallyport.Simulation.Ike;

/// <summary>Additional key exchanges of CREATE_CHILD_SA (RFC 9370 section 2.2.4): by classical methods, which every machine has.</summary>
public class IkeFollowupTests
{
    private const string Ike = "aes256gcm16-prfsha256-ecp256-ke1_x25519-ke2_ecp384";
    private const string Esp = "aes256gcm16-ecp256-ke1_x25519-ke3_modp2048-noesn";
    private const string Plain = "aes256gcm16-ecp256-noesn";

    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(200);

    public static TheoryData<string, string> Commands => IkeRekeyTests.Commands;

    /// <summary>Whatever both do at the same time, over good wires and bad ones, and whether both begin chains of key exchanges or one of them only.</summary>
    [Theory]
    [MemberData(nameof(Commands))]
    public void Both_ends_agree_whatever_they_do_at_once(string device, string gateway)
    {
        for (ulong seed = 1; seed <= 24; seed++)
        {
            using var world = World(seed, seed % 3 == 0 ? Fate.Clean : IkeHandshakeTests.Bad, isMixed: seed % 4 > 1);
            world.Up();
            world.RunWithTraffic(TimeSpan.FromSeconds(5), Often);
            IkeRekeyTests.Do(world, world.Device, device);
            world.RunWithTraffic(TimeSpan.FromMilliseconds(seed * 9), Often);
            IkeRekeyTests.Do(world, world.Gateway, gateway);
            world.RunWithTraffic(TimeSpan.FromSeconds(60), Often);
            world.Run(Settled);
            world.RunWithTraffic(TimeSpan.FromSeconds(1), Often);
            world.AreUp.ShouldBeTrue($"seed {seed}: {device} / {gateway}\n{IkeHandshakeTests.Story(world)}");
            world.ShouldAgree($"seed {seed}: {device} / {gateway}");
            world.NotTaken.ShouldBeEmpty($"seed {seed}: {device} / {gateway}\n{IkeHandshakeTests.Story(world)}");
            ShouldWaitForNothing(world);
            if (device == "ike" || gateway == "ike")
            {
                world.Device.Events.OfType<IkeRekeyed>().ShouldNotBeEmpty($"seed {seed}: {device} / {gateway}\n{IkeHandshakeTests.Story(world)}");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void New_keys_have_what_was_agreed_on_first_and_nothing_is_there_before_the_last(bool byGateway)
    {
        using var world = World(1, isMixed: false);
        world.Up();
        var asker = byGateway ? world.Gateway : world.Device;
        var answerer = byGateway ? world.Device : world.Gateway;
        var sent = Count(world, byGateway ? End.Client : End.Server);
        world.Tell(asker, session => session.RekeyChild(asker.Live.Keys.Single(), world.Now));
        world.RunUntil(() => answerer.Session!.Followups.Answered == 1 && sent.GetValueOrDefault(ExchangeType.IkeFollowupKe) == 2, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        (world.Device.Live.Count, world.Gateway.Live.Count).ShouldBe((1, 1));
        world.Run(TimeSpan.FromSeconds(1));
        sent.ShouldBe(new Dictionary<ExchangeType, int> { [ExchangeType.CreateChildSa] = 1, [ExchangeType.IkeFollowupKe] = 2, [ExchangeType.Informational] = 1 });
        world.ShouldAgree();

        var before = asker.Session!.Current;
        sent.Clear();
        world.Tell(asker, session => session.RekeyIke(world.Now));
        world.RunUntil(() => sent.GetValueOrDefault(ExchangeType.IkeFollowupKe) == 2, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        asker.Session.Current.ShouldBe(before);
        world.Run(TimeSpan.FromSeconds(11));
        sent.ShouldBe(new Dictionary<ExchangeType, int> { [ExchangeType.CreateChildSa] = 1, [ExchangeType.IkeFollowupKe] = 2, [ExchangeType.Informational] = 1 });
        world.Device.Events.OfType<IkeRekeyed>().Single().Suite.ShouldBe(Ike);
        world.Gateway.Events.OfType<IkeRekeyed>().Single().Suite.ShouldBe(Ike);
        world.ShouldAgree();

        sent.Clear();
        world.Tell(asker, session => session.AddChild(asker.Grant.Local, asker.Grant.Remote, world.Now));
        world.Run(TimeSpan.FromSeconds(1));
        sent.ShouldBe(new Dictionary<ExchangeType, int> { [ExchangeType.CreateChildSa] = 1, [ExchangeType.IkeFollowupKe] = 2 });
        world.Device.Live.Count.ShouldBe(2);
        world.ShouldAgree();
        ShouldWaitForNothing(world);
    }

    [Fact]
    public void All_seven_are_done_in_their_order()
    {
        using var world = new IkeWorld(2, IkeHandshakeTests.Bad);
        const string all = "-x25519-ke1_ecp256-ke2_ecp384-ke3_ecp521-ke4_modp2048-ke5_modp3072-ke6_modp4096-ke7_x25519";
        world.UseIke("aes256-sha512-prfsha512" + all);
        world.UseEsp("aes128-sha256" + all + "-noesn");
        world.Up();
        world.Run(TimeSpan.FromSeconds(3));
        IkeRekeyTests.Do(world, world.Device, "ike");
        world.Run(Settled);
        IkeRekeyTests.Do(world, world.Gateway, "child");
        world.Run(Settled);
        world.Device.Events.OfType<IkeRekeyed>().ShouldNotBeEmpty();
        world.Device.Events.OfType<ChildUp>().Count().ShouldBe(2);
        world.ShouldAgree();
    }

    /// <summary>RFC 9370 section 2.2.4: nothing has been made, so there is nothing to delete.</summary>
    [Theory]
    [InlineData("child")]
    [InlineData("ike")]
    public void Of_two_that_begin_at_once_one_goes_on(string what)
    {
        var winners = new HashSet<bool>();
        for (ulong seed = 1; seed <= 16; seed++)
        {
            using var world = World(seed);
            world.Up();
            var sent = (Device: Count(world, End.Server), Gateway: Count(world, End.Client, isMore: true));
            IkeRekeyTests.Do(world, world.Device, what);
            IkeRekeyTests.Do(world, world.Gateway, what);
            world.Run(TimeSpan.FromSeconds(12));
            var (ofDevice, ofGateway) = (sent.Device.GetValueOrDefault(ExchangeType.IkeFollowupKe), sent.Gateway.GetValueOrDefault(ExchangeType.IkeFollowupKe));
            (ofDevice + ofGateway, ofDevice * ofGateway).ShouldBe((2, 0));
            sent.Device.GetValueOrDefault(ExchangeType.Informational).ShouldBe(ofDevice / 2);
            sent.Gateway.GetValueOrDefault(ExchangeType.Informational).ShouldBe(ofGateway / 2);
            world.ShouldAgree();
            ShouldWaitForNothing(world);
            winners.Add(ofDevice > 0);
        }

        winners.Count.ShouldBe(2);
    }

    /// <summary>Who has an answer already, and is asked the same, is busy (RFC 9370 section 2.2.4).</summary>
    [Theory]
    [InlineData("child")]
    [InlineData("ike")]
    public void Who_comes_too_late_is_made_to_wait(string what)
    {
        using var world = World(3);
        world.Up();
        var isLost = true;
        world.Passes = (to, datagram) =>
        {
            // The gateway's own request is lost at first; the device's second step, too.
            var exchange = (ExchangeType)datagram[18];
            var isRequest = (datagram[19] & (byte)IkeFlags.Response) == 0;
            return !(isLost && isRequest && (to == End.Client || exchange == ExchangeType.IkeFollowupKe));
        };
        IkeRekeyTests.Do(world, world.Gateway, what);
        IkeRekeyTests.Do(world, world.Device, what);
        world.Run(TimeSpan.FromSeconds(1));
        isLost = false;
        var sent = Count(world, End.Client);
        world.Run(TimeSpan.FromSeconds(15));
        world.ShouldAgree(what);
        sent.GetValueOrDefault(ExchangeType.IkeFollowupKe).ShouldBe(0);
        world.Run(TimeSpan.FromSeconds(30));
        world.ShouldAgree(what);
        ShouldWaitForNothing(world);
        world.Device.Failures.ShouldBeEmpty();
        world.Gateway.Failures.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("child")]
    [InlineData("ike")]
    [InlineData("add")]
    public void A_chain_that_does_not_go_on_is_forgotten_and_begun_anew(string what)
    {
        using var world = World(4);
        world.Up();
        var isLost = true;
        world.Passes = (to, datagram) => !(isLost && to == End.Server && datagram[18] == (byte)ExchangeType.IkeFollowupKe);
        IkeRekeyTests.Do(world, world.Device, what);
        world.Run(TimeSpan.FromSeconds(19));
        world.Gateway.Session!.Followups.Answered.ShouldBe(1);
        world.Gateway.Allotted.Count.ShouldBe(what == "ike" ? 0 : 1);
        world.Run(TimeSpan.FromSeconds(2));
        world.Gateway.Session.Followups.Answered.ShouldBe(0);
        world.Gateway.Allotted.ShouldBeEmpty();
        world.Gateway.Failures.Single().ShouldContain("does not go on with the additional key exchanges");
        (world.Device.Live.Count, world.Gateway.Live.Count).ShouldBe((1, 1));
        isLost = false;
        world.Run(TimeSpan.FromSeconds(60));
        world.ShouldAgree();
        ShouldWaitForNothing(world);
        world.Device.Events.OfType<IkeRekeyed>().Count().ShouldBe(what == "ike" ? 1 : 0);
        world.Device.Events.OfType<ChildUp>().Count().ShouldBe(what == "ike" ? 1 : 2);
    }

    /// <summary>RFC 9370 section 2.2.4: a peer that forgets again and again is none to go on with.</summary>
    [Theory]
    [InlineData("child")]
    [InlineData("ike")]
    [InlineData("add")]
    public void A_peer_that_forgets_for_ever_is_left(string what)
    {
        using var world = World(5);
        world.Up();
        var forgotten = 0;
        world.Passes = (to, datagram) =>
        {
            if (to == End.Server && datagram[18] == (byte)ExchangeType.IkeFollowupKe)
            {
                world.Gateway.Session!.Followups.DropAll();
                forgotten++;
            }

            return true;
        };
        IkeRekeyTests.Do(world, world.Device, what);
        world.RunUntil(() => world.Device.Ends.Any() && world.Gateway.Ends.Any(), TimeSpan.FromSeconds(200)).ShouldBeTrue(IkeHandshakeTests.Story(world));
        forgotten.ShouldBe(5);
        world.Device.Ends.Single().Detail.ShouldContain("STATE_NOT_FOUND");
        world.Gateway.Ends.Single().Reason.ShouldBe(Ends.Deleted);
        (world.Device.Allotted.Count, world.Gateway.Allotted.Count).ShouldBe((0, 0));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 30)]
    [InlineData(false, 60)]
    [InlineData(true, 0)]
    [InlineData(true, 30)]
    [InlineData(true, 60)]
    public void What_is_deleted_while_it_is_being_replaced_is_gone(bool byGateway, int after)
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            using var world = World(seed, new Fate { DelayMinMs = 10, DelayMaxMs = 20 });
            world.Up();
            IkeRekeyTests.Do(world, world.Device, "child");
            world.Run(TimeSpan.FromMilliseconds(after));
            IkeRekeyTests.Do(world, byGateway ? world.Gateway : world.Device, "delete");
            world.Run(Settled);
            world.AreUp.ShouldBeTrue();
            world.Device.Live.Count.ShouldBeLessThan(2);
            world.ShouldAgree($"seed {seed}");
            ShouldWaitForNothing(world);
        }
    }

    [Fact]
    public void A_session_that_ends_half_way_keeps_nothing()
    {
        for (ulong seed = 1; seed <= 12; seed++)
        {
            using var world = World(seed, IkeHandshakeTests.Bad);
            world.Up();
            IkeRekeyTests.Do(world, world.Device, "child add add");
            IkeRekeyTests.Do(world, world.Gateway, "add");
            world.Run(TimeSpan.FromMilliseconds(seed * 60));
            world.Tell(seed % 2 == 0 ? world.Device : world.Gateway, session => session.Close("bye", world.Now));
            world.Run(Settled);
            (world.Device.Allotted.Count, world.Gateway.Allotted.Count, world.Device.Live.Count, world.Gateway.Live.Count).ShouldBe((0, 0, 0, 0), $"seed {seed}");
            (world.Device.Endpoint.Sessions, world.Gateway.Endpoint.Sessions).ShouldBe((0, 0));
        }
    }

    [Fact]
    public void A_peer_keeps_so_many_waiting_and_no_more()
    {
        using var world = Alone(6, out var sa);
        for (uint i = 0; i < 6; i++)
        {
            var answer = Ask(world, sa, ExchangeType.CreateChildSa, (ref PayloadWriter to) => WriteChild(ref to, 5000 + i));
            answer.Has(NotifyType.AdditionalKeyExchange).ShouldBe(i < IkeLimits.FollowupsMax);
            answer.Has(NotifyType.TemporaryFailure).ShouldBe(i >= IkeLimits.FollowupsMax);
        }

        world.Gateway.Allotted.Count.ShouldBe(IkeLimits.FollowupsMax);
        world.Run(TimeSpan.FromSeconds(21));
        world.Gateway.Allotted.ShouldBeEmpty();
        Ask(world, sa, ExchangeType.CreateChildSa, (ref PayloadWriter to) => WriteChild(ref to, 6000)).Has(NotifyType.AdditionalKeyExchange).ShouldBeTrue();
    }

    [Fact]
    public void A_link_that_nobody_gave_leads_nowhere()
    {
        using var world = Alone(7, out var sa);
        var link = Ask(world, sa, ExchangeType.CreateChildSa, (ref PayloadWriter to) => WriteChild(ref to, 5000)).Find(NotifyType.AdditionalKeyExchange)!.Data;
        foreach (byte[]? wrong in new byte[]?[] { null, [], [.. link.AsSpan()[1..]], [.. link, 0], new byte[link.Length] })
        {
            Follow(world, sa, wrong, KeyExchangeMethod.X25519).Has(NotifyType.StateNotFound).ShouldBeTrue();
        }

        world.AreUp.ShouldBeTrue();
        world.Gateway.Live.Count.ShouldBe(1);

        // Each link is for one step: the answer to the right one has another.
        var next = Follow(world, sa, [.. link], KeyExchangeMethod.X25519).Find(NotifyType.AdditionalKeyExchange)!.Data;
        next.AsSpan().SequenceEqual(link.AsSpan()).ShouldBeFalse();
        Follow(world, sa, [.. link], KeyExchangeMethod.Modp2048).Has(NotifyType.StateNotFound).ShouldBeTrue();
        world.Gateway.Live.Count.ShouldBe(1);
        Follow(world, sa, [.. next], KeyExchangeMethod.Modp2048).FirstError.ShouldBeNull();
        world.Gateway.Live.Count.ShouldBe(2);
        Follow(world, sa, [.. next], KeyExchangeMethod.Modp2048).Has(NotifyType.StateNotFound).ShouldBeTrue();
        world.Gateway.Live.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(KeyExchangeMethod.Ecp384)]
    [InlineData(KeyExchangeMethod.Modp2048)]
    [InlineData(KeyExchangeMethod.None)]
    public void Another_key_exchange_than_the_next_ends_it(KeyExchangeMethod method)
    {
        using var world = Alone(8, out var sa);
        var link = Ask(world, sa, ExchangeType.CreateChildSa, (ref PayloadWriter to) => WriteChild(ref to, 5000)).Find(NotifyType.AdditionalKeyExchange)!.Data;
        Follow(world, sa, [.. link], method).Has(NotifyType.InvalidSyntax).ShouldBeTrue();
        world.Gateway.Ends.Single().Detail.ShouldContain("without the key exchange that is next");
        (world.Gateway.Allotted.Count, world.Gateway.Live.Count).ShouldBe((0, 0));
    }

    [Fact]
    public void New_keys_are_not_weaker_than_what_was_agreed_on()
    {
        using var world = Alone(9, out var sa);
        Ask(world, sa, ExchangeType.CreateChildSa, (ref PayloadWriter to) => WriteIke(ref to, "aes256gcm16-prfsha256-ecp256")).Has(NotifyType.NoProposalChosen).ShouldBeTrue();
        Ask(world, sa, ExchangeType.CreateChildSa, (ref PayloadWriter to) => WriteChild(ref to, 5000, Plain)).Has(NotifyType.NoProposalChosen).ShouldBeTrue();
        world.Gateway.Live.Count.ShouldBe(1);
        world.AreUp.ShouldBeTrue();
    }

    /// <summary>The responder's answer leaves out what was asked for, or does not say how to go on.</summary>
    [Theory]
    [InlineData("ike", Ike, false)]
    [InlineData("ike", "aes256gcm16-prfsha256-ecp256", true)]
    [InlineData("child", Esp, false)]
    [InlineData("child", Plain, true)]
    public void An_answer_that_ends_the_chain_early_makes_nothing(string what, string chosen, bool hasLink)
    {
        using var world = World(10);
        world.Up();
        world.Passes = (to, datagram) => datagram[18] != (byte)ExchangeType.CreateChildSa;
        var device = world.Device.Session!.Current;
        var id = device.NextRequestId;
        IkeRekeyTests.Do(world, world.Device, what);
        using var exchange = KeyExchange.Start(KeyExchangeMethod.Ecp256);
        world.Inject(End.Client, IkeForge.Sealed(world.Gateway.Session!.Current, ExchangeType.CreateChildSa, id, (ref PayloadWriter to) =>
        {
            to.Sa([(what == "ike" ? IkeEnd.Ike(chosen) : IkeEnd.Esp(chosen))[0] with { Spi = 7777, Number = 1 }]);
            to.Nonce(IkeForge.Nonce);
            to.Ke(exchange.Method, exchange.Public);
            if (what == "child")
            {
                to.Selectors(PayloadType.TsInitiator, world.Device.Live.Values.Single().Local);
                to.Selectors(PayloadType.TsResponder, world.Device.Live.Values.Single().Remote);
            }

            if (hasLink)
            {
                to.Notify(NotifyType.AdditionalKeyExchange, [1, 2, 3, 4]);
            }
        }, isResponse: true));
        world.Run(TimeSpan.FromSeconds(1));
        world.Device.Allotted.ShouldBeEmpty();
        world.Device.Events.OfType<IkeRekeyed>().ShouldBeEmpty();
        world.Device.Events.OfType<ChildUp>().Count().ShouldBe(1);
        if (what == "ike")
        {
            world.Device.Ends.Single().Reason.ShouldBe(Ends.Malformed);
        }
        else
        {
            world.Device.Failures.Single().ShouldContain("is not of what we asked for");
        }
    }

    /// <summary>A gateway, and what only a device that has the keys can say to it.</summary>
    private static IkeWorld Alone(ulong seed, out IkeSa sa)
    {
        var world = World(seed);
        world.Up();
        world.Run(TimeSpan.FromSeconds(1));
        sa = world.Device.Session!.Current;
        _asked = sa.NextRequestId;
        return world;
    }

    [ThreadStatic]
    private static uint _asked;

    /// <summary>Asks as the device; answers what the gateway says.</summary>
    private static IkePayloads Ask(IkeWorld world, IkeSa sa, ExchangeType exchange, WritePayloads write)
    {
        byte[]? answer = null;
        world.Passes = (to, datagram) =>
        {
            answer = to == End.Client && (datagram[19] & (byte)IkeFlags.Response) != 0 ? datagram : answer;
            return false;
        };
        world.Inject(End.Server, IkeForge.Sealed(sa, exchange, _asked++, write));
        answer.ShouldNotBeNull();
        IkeHeader.TryRead(answer, out var header).ShouldBeTrue();
        Core.Ike.Keys.MessageCipher.TryOpen(sa.Keys!, answer, header, fromInitiator: false, out var opened).ShouldBeTrue();
        IkePayloads.Read(opened.First, answer.AsSpan(opened.Start, opened.Length), out var payloads).ShouldBe(PayloadFault.None);
        return payloads;
    }

    private static IkePayloads Follow(IkeWorld world, IkeSa sa, byte[]? link, KeyExchangeMethod method) => Ask(world, sa, ExchangeType.IkeFollowupKe, (ref PayloadWriter to) =>
    {
        if (method != KeyExchangeMethod.None)
        {
            using var exchange = KeyExchange.Start(method);
            to.Ke(exchange.Method, exchange.Public);
        }

        if (link is not null)
        {
            to.Notify(NotifyType.AdditionalKeyExchange, link);
        }
    });

    private static void WriteChild(ref PayloadWriter to, ulong spi, string esp = Esp)
    {
        using var exchange = KeyExchange.Start(KeyExchangeMethod.Ecp256);
        to.Sa([IkeEnd.Esp(esp)[0] with { Spi = spi }]);
        to.Nonce(IkeForge.Nonce);
        to.Ke(exchange.Method, exchange.Public);
        to.Selectors(PayloadType.TsInitiator, IkeEnd.Selectors("10.20.0.2/32"));
        to.Selectors(PayloadType.TsResponder, IkeEnd.Selectors("10.20.0.0/16"));
    }

    private static void WriteIke(ref PayloadWriter to, string ike)
    {
        using var exchange = KeyExchange.Start(KeyExchangeMethod.Ecp256);
        to.Sa([IkeEnd.Ike(ike)[0] with { Spi = 4711 }]);
        to.Nonce(IkeForge.Nonce);
        to.Ke(exchange.Method, exchange.Public);
    }

    /// <summary>Requests to one end, by what they are.</summary>
    private static Dictionary<ExchangeType, int> Count(IkeWorld world, End towards, bool isMore = false)
    {
        Dictionary<ExchangeType, int> counts = [];
        var before = isMore ? world.Passes : (_, _) => true;
        world.Passes = (to, datagram) =>
        {
            if (to == towards && (datagram[19] & (byte)IkeFlags.Response) == 0)
            {
                counts[(ExchangeType)datagram[18]] = counts.GetValueOrDefault((ExchangeType)datagram[18]) + 1;
            }

            return before(to, datagram);
        };
        return counts;
    }

    private static IkeWorld World(ulong seed, Fate? fate = null, bool isMixed = false)
    {
        var world = new IkeWorld(seed, fate);
        world.UseIke(Ike);
        world.UseEsp(Esp);
        if (isMixed)
        {
            // Who answers chooses: the gateway goes without more where the device asks, the device not where the gateway does.
            world.Target = world.Target with { Esp = IkeEnd.Esp(Esp, Plain), Ike = IkeEnd.Ike(Ike, "aes256gcm16-prfsha256-ecp256") };
            world.Gateway.Grant = world.Gateway.Grant with { Esp = IkeEnd.Esp(Plain, Esp), Ike = IkeEnd.Ike("aes256gcm16-prfsha256-ecp256", Ike) };
            world.GatewayOptions = world.GatewayOptions with { Proposals = IkeEnd.Ike(Ike, "aes256gcm16-prfsha256-ecp256") };
        }

        return world;
    }

    private static void ShouldWaitForNothing(IkeWorld world)
    {
        foreach (var end in new[] { world.Device, world.Gateway })
        {
            end.Session!.Followups.Answered.ShouldBe(0);
            end.Session.Followups.AnyOfChildren.ShouldBeFalse();
            end.Session.Rekeying.ShouldBeNull();
        }
    }
}
