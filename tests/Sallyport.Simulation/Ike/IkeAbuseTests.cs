using System.Numerics;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;
using Ends = Sallyport.Core.Ike.Session.IkeEnd;

namespace Sallyport.Simulation.Ike;

/// <summary>What strangers, and peers that are none, may try.</summary>
public class IkeAbuseTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    /// <summary>RFC 3526 section 3.</summary>
    private static readonly byte[] Modp2048 = Convert.FromHexString(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
        + "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
        + "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
        + "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF");

    [Fact]
    public void A_wrong_key_and_an_unknown_name_look_the_same_to_a_peer()
    {
        var answers = new List<int>();
        foreach (var (name, detail) in new[] { (IkeWorld.DeviceName, "wrong pre-shared key"), ("pump-99.plant-a.sallyport", "nobody named") })
        {
            using var world = new IkeWorld(1);
            world.Target = world.Target with { Psk = new byte[32], Local = IkeIdentity.Fqdn(name) };
            var last = 0;
            world.Passes = (to, datagram) =>
            {
                last = to == End.Client ? datagram.Length : last;
                return true;
            };
            world.Begin();
            world.RunUntil(() => world.Device.Ends.Any() && world.Gateway.Ends.Any(), Soon).ShouldBeTrue();
            world.Device.Ends.Single().Reason.ShouldBe(Ends.AuthenticationFailed);
            world.Gateway.Ends.Single().Detail.ShouldContain(detail);
            world.Gateway.Claims.ShouldBeEmpty();
            answers.Add(last);
        }

        answers[0].ShouldBe(answers[1]);
    }

    [Fact]
    public void A_gateway_of_another_name_is_not_ours_and_is_told_so()
    {
        using var world = new IkeWorld(2);
        world.Target = world.Target with { Remote = IkeIdentity.Fqdn("other.example.com") };
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any() && world.Gateway.Ends.Any(), Soon).ShouldBeTrue();
        world.Device.Ends.Single().Detail.ShouldContain("other.example.com is expected");
        world.Gateway.Ends.Single().Detail.ShouldContain("does not accept our proof");
        (world.Device.Live.Count, world.Gateway.Live.Count, world.Device.Allotted.Count).ShouldBe((0, 0, 0));
    }

    public static TheoryData<string, string> BadCertificates => new()
    {
        { "other authority", "its certificate is not good" },
        { "expired", "its certificate is not good" },
        { "not yet valid", "its certificate is not good" },
        { "wrong use", "its certificate is not good" },
        { "another name", "does not name it" },
        { "another's key", "its signature is wrong" },
        { "key id", "does not name it" },
        { "none", "sent no certificate" },
    };

    [Theory]
    [MemberData(nameof(BadCertificates))]
    public void A_device_whose_certificate_is_not_right_stays_out(string kind, string detail)
    {
        using var world = new IkeWorld(3);
        world.UseCertificates(Bad(kind, IkeWorld.DeviceName, IkePki.ClientUse, IkePki.ServerUse), IkePki.Gateway());
        if (kind == "key id")
        {
            world.Target = world.Target with { Local = new IkeIdentity(IdentityType.KeyId, "pump-17"u8) };
        }

        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Gateway.Ends.Single().Detail.ShouldContain(detail);
        world.Gateway.Claims.ShouldBeEmpty();
        world.Gateway.Live.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(BadCertificates))]
    public void A_gateway_whose_certificate_is_not_right_gets_nobody(string kind, string detail)
    {
        if (kind == "key id")
        {
            return;
        }

        using var world = new IkeWorld(4);
        world.UseCertificates(IkePki.Device(), Bad(kind, IkeWorld.GatewayName, IkePki.ServerUse, IkePki.ClientUse));
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Device.Ends.Single().Detail.ShouldContain(detail);
        world.Device.Live.ShouldBeEmpty();
        world.RunUntil(() => world.Gateway.Ends.Any(), Soon).ShouldBeTrue();
        world.Gateway.Live.ShouldBeEmpty();
    }

    [Fact]
    public void A_certificate_by_URL_is_not_fetched()
    {
        using var world = BeforeAuth(5, out var sa);
        var reason = world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.IkeAuth, 1, (ref PayloadWriter to) =>
        {
            to.Identity(PayloadType.IdInitiator, IkeIdentity.Fqdn(IkeWorld.DeviceName));
            to.Raw(PayloadType.Certificate, [12, .. new byte[20], .. "http://10.0.0.1/cert"u8]);
            to.Auth(AuthMethod.DigitalSignature, new byte[100]);
        }));
        reason.ShouldBe(DropReason.None);
        world.Gateway.Ends.Single().Detail.ShouldContain("a URL is not fetched");
    }

    public static TheoryData<ExchangeType> Exchanges => [.. Enumerable.Range(0, 256).Select(value => (ExchangeType)value).Where(type => type is not (ExchangeType.IkeSaInit or ExchangeType.IkeAuth or ExchangeType.IkeSessionResume) && (byte)type is < 50 or > 250)];

    /// <summary>CVE-2014-2338, CVE-2019-12312.</summary>
    [Theory]
    [MemberData(nameof(Exchanges))]
    public void Nothing_but_IKE_AUTH_comes_before_it_is_known_who_speaks(ExchangeType exchange)
    {
        using var world = BeforeAuth(6, out var sa);
        world.Inject(End.Server, IkeForge.Sealed(sa, exchange, 1, WriteChild)).ShouldBe(DropReason.NotRequested);
        world.Gateway.Ends.Single().Reason.ShouldBe(Ends.Malformed);
        world.Gateway.Claims.ShouldBeEmpty();
        world.Gateway.Events.OfType<ChildUp>().ShouldBeEmpty();

        // And nothing afterwards either, the true message with it.
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.IkeAuth, 2, WriteChild));
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.CreateChildSa, 3, WriteIkeRekey));
        world.Gateway.Events.OfType<ChildUp>().ShouldBeEmpty();
        world.Gateway.Claims.ShouldBeEmpty();
    }

    [Fact]
    public void An_IKE_SA_that_nobody_has_proven_to_own_gets_no_new_keys()
    {
        using var world = BeforeAuth(7, out var sa);
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.CreateChildSa, 1, WriteIkeRekey));
        world.Gateway.Endpoint.Sessions.ShouldBe(1);
        world.Gateway.Events.OfType<IkeRekeyed>().ShouldBeEmpty();
        world.Run(TimeSpan.FromSeconds(60));
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
    }

    [Fact]
    public void IKE_AUTH_for_nothing_is_for_nobody()
    {
        using var world = BeforeAuth(8, out var sa);
        var stranger = new IkeSa(isInitiator: true, 4711, 4712, new SeededEntropy(1));
        stranger.UseKeys(sa.Keys!.WithPpk(new byte[32]));
        world.Inject(End.Server, IkeForge.Sealed(stranger, ExchangeType.IkeAuth, 1, WriteChild)).ShouldBe(DropReason.UnknownPeer);

        // The right numbers and the wrong keys.
        var forged = IkeForge.Sealed(sa, ExchangeType.IkeAuth, 1, WriteChild);
        forged[^1] ^= 1;
        world.Inject(End.Server, forged).ShouldBe(DropReason.BadTag);
        world.Gateway.Ends.ShouldBeEmpty();
    }

    [Fact]
    public void A_gateway_that_is_up_first_asks_again_until_the_device_is()
    {
        using var world = new IkeWorld(9);
        var held = 1;
        world.Passes = (to, datagram) => !(to == End.Client && datagram[18] == (byte)ExchangeType.IkeAuth && held-- > 0);
        world.Begin();
        world.RunUntil(() => world.Gateway.IsUp, Soon).ShouldBeTrue();
        world.Tell(world.Gateway, session => session.Probe(world.Now));
        world.Run(TimeSpan.FromSeconds(20));
        world.AreUp.ShouldBeTrue(IkeHandshakeTests.Story(world));
        world.Gateway.Session!.Current.HasRequestUnderWay.ShouldBeFalse();
        world.ShouldAgree();
    }

    [Fact]
    public void Who_is_up_does_not_come_up_again()
    {
        using var world = Up(10, out var sa);
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.IkeAuth, sa.NextRequestId, WriteChild)).ShouldBe(DropReason.NotRequested);
        world.Inject(End.Server, IkeForge.Sealed(sa, (ExchangeType)250, sa.NextRequestId + 1, WriteChild)).ShouldBe(DropReason.NotRequested);
        world.AreUp.ShouldBeTrue();
        world.Gateway.Claims.Count.ShouldBe(1);
        world.Gateway.Live.Count.ShouldBe(1);
    }

    [Fact]
    public void An_answer_of_another_kind_answers_nothing()
    {
        using var world = Up(11, out _);
        world.Passes = (_, _) => false;
        world.Tell(world.Device, session => session.Probe(world.Now));
        var id = world.Device.Session!.Current.Pending.Single().MessageId;
        var gateway = world.Gateway.Session!.Current;
        foreach (var exchange in new[] { ExchangeType.CreateChildSa, ExchangeType.IkeAuth, ExchangeType.IkeSaInit, ExchangeType.IkeIntermediate })
        {
            world.Inject(End.Client, IkeForge.Sealed(gateway, exchange, id, WriteChild, isResponse: true)).ShouldBe(DropReason.NotRequested);
        }

        world.Inject(End.Client, IkeForge.Sealed(gateway, ExchangeType.Informational, id + 1, WriteNothing, isResponse: true)).ShouldBe(DropReason.NotRequested);
        world.Device.Session.Current.Pending.Count.ShouldBe(1);
        world.Inject(End.Client, IkeForge.Sealed(gateway, ExchangeType.Informational, id, WriteNothing, isResponse: true)).ShouldBe(DropReason.None);
        world.Device.Session.Current.Pending.ShouldBeEmpty();
    }

    [Fact]
    public void What_was_said_before_means_nothing_when_it_is_said_again()
    {
        using var world = new IkeWorld(12);
        var said = new List<(End To, byte[] Datagram)>();
        world.Passes = (to, datagram) =>
        {
            said.Add((to, datagram));
            return true;
        };
        world.Up();
        foreach (var command in new[] { "child", "ike", "add", "child" })
        {
            IkeRekeyTests.Do(world, world.Device, command);
            world.Run(Soon);
            IkeRekeyTests.Do(world, world.Gateway, command);
            world.Run(TimeSpan.FromSeconds(20));
        }

        var events = (world.Device.Events.Count, world.Gateway.Events.Count);
        var all = said.ToList();
        foreach (var (to, datagram) in all)
        {
            world.Inject(to, datagram);
            world.Inject(to, datagram, new OuterAddress(IpAddress.Parse("192.0.2.66"), 500));
        }

        // Whoever repeats a first message is a newcomer, and stays one.
        world.Run(TimeSpan.FromSeconds(60));
        (world.Device.Events.Count, world.Gateway.Events.OfType<IkeUp>().Count()).ShouldBe((events.Item1, 1));
        world.Gateway.Events.OfType<ChildDown>().Count().ShouldBe(world.Device.Events.OfType<ChildDown>().Count());
        world.ShouldAgree();
        world.Gateway.Endpoint.Sessions.ShouldBe(1);
        world.Gateway.Session!.Path.Peer.ShouldBe(world.Device.At);
    }

    [Fact]
    public void The_kept_answer_is_for_a_genuine_repetition_only_and_goes_where_that_comes_from()
    {
        using var world = Up(13, out var sa);
        var answers = new List<byte[]>();
        world.Passes = (to, datagram) =>
        {
            answers.Add(datagram);
            return false;
        };
        var request = IkeForge.Sealed(sa, ExchangeType.Informational, sa.NextRequestId, WriteNothing);
        world.Inject(End.Server, request).ShouldBe(DropReason.None);
        for (var at = 0; at < request.Length; at++)
        {
            var other = request.ToArray();
            other[at] ^= 0x40;
            world.Inject(End.Server, other).ShouldNotBe(DropReason.None);
        }

        answers.Count.ShouldBe(1);
        world.Inject(End.Server, request).ShouldBe(DropReason.Replayed);
        answers.Count.ShouldBe(2);
        answers[1].ShouldBe(answers[0]);
    }

    [Fact]
    public void Errors_that_anybody_can_say_do_not_end_a_handshake()
    {
        using var world = new IkeWorld(14, Fate.Clean with { DelayMinMs = 400, DelayMaxMs = 400 });
        world.Begin();
        var spi = world.Device.Session!.Current.LocalSpi;
        foreach (var error in Enumerable.Range(1, 50).Append(8_192).Select(value => (NotifyType)value))
        {
            world.Inject(End.Client, IkeForge.Clear(spi, 99, ExchangeType.IkeSaInit, 0, IkeFlags.Response, (ref PayloadWriter to) => to.Notify(error, [0, 31])));
        }

        // A group that we do not offer, a cookie that is none, a redirection without our nonce, half an answer.
        world.Inject(End.Client, IkeForge.Clear(spi, 99, ExchangeType.IkeSaInit, 0, IkeFlags.Response, (ref PayloadWriter to) => to.Notify(NotifyType.InvalidKePayload, [0, 2])));
        world.Inject(End.Client, IkeForge.Clear(spi, 99, ExchangeType.IkeSaInit, 0, IkeFlags.Response, (ref PayloadWriter to) => to.Notify(NotifyType.Cookie, new byte[65])));
        world.Inject(End.Client, IkeForge.Clear(spi, 99, ExchangeType.IkeSaInit, 0, IkeFlags.Response, (ref PayloadWriter to) => to.Notify(NotifyType.Redirect, [3, 4, .. "evil"u8, .. new byte[32]])));
        world.Inject(End.Client, IkeForge.Clear(spi, 99, ExchangeType.IkeSaInit, 0, IkeFlags.Response, (ref PayloadWriter to) => to.Nonce(IkeForge.Nonce)));
        world.RunUntil(() => world.AreUp, TimeSpan.FromSeconds(5)).ShouldBeTrue(IkeHandshakeTests.Story(world));
        world.Device.Events.OfType<IkeRedirected>().ShouldBeEmpty();
        world.ShouldAgree();
    }

    [Fact]
    public void A_cookie_for_each_answer_does_not_go_on_for_ever()
    {
        using var world = new IkeWorld(15);
        world.Passes = (to, _) => false;
        var sent = 0;
        world.Passes = (to, _) =>
        {
            sent++;
            return false;
        };
        world.Begin();
        var spi = world.Device.Session!.Current.LocalSpi;
        for (byte i = 1; i < 100; i++)
        {
            world.Inject(End.Client, IkeForge.Clear(spi, 0, ExchangeType.IkeSaInit, 0, IkeFlags.Response, (ref PayloadWriter to) => to.Notify(NotifyType.Cookie, [i])));
        }

        sent.ShouldBeLessThan(8);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(1)]
    [InlineData(54)]
    public void A_critical_payload_that_nobody_knows_is_refused_by_its_number(byte type)
    {
        using var world = Up(16, out var sa);
        byte[] critical = [0, 0x80, 0, 8, 1, 2, 3, 4];
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.Informational, sa.NextRequestId, (PayloadType)type, critical)).ShouldBe(DropReason.ControlMalformed);
        world.AreUp.ShouldBeTrue();

        // Not critical, it is passed over.
        critical[1] = 0;
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.Informational, sa.NextRequestId + 1, (PayloadType)type, critical)).ShouldBe(DropReason.None);

        // In an answer there is nobody to tell but by an end.
        critical[1] = 0x80;
        world.Passes = (to, _) => false;
        world.Tell(world.Device, session => session.Probe(world.Now));
        world.Passes = (_, _) => true;
        var id = world.Device.Session!.Current.Pending[0].MessageId;
        world.Inject(End.Client, IkeForge.Sealed(world.Gateway.Session!.Current, ExchangeType.Informational, id, (PayloadType)type, critical, isResponse: true));
        world.Device.Ends.Single().Reason.ShouldBe(Ends.Malformed);
    }

    [Fact]
    public void A_critical_payload_in_a_first_message_is_answered_without_memory()
    {
        using var world = Quiet(17, out var answers);
        var message = IkeForge.First(1, more: (ref PayloadWriter to) => to.Raw((PayloadType)200, new byte[8]));
        message[^11] = 0x80;
        world.Inject(End.Server, message);
        answers.Single()[^1].ShouldBe((byte)200);
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
    }

    /// <summary>CVE-2023-38710.</summary>
    [Fact]
    public void A_rekey_of_what_there_is_not_is_refused_whatever_its_protocol()
    {
        using var world = Up(18, out var sa);
        var child = world.Device.Live.Values.Single();
        var id = sa.NextRequestId;
        foreach (var (protocol, spi) in new (IpsecProtocol, uint)[]
        {
            (IpsecProtocol.None, child.InboundSpi), (IpsecProtocol.Ike, child.InboundSpi), (IpsecProtocol.Ah, child.InboundSpi), ((IpsecProtocol)255, child.InboundSpi),
            (IpsecProtocol.Esp, 0), (IpsecProtocol.Esp, 1), (IpsecProtocol.Esp, child.OutboundSpi), (IpsecProtocol.Esp, uint.MaxValue),
        })
        {
            world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.CreateChildSa, id++, (ref PayloadWriter to) =>
            {
                to.Notify(NotifyType.RekeySa, protocol, spi);
                WriteChild(ref to);
            })).ShouldBe(DropReason.None);
        }

        world.AreUp.ShouldBeTrue();
        world.Gateway.Live.Count.ShouldBe(1);
        world.Gateway.Allotted.ShouldBeEmpty();
    }

    /// <summary>CVE-2014-9221.</summary>
    [Theory]
    [InlineData(1025)]
    [InlineData(65535)]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(37)]
    public void Groups_that_are_none_on_the_wire_are_none_here(ushort id)
    {
        using var world = Quiet(19, out var answers);
        var proposal = IkeEnd.Ike("aes256gcm16-prfsha256-x25519")[0];
        var strange = proposal with { Transforms = [.. proposal.Transforms.Where(transform => transform.Type != TransformType.KeyExchange), new Transform(TransformType.KeyExchange, id)] };
        world.Inject(End.Server, IkeForge.Clear(1, 0, ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, (ref PayloadWriter to) =>
        {
            to.Sa([strange]);
            to.Ke((KeyExchangeMethod)id, new byte[256]);
            to.Nonce(IkeForge.Nonce);
        }));
        world.Inject(End.Server, IkeForge.First(2, method: (KeyExchangeMethod)id, value: new byte[32]));
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        Notified(answers[0]).ShouldBe(NotifyType.NoProposalChosen);
        Notified(answers[1]).ShouldBe(NotifyType.InvalidKePayload);
    }

    public static TheoryData<string, string> BadValues
    {
        get
        {
            var p = new BigInteger(Modp2048, isUnsigned: true, isBigEndian: true);
            string Hex(BigInteger value)
            {
                var bytes = new byte[256];
                var number = value.ToByteArray(isUnsigned: true, isBigEndian: true);
                number.CopyTo(bytes, 256 - number.Length);
                return Convert.ToHexString(bytes);
            }

            return new TheoryData<string, string>
            {
                { "modp2048", Hex(0) }, { "modp2048", Hex(1) }, { "modp2048", Hex(p - 1) }, { "modp2048", Hex(p) }, { "modp2048", Hex(p + 1) },
                { "modp2048", "02" }, { "modp2048", Hex(5)[2..] }, { "modp2048", "00" + Hex(5) },
                { "ecp256", new string('0', 128) }, { "ecp256", string.Concat(Enumerable.Repeat("01", 64)) }, { "ecp256", string.Concat(Enumerable.Repeat("FF", 64)) }, { "ecp256", "04" + new string('1', 128) },
                { "x25519", new string('0', 64) }, { "x25519", "01" + new string('0', 62) }, { "x25519", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
                { "x25519", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" }, { "x25519", "09" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(BadValues))]
    public void Key_exchange_values_that_are_none_get_nobody_in(string group, string value)
    {
        using var world = Quiet(20, out var answers);
        var method = (KeyExchangeMethod)IkeEnd.Ike($"aes256gcm16-prfsha256-{group}")[0].Of(TransformType.KeyExchange).Single().Id;
        world.Inject(End.Server, IkeForge.First(1, $"aes256gcm16-prfsha256-{group}", method, Convert.FromHexString(value)));
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        answers.ShouldBeEmpty();

        // Nor new keys.
        using var other = Up(21, out var sa);
        other.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.CreateChildSa, sa.NextRequestId, (ref PayloadWriter to) =>
        {
            to.Sa([IkeEnd.Ike($"aes256gcm16-prfsha256-{group}")[0] with { Spi = 77 }]);
            to.Ke(method, Convert.FromHexString(value));
            to.Nonce(IkeForge.Nonce);
        }));
        other.Gateway.Events.OfType<IkeRekeyed>().ShouldBeEmpty();
        other.Gateway.Ends.Single().Reason.ShouldBe(Ends.Malformed);
    }

    [Fact]
    public void Who_is_refused_for_now_is_told_nothing_and_asks_again()
    {
        using var world = new IkeWorld(1);
        world.Gateway.Refusal = _ => "it is locked";
        world.Gateway.RefusesForNow = true;
        world.Begin();
        world.Run(TimeSpan.FromSeconds(20));
        world.Gateway.Ends.Single().Detail.ShouldBe("it is locked");
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        world.Device.Ends.ShouldBeEmpty("it still asks");

        world.Gateway.Refusal = _ => null;
        world.Run(TimeSpan.FromMinutes(5));
        world.Device.Ends.Single().Reason.ShouldBe(Ends.HandshakeTimeout);
        world.Begin();
        world.RunUntil(() => world.AreUp, TimeSpan.FromSeconds(5)).ShouldBeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Whom_the_owner_refuses_is_told_with_the_end_and_nobody_is_who_has_proven_nothing(bool forNow)
    {
        using var world = new IkeWorld(1);
        (world.Gateway.Refusal, world.Gateway.RefusesForNow, world.Gateway.RefusedAs) = (_ => "refused", forNow, "device 17");
        world.Begin();
        world.RunUntil(() => world.Gateway.Ends.Any(), TimeSpan.FromSeconds(5)).ShouldBeTrue();
        var end = world.Gateway.Ends.Single();
        (end.Reason, end.Detail, end.Who).ShouldBe((Ends.AuthenticationFailed, "refused", "device 17"));

        using var other = new IkeWorld(2);
        other.Gateway.RefusedAs = "device 17";
        foreach (var name in other.Gateway.Psks.Keys.ToList())
        {
            other.Gateway.Psks[name] = [9, 9, 9];
        }

        other.Begin();
        other.RunUntil(() => other.Gateway.Ends.Any(), TimeSpan.FromSeconds(5)).ShouldBeTrue();
        (other.Gateway.Ends.Single().Detail, other.Gateway.Ends.Single().Who).ShouldBe(("pump-17.plant-a.sallyport: wrong pre-shared key", null));
    }

    [Fact]
    public void Who_is_forsaken_is_told_nothing_and_gets_nothing_any_more()
    {
        using var world = new IkeWorld(1);
        world.Up();
        world.Tell(world.Gateway, session => session.Forsake("replaced by another", world.Now));
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        world.Gateway.Live.ShouldBeEmpty();
        world.Tell(world.Device, session => session.RekeyIke(world.Now));
        world.Run(TimeSpan.FromSeconds(30));
        world.Device.Events.OfType<IkeRekeyed>().ShouldBeEmpty();
        world.Device.IsUp.ShouldBeTrue("it does not know yet");
        world.RunUntil(() => world.Device.Ends.Any(), TimeSpan.FromMinutes(5)).ShouldBeTrue();
        world.Device.Ends.Single().Reason.ShouldBe(Ends.Silent);
    }

    [Fact]
    public void Where_nobody_comes_by_IKE_nothing_is_answered()
    {
        using var world = new IkeWorld(1);
        world.GatewayOptions = world.GatewayOptions with { Proposals = [] };
        var answers = 0;
        world.Passes = (to, _) =>
        {
            answers += to == End.Client ? 1 : 0;
            return true;
        };
        world.Begin();
        world.Run(TimeSpan.FromSeconds(20));
        (answers, world.Gateway.Endpoint.Sessions).ShouldBe((0, 0));
    }

    [Fact]
    public void What_is_not_IKEv2_is_not_read()
    {
        using var world = Quiet(22, out var answers);
        foreach (byte version in new byte[] { 0x10, 0x11, 0x00, 0x30, 0xff })
        {
            var message = IkeForge.First(1);
            message[17] = version;
            world.Inject(End.Server, message).ShouldBe(DropReason.ControlMalformed);
        }

        // Of the second message of IKEv1, or of other versions, nobody is told.
        List<string> told = [];
        while (world.Gateway.Endpoint.TryDequeueRefusal(out var refusal))
        {
            told.Add(refusal.Detail);
        }

        told.Count.ShouldBe(2);
        told.ShouldAllBe(detail => detail.Contains("IKEv1", StringComparison.Ordinal));

        // A minor version is nothing to be afraid of.
        var minor = IkeForge.First(1);
        minor[17] = 0x2f;
        world.Inject(End.Server, minor).ShouldBe(DropReason.None);
        answers.Count.ShouldBe(1);
    }

    /// <summary>CVE-2023-23009.</summary>
    [Theory]
    [InlineData("00000000", true)]
    [InlineData("0100000007000010", true)]
    [InlineData("01000000070000100000ffff0a1400020a140002ff", true)]
    [InlineData("02000000070000100000ffff0a1400020a140002", true)]
    [InlineData("ff000000070000100000ffff0a1400020a140002", true)]
    [InlineData("01000000070000080000ffff", true)]
    [InlineData("01000000070000280000ffff000000000000000000000000000000000000000000000000000000000a140002", true)]
    [InlineData("01000000080000280000ffff00000000000000000000ffff0a14000200000000000000000000ffff0a140002", false)]
    [InlineData("01000000070000100000ffff0a1400020a140001", false)]
    [InlineData("0100000007000010ffff00000a1400020a140002", false)]
    [InlineData("0100000009000010000000000a1400020a140002", false)]
    public void Selectors_that_are_nonsense_carry_nothing(string body, bool isMalformed)
    {
        using var world = Up(23, out var sa);
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.CreateChildSa, sa.NextRequestId, (ref PayloadWriter to) =>
        {
            to.Sa([IkeEnd.Esp("aes256gcm16-none-noesn")[0] with { Spi = 4711 }]);
            to.Nonce(IkeForge.Nonce);
            to.Raw(PayloadType.TsInitiator, Convert.FromHexString(body));
            to.Selectors(PayloadType.TsResponder, IkeEnd.Selectors("10.20.0.0/16"));
        }));
        world.Gateway.Events.OfType<ChildUp>().Count().ShouldBe(1);
        world.Gateway.Ends.Any().ShouldBe(isMalformed);
        world.Gateway.Allotted.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(255ul)]
    public void Numbers_of_SAs_that_mean_something_else_are_not_taken(ulong spi)
    {
        using var world = Up(24, out var sa);
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.CreateChildSa, sa.NextRequestId, (ref PayloadWriter to) => WriteChild(ref to, spi)));
        world.Gateway.Events.OfType<ChildUp>().Count().ShouldBe(1);
    }

    /// <summary>CVE-2026-12413, CVE-2013-6076.</summary>
    [Theory]
    [InlineData(1, 33)]
    [InlineData(1, 65535)]
    [InlineData(33, 33)]
    [InlineData(0, 1)]
    [InlineData(2, 1)]
    [InlineData(65535, 2)]
    public void Parts_that_cannot_be_are_passed_over(int number, int total)
    {
        using var world = Up(25, out var sa);
        for (var i = 0; i < 100; i++)
        {
            world.Inject(End.Server, IkeForge.Part(sa, ExchangeType.Informational, sa.NextRequestId, PayloadType.Notify, new byte[1000], number, total));
        }

        world.AreUp.ShouldBeTrue();
        world.Tell(world.Device, session => session.Probe(world.Now));
        world.Run(Soon);
        world.Device.Session!.Current.HasRequestUnderWay.ShouldBeFalse();
    }

    [Fact]
    public void Parts_may_come_in_any_order_and_again_and_of_several_messages_at_once()
    {
        using var world = Up(26, out var sa);
        var room = new byte[8000];
        var writer = new PayloadWriter(room);
        for (var i = 0; i < 10; i++)
        {
            writer.Notify((NotifyType)50_000, new byte[300]);
        }

        var payloads = writer.Written.ToArray();
        var first = sa.NextRequestId;
        foreach (var number in new[] { 4, 2, 2, 3, 4, 1 })
        {
            foreach (var id in new[] { first, first + 1, first + 2, first + 3 })
            {
                var part = payloads.Chunk(1000).ElementAt(number - 1);
                world.Inject(End.Server, IkeForge.Part(sa, ExchangeType.Informational, id, PayloadType.Notify, part, number, 4)).ShouldBe(DropReason.None);
            }
        }

        world.AreUp.ShouldBeTrue();

        // All four are done: each is a repetition now.
        world.Inject(End.Server, IkeForge.Part(sa, ExchangeType.Informational, first + 3, PayloadType.Notify, new byte[10], 1, 4)).ShouldBe(DropReason.Replayed);
    }

    [Fact]
    public void A_flood_of_payloads_in_parts_ends_at_the_limit()
    {
        using var world = Up(27, out var sa);
        var flood = new byte[12_000];
        for (var at = 0; at < flood.Length; at += 8)
        {
            (flood[at], flood[at + 3]) = (at + 8 < flood.Length ? (byte)PayloadType.Notify : (byte)0, 8);
        }

        var parts = flood.Chunk(1000).ToList();
        for (var i = 0; i < parts.Count; i++)
        {
            world.Inject(End.Server, IkeForge.Part(sa, ExchangeType.Informational, sa.NextRequestId, PayloadType.Notify, parts[i], i + 1, parts.Count));
        }

        world.Gateway.Ends.Single().Reason.ShouldBe(Ends.Malformed);
    }

    [Fact]
    public void More_than_a_message_may_hold_is_never_whole()
    {
        using var world = Up(28, out var sa);
        for (var number = 1; number <= 32; number++)
        {
            world.Inject(End.Server, IkeForge.Part(sa, ExchangeType.Informational, sa.NextRequestId, PayloadType.VendorId, new byte[1400], number, 32)).ShouldBe(DropReason.None);
        }

        world.AreUp.ShouldBeTrue();
        world.Inject(End.Server, IkeForge.Sealed(sa, ExchangeType.Informational, sa.NextRequestId, WriteNothing)).ShouldBe(DropReason.None);
    }

    [Fact]
    public void A_cookie_is_for_one_place_one_number_one_nonce_and_one_minute()
    {
        using var world = Quiet(30, out var answers);
        world.Gateway.Endpoint = new IkeEndpoint(world.GatewayOptions, world.Gateway, new SeededEntropy(5), new IkeEndpointLimits { CookieAbove = 0 });
        var here = new OuterAddress(IpAddress.Parse("192.0.2.1"), 500);
        world.Inject(End.Server, IkeForge.First(1), here);
        var cookie = answers.Single()[(IkeLimits.HeaderLength + 8)..];

        void Try(ulong spi, OuterAddress from, byte[] brought, bool isGood)
        {
            var before = world.Gateway.Endpoint.Sessions;
            world.Inject(
                End.Server,
                IkeForge.Clear(spi, 0, ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, (ref PayloadWriter to) =>
                {
                    to.Notify(NotifyType.Cookie, brought);
                    to.Sa(IkeEnd.Ike("aes256gcm16-prfsha256-x25519"));
                    to.Ke(KeyExchangeMethod.X25519, new byte[31].Append((byte)9).Reverse().ToArray());
                    to.Nonce(IkeForge.Nonce);
                }),
                from);
            (world.Gateway.Endpoint.Sessions - before).ShouldBe(isGood ? 1 : 0);
        }

        Try(2, here, cookie, isGood: false);
        Try(1, here with { Port = 501 }, cookie, isGood: false);
        Try(1, here with { Ip = IpAddress.Parse("192.0.2.2") }, cookie, isGood: false);
        for (var at = 0; at < cookie.Length; at++)
        {
            var other = cookie.ToArray();
            other[at] ^= 1;
            Try(1, here, other, isGood: false);
        }

        Try(1, here, cookie[..^1], isGood: false);
        Try(1, here, [], isGood: false);
        Try(1, here, cookie, isGood: true);
        world.Now += TimeSpan.FromSeconds(61);
        world.Gateway.Endpoint.HandleTimeout(world.Now);
        Try(1, here, cookie, isGood: false);
    }

    [Fact]
    public void No_answer_that_costs_no_memory_is_longer_than_its_question()
    {
        var chance = new SeededEntropy(31);
        foreach (var (redirect, cookieAbove) in new[] { ("a-very-long-name-of-a-gateway.example.com", 1000), (null, 0), ("10.0.0.1", 0) })
        {
            using var world = Quiet(31, out var answers);
            world.GatewayOptions = world.GatewayOptions with { Redirect = redirect };
            world.Gateway.Endpoint = new IkeEndpoint(world.GatewayOptions, world.Gateway, new SeededEntropy(5), new IkeEndpointLimits { CookieAbove = cookieAbove });
            for (ulong spi = 1; spi < 400; spi++)
            {
                var message = IkeForge.Clear(spi, 0, chance.Chance(0.5) ? ExchangeType.IkeSaInit : ExchangeType.IkeSessionResume, 0, IkeFlags.Initiator, (ref PayloadWriter to) =>
                {
                    if (chance.Chance(0.5))
                    {
                        to.Sa([new Proposal(IpsecProtocol.Ike, 0, [])]);
                        to.Ke((KeyExchangeMethod)chance.Below(40), new byte[1 + chance.Below(40)]);
                    }

                    to.Nonce(new byte[16 + chance.Below(30)]);
                    if (chance.Chance(0.7))
                    {
                        to.Notify(chance.Chance(0.5) ? NotifyType.RedirectSupported : NotifyType.TicketOpaque, new byte[chance.Below(3)]);
                    }

                    if (chance.Chance(0.1))
                    {
                        to.Raw((PayloadType)99, []);
                    }
                });
                answers.Clear();
                world.Inject(End.Server, message);
                if (world.Gateway.Endpoint.Sessions == 0 && answers.Count > 0)
                {
                    answers.Single().Length.ShouldBeLessThanOrEqualTo(message.Length);
                }
            }
        }
    }

    [Fact]
    public void The_answer_to_a_first_message_is_repeated_a_few_times_and_no_more()
    {
        using var world = Quiet(32, out var answers);
        var message = IkeForge.First(1);
        for (var i = 0; i < 1000; i++)
        {
            world.Inject(End.Server, message);
        }

        answers.Count.ShouldBeLessThan(12);
        answers.Select(Convert.ToHexString).Distinct().Count().ShouldBe(1);

        // A first message that claims to go on with a session is none.
        var again = message.ToArray();
        answers[0].AsSpan(8, 8).CopyTo(again.AsSpan(8));
        var before = answers.Count;
        world.Inject(End.Server, again);
        answers.Count.ShouldBe(before);
    }

    [Fact]
    public void One_that_begins_again_and_again_makes_room_for_itself_and_not_for_its_neighbours()
    {
        using var world = Quiet(33, out _);
        world.Gateway.Endpoint = new IkeEndpoint(world.GatewayOptions, world.Gateway, new SeededEntropy(33), new IkeEndpointLimits { PerPortMax = 4 });
        var port = new OuterAddress(IpAddress.Parse("192.0.2.1"), 500);
        world.Inject(End.Server, IkeForge.First(1_000), port with { Port = 501 });
        for (ulong spi = 1; spi <= 40; spi++)
        {
            world.Inject(End.Server, IkeForge.First(spi), port);
        }

        world.Gateway.Endpoint.Sessions.ShouldBe(5);
        world.Run(TimeSpan.FromSeconds(60));
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        world.Gateway.Endpoint.HalfOpenSessions.ShouldBe(0);
    }

    [Fact]
    public void What_is_too_long_is_not_read()
    {
        using var world = Quiet(34, out var answers);
        world.Inject(End.Server, IkeForge.First(1, more: (ref PayloadWriter to) => to.Raw(PayloadType.VendorId, new byte[2_000]))).ShouldNotBe(DropReason.None);
        world.Inject(End.Server, IkeForge.First(2, more: (ref PayloadWriter to) =>
        {
            for (var i = 0; i < 70; i++)
            {
                to.Raw(PayloadType.VendorId, []);
            }
        })).ShouldNotBe(DropReason.None);
        world.Inject(End.Server, new byte[27]).ShouldBe(DropReason.ControlMalformed);
        world.Gateway.Endpoint.Sessions.ShouldBe(0);
        answers.ShouldBeEmpty();
    }

    private static IkeCertificate Bad(string kind, string name, string use, string wrongUse)
    {
        switch (kind)
        {
            case "other authority":
                return IkePki.Issue("p256", name, use, isOfOther: true);
            case "expired":
                return IkePki.Issue("p256", name, use, age: 50, days: 10);
            case "not yet valid":
                return IkePki.Issue("p256", name, use, age: -10);
            case "wrong use":
                return IkePki.Issue("p256", name, wrongUse);
            case "another name":
                return IkePki.Issue("p256", "x." + name, use);
            case "another's key":
                return IkePki.Issue("p256", name, use) with { Key = IkePki.Issue("p256", "x." + name, use).Key };
            case "none":
                return IkePki.Issue("p256", name, use) with { Chain = [] };
            default:
                return IkePki.Issue("p256", name, use);
        }
    }

    internal static NotifyType Notified(byte[] answer) => (NotifyType)((answer[34] << 8) | answer[35]);

    /// <summary>A device that has keys, and has proven nothing.</summary>
    private static IkeWorld BeforeAuth(ulong seed, out IkeSa sa)
    {
        var world = new IkeWorld(seed);
        world.UseCertificates(IkePki.Device(), IkePki.Gateway());
        world.Passes = (to, datagram) => to == End.Client || datagram[18] == (byte)ExchangeType.IkeSaInit;
        world.Begin();
        world.RunUntil(() => world.Device.Session!.Current.Keys is not null, Soon).ShouldBeTrue();
        sa = world.Device.Session!.Current;
        return world;
    }

    private static IkeWorld Up(ulong seed, out IkeSa sa)
    {
        var world = new IkeWorld(seed);
        world.GatewayOptions = world.GatewayOptions with { Proposals = IkeEnd.Ike("aes256gcm16-prfsha256-x25519-ecp256-modp2048") };
        world.Gateway.Grant = world.Gateway.Grant with { Ike = world.GatewayOptions.Proposals };
        world.Up(Soon);
        sa = world.Device.Session!.Current;
        return world;
    }

    /// <summary>A gateway alone; what it answers goes nowhere.</summary>
    internal static IkeWorld Quiet(ulong seed, out List<byte[]> answers)
    {
        var world = new IkeWorld(seed);
        var all = new List<byte[]>();
        world.Passes = (to, datagram) =>
        {
            if (to == End.Client)
            {
                all.Add(datagram);
            }

            return false;
        };
        world.GatewayOptions = world.GatewayOptions with { Proposals = IkeEnd.Ike("aes256gcm16-prfsha256-x25519-ecp256-modp2048") };
        world.Gateway.Endpoint = new IkeEndpoint(world.GatewayOptions, world.Gateway, new SeededEntropy(seed));
        world.Device.Endpoint = new IkeEndpoint(world.DeviceOptions, world.Device, new SeededEntropy(seed + 1));
        answers = all;
        return world;
    }

    private static void WriteNothing(ref PayloadWriter to)
    {
    }

    private static void WriteChild(ref PayloadWriter to) => WriteChild(ref to, 4711);

    private static void WriteChild(ref PayloadWriter to, ulong spi)
    {
        to.Sa([IkeEnd.Esp("aes256gcm16-none-noesn")[0] with { Spi = spi }]);
        to.Nonce(IkeForge.Nonce);
        to.Selectors(PayloadType.TsInitiator, IkeEnd.Selectors("10.20.0.2/32"));
        to.Selectors(PayloadType.TsResponder, IkeEnd.Selectors("10.20.0.0/16"));
    }

    private static void WriteIkeRekey(ref PayloadWriter to)
    {
        using var exchange = KeyExchange.Start(KeyExchangeMethod.X25519);
        to.Sa([IkeEnd.Ike("aes256gcm16-prfsha256-x25519")[0] with { Spi = 4711 }]);
        to.Nonce(IkeForge.Nonce);
        to.Ke(exchange.Method, exchange.Public);
    }
}
