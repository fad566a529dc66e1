using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

public class IkeHandshakeTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(20);

    [Fact]
    public void A_device_comes_up_with_its_key_and_gets_its_address()
    {
        using var world = new IkeWorld(1);
        world.Begin();
        world.RunUntil(() => world.AreUp, Soon).ShouldBeTrue(Story(world));

        world.ShouldAgree();
        world.Gateway.Live.Count.ShouldBe(1);
        var child = world.Gateway.Live.Values.Single();
        child.Remote.ShouldBe(IkeEnd.Selectors("10.20.0.2/32"));
        child.Local.ShouldBe(IkeEnd.Selectors("10.20.0.0/16", "192.168.50.0/24"));
        world.Device.Events.OfType<Configured>().Single().Addresses.Select(address => address.ToString()).ShouldBe(["10.20.0.2"]);
        world.Device.Used.ShouldBe(world.Device.Live.Keys);
        world.Gateway.Used.ShouldBe(world.Gateway.Live.Keys);
        world.Gateway.Claims.Single().Proof.ShouldBe(IkeProof.PreSharedKey);
        world.Gateway.Events.OfType<IkeUp>().Single().IsInitialContact.ShouldBeTrue();
    }

    [Fact]
    public void A_bad_wire_delays_a_handshake_and_does_not_break_it()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            using var world = new IkeWorld(seed, Bad);
            world.Up();
            world.Run(Later);
            world.ShouldAgree($"seed {seed}");
        }
    }

    [Theory]
    [InlineData("p256", "p256")]
    [InlineData("p384", "rsa")]
    [InlineData("p521", "ed25519")]
    [InlineData("rsa", "p384")]
    [InlineData("ed25519", "p521")]
    public void Both_prove_themselves_by_certificates_of_all_kinds(string device, string gateway)
    {
        using var world = new IkeWorld(2);
        world.UseCertificates(IkePki.Device(device), IkePki.Gateway(gateway));
        world.Up();
        world.ShouldAgree();
        world.Gateway.Claims.Single().Certificate.ShouldBe(world.Device.Certificate!.Chain[0]);
        world.Device.Claims.Single().Certificate.ShouldBe(world.Gateway.Certificate!.Chain[0]);
    }

    [Theory]
    [InlineData("aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384-none-noesn")]
    [InlineData("aes128gcm16-prfsha256-ecp256", "aes128gcm16-noesn")]
    [InlineData("chacha20poly1305-prfsha512-x25519", "chacha20poly1305-x25519-none-noesn")]
    [InlineData("aes256-sha256-modp2048", "aes256-sha256-modp2048-none-noesn")]
    [InlineData("aes128-sha384-ecp521", "aes128-sha384-esn")]
    [InlineData("aes256-sha512-modp3072", "aes256-sha512-none-noesn")]
    [InlineData("aes128-sha1-modp4096", "aes256gmac-noesn")]
    public void Every_suite_carries_a_handshake_and_a_rekey(string ike, string esp)
    {
        using var world = new IkeWorld(3);
        world.UseIke(ike);
        world.UseEsp(esp);
        world.Up();
        world.Tell(world.Device, session => session.RekeyIke(world.Now));
        world.Run(Soon);
        world.Tell(world.Gateway, session => session.RekeyChild(world.Gateway.Live.Keys.Single(), world.Now));
        world.Run(Later);
        world.ShouldAgree();
        world.Device.Events.OfType<IkeRekeyed>().Count().ShouldBe(1);
        world.Device.Events.OfType<ChildUp>().Count().ShouldBe(2);
    }

    [Fact]
    public void Another_group_is_asked_for_and_given()
    {
        using var world = new IkeWorld(4, Bad);
        world.UseIke("aes256gcm16-prfsha256-x25519-ecp384", "aes256gcm16-prfsha256-ecp384");
        world.Up();
        world.Run(Later);
        world.ShouldAgree();
        world.Device.Session!.Suite.ShouldBe("aes256gcm16-prfsha256-ecp384");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void More_key_exchanges_than_one_go_into_the_keys(int bad)
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            using var world = new IkeWorld(seed, bad == 0 ? Fate.Clean : Bad);
            world.UseIke("aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_modp3072");
            world.Up();
            world.Run(Later);
            world.ShouldAgree($"seed {seed}");
            world.Device.Session!.Suite.ShouldBe("aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_modp3072");
        }
    }

    /// <summary>The answer that strengthens the keys goes under those before, and so does the request that asks for it again.</summary>
    [Fact]
    public void An_answer_with_a_key_exchange_that_was_lost_is_sent_again()
    {
        using var world = new IkeWorld(21);
        world.UseIke("aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_modp3072");
        Dictionary<uint, int> lost = [];
        world.Passes = (to, datagram) =>
        {
            var isAnswer = to == End.Client && datagram[18] == (byte)Core.Ike.Wire.ExchangeType.IkeIntermediate;
            return !isAnswer || (lost[datagram[23]] = lost.GetValueOrDefault(datagram[23]) + 1) > 2;
        };
        world.Up();
        world.ShouldAgree();
        lost.ShouldBe(new Dictionary<uint, int> { [1] = 3, [2] = 3 });
    }

    [Fact]
    public void Long_chains_of_certificates_go_in_fragments_over_a_bad_wire()
    {
        for (ulong seed = 1; seed <= 12; seed++)
        {
            using var world = new IkeWorld(seed, Bad with { MtuMax = 1300 });
            world.UseCertificates(
                IkePki.Issue("rsa", IkeWorld.DeviceName, IkePki.ClientUse, chain: 6), IkePki.Issue("rsa", IkeWorld.GatewayName, IkePki.ServerUse, chain: 6));
            world.Up();
            world.Run(Later);
            world.ShouldAgree($"seed {seed}");
        }
    }

    [Fact]
    public void Without_fragments_a_message_that_does_not_fit_is_one_datagram()
    {
        using var world = new IkeWorld(5, Fate.Clean with { MtuMax = 16_000 });
        world.DeviceOptions = world.DeviceOptions with { Fragmentation = false };
        world.UseCertificates(IkePki.Issue("rsa", IkeWorld.DeviceName, IkePki.ClientUse, chain: 6), IkePki.Gateway());
        world.Up(Soon);
        world.ShouldAgree();
    }

    [Fact]
    public void Cookies_cost_a_round_trip_and_nothing_else()
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            using var world = new IkeWorld(seed, seed == 1 ? Fate.Clean : Bad) { Limits = new IkeEndpointLimits { CookieAbove = 0 } };
            world.UseIke("aes256gcm16-prfsha256-x25519-ecp384", "aes256gcm16-prfsha256-ecp384");
            world.Up();
            world.Run(Later);
            world.ShouldAgree($"seed {seed}");
        }
    }

    [Fact]
    public void Without_a_child_the_two_are_up_and_one_can_be_added()
    {
        using var world = new IkeWorld(6);
        world.Target = world.Target with { LocalSelectors = [], RemoteSelectors = [], WantsAddress = false };
        world.Up(Soon);
        world.Device.Live.ShouldBeEmpty();
        world.Tell(world.Device, session => session.AddChild(IkeEnd.Selectors("0.0.0.0/0"), IkeEnd.Selectors("0.0.0.0/0"), world.Now));
        world.Run(Soon);
        world.ShouldAgree();
        world.Device.Live.Count.ShouldBe(1);
    }

    [Fact]
    public void What_is_refused_of_the_child_leaves_the_session_up()
    {
        using var world = new IkeWorld(7);
        world.Target = world.Target with { LocalSelectors = IkeEnd.Selectors("172.16.0.0/16") };
        world.Up(Soon);
        world.Device.Live.ShouldBeEmpty();
        world.Gateway.Failures.Single().ShouldContain("selectors do not meet");
        world.Device.Failures.Single().ShouldContain("TsUnacceptable");
        world.ShouldAgree();
    }

    [Fact]
    public void Algorithms_that_do_not_meet_are_explained()
    {
        using var world = new IkeWorld(8);
        world.UseIke("aes256gcm16-prfsha256-ecp256", "aes256-sha512-x25519");
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), TimeSpan.FromSeconds(10)).ShouldBeTrue();
        world.Device.Ends.Single().Reason.ShouldBe(Core.Ike.Session.IkeEnd.NoProposal);
        world.Gateway.Endpoint.TryDequeueRefusal(out var refusal).ShouldBeTrue();
        refusal.Detail.ShouldContain("peer offered [aes256gcm16-prfsha256-ecp256]");
        refusal.Detail.ShouldContain("accepted here [aes256-prfsha512-sha512-x25519]");
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
    }

    [Fact]
    public void What_everybody_may_use_is_not_enough_for_who_must_use_more()
    {
        using var world = new IkeWorld(9);
        world.Gateway.Grant = world.Gateway.Grant with { Ike = IkeEnd.Ike("aes256gcm16-prfsha384-ecp384") };
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Gateway.Ends.Single().Detail.ShouldContain("its network does not accept");
        world.Gateway.Live.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true, true, false, true)]
    [InlineData(true, true, true, true)]
    [InlineData(true, false, false, true)]
    [InlineData(true, false, true, false)]
    [InlineData(false, true, false, true)]
    public void A_post_quantum_key_is_mixed_in_where_both_have_it(bool device, bool gateway, bool isRequired, bool isUp)
    {
        byte[] ppk = [.. Enumerable.Range(1, 32).Select(value => (byte)value)];
        using var world = new IkeWorld(10);
        world.Target = world.Target with { PpkId = device ? [.. "ppk-1"u8] : null, Ppk = device ? ppk : null, PpkRequired = isRequired };
        if (gateway)
        {
            world.Gateway.Ppks["ppk-1"] = ppk;
        }

        world.Begin();
        world.RunUntil(() => world.AreUp || world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.AreUp.ShouldBe(isUp);
        (world.Gateway.Claims.LastOrDefault()?.Ppk is not null).ShouldBe(device && gateway);
        if (isUp)
        {
            world.ShouldAgree();
        }
    }

    [Fact]
    public void A_wrong_post_quantum_key_is_no_key()
    {
        using var world = new IkeWorld(11);
        world.Target = world.Target with { PpkId = [.. "ppk-1"u8], Ppk = new byte[32] };
        world.Gateway.Ppks["ppk-1"] = [.. Enumerable.Repeat((byte)1, 32)];
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Gateway.Claims.ShouldBeEmpty();
    }

    [Fact]
    public void A_newcomer_is_sent_elsewhere_and_is_let_in_there()
    {
        using var world = new IkeWorld(12);
        world.GatewayOptions = world.GatewayOptions with { Redirect = "gw2.example.com" };
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Device.Events.OfType<IkeRedirected>().Single().Gateway.ShouldBe("gw2.example.com");
        world.Gateway.Endpoint.Sessions.ShouldBe(0);

        using var there = new IkeWorld(13);
        there.Target = there.Target with { RedirectedFrom = world.Gateway.At.Ip };
        there.Up(Soon);
        there.ShouldAgree();
    }

    [Fact]
    public void Who_is_up_is_sent_elsewhere_and_ends()
    {
        using var world = new IkeWorld(14, Bad);
        world.Up();
        world.Tell(world.Gateway, session => session.Redirect("198.51.100.9", world.Now));
        world.RunUntil(() => world.Gateway.Ends.Any() && world.Device.Ends.Any(), Later).ShouldBeTrue();
        world.Device.Events.OfType<IkeRedirected>().Single().Gateway.ShouldBe("198.51.100.9");
        world.Gateway.Ends.Single().Reason.ShouldBe(Core.Ike.Session.IkeEnd.Deleted);
        world.Match().ShouldBeTrue();
    }

    /// <summary>RFC 5685 section 6: a gateway may send who it knows elsewhere, and nobody may who has not proven to be that gateway.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void With_its_proof_a_peer_sends_elsewhere_and_not_without(bool isProven)
    {
        using var world = new IkeWorld(22);
        byte[]? answer = null;
        world.Passes = (to, datagram) =>
        {
            var isAnswer = to == End.Client && datagram[18] == (byte)Core.Ike.Wire.ExchangeType.IkeAuth;
            answer = isAnswer ? datagram : answer;
            return !isAnswer;
        };
        world.Begin();
        world.RunUntil(() => answer is not null, Soon).ShouldBeTrue();
        var gateway = world.Gateway.Session!.Current;
        Core.Ike.Wire.IkeHeader.TryRead(answer, out var header).ShouldBeTrue();
        Core.Ike.Keys.MessageCipher.TryOpen(gateway.Keys!, answer, header, fromInitiator: false, out var opened).ShouldBeTrue();
        var payloads = answer.AsSpan(opened.Start, opened.Length).ToArray();
        if (!isProven)
        {
            // The last byte of its proof: the AUTH payload comes second.
            var identity = (payloads[2] << 8) | payloads[3];
            payloads[identity + ((payloads[identity + 2] << 8) | payloads[identity + 3]) - 1] ^= 1;
        }

        byte[] name = [.. "gw3.example.com"u8];
        byte[] redirect = [(byte)opened.First, 0, 0, (byte)(10 + name.Length), 0, 0, 64, 23, 3, (byte)name.Length, .. name];
        world.Inject(End.Client, IkeForge.Sealed(gateway, Core.Ike.Wire.ExchangeType.IkeAuth, 1, Core.Ike.Wire.PayloadType.Notify, [.. redirect, .. payloads], isResponse: true));
        world.Device.Ends.Single().Reason.ShouldBe(isProven ? Core.Ike.Session.IkeEnd.Redirected : Core.Ike.Session.IkeEnd.AuthenticationFailed);
        world.Device.Events.OfType<IkeRedirected>().Select(redirected => redirected.Gateway).ShouldBe(isProven ? ["gw3.example.com"] : []);
        (world.Device.Live.Count, world.Device.Allotted.Count).ShouldBe((0, 0));
        world.RunUntil(() => world.Gateway.Ends.Any(), Soon).ShouldBeTrue();
    }

    [Fact]
    public void Who_is_sent_on_and_on_stops()
    {
        var redirections = new Redirections();
        var now = IkeWorld.Start;
        for (var i = 0; i < 20; i++)
        {
            // Five in 300 seconds; every 50 seconds there are six.
            redirections.TryFollow(now).ShouldBe(i % 6 != 5, $"{i}");
            now += TimeSpan.FromSeconds(50);
        }
    }

    [Fact]
    public void Transport_mode_holds_the_addresses_of_the_path_and_no_others()
    {
        using var world = new IkeWorld(15) { Nat = seen => new OuterAddress(IpAddress.Parse("192.0.2.77"), seen.Port) };
        world.Gateway.Grant = world.Gateway.Grant with { MayTransport = true };
        world.Target = world.Target with
        {
            WantsTransport = true, WantsAddress = false,
            LocalSelectors = IkeEnd.Selectors("203.0.113.9/32"), RemoteSelectors = IkeEnd.Selectors("198.51.100.1/32"),
        };
        world.Up(Soon);
        var child = world.Gateway.Live.Values.Single();
        child.IsTransport.ShouldBeTrue();
        child.Remote.ShouldBe(IkeEnd.Selectors("192.0.2.77/32"));
        child.Local.ShouldBe(IkeEnd.Selectors("198.51.100.1/32"));
        world.Device.Live.Values.Single().Local.ShouldBe(IkeEnd.Selectors("203.0.113.9/32"));
    }

    internal static string Story(IkeWorld world, int last = 500) =>
        string.Join('\n', world.Device.Story.Concat(world.Gateway.Story).OrderBy(line => line.At).TakeLast(last).Select(line => $"{(line.At - IkeWorld.Start).TotalSeconds,10:F3} {line.Text}"));

    internal static Fate Bad { get; } = new() { Lose = 0.1, Duplicate = 0.1, DelayMinMs = 5, DelayMaxMs = 200 };
}
