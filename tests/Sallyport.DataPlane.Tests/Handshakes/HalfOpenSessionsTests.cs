using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class HalfOpenSessionsTests : IDisposable
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    private readonly HalfOpenSessions _sessions = new();
    private readonly List<PeerSession> _made = [];
    private readonly TlsContext _tls;
    private readonly byte[] _clientHello;

    public HalfOpenSessionsTests()
    {
        using var pki = new TestPki();
        var identity = pki.IssueClient("gateway", 30);
        _tls = TlsContext.CreateServer(new TlsServerOptions
        {
            ChainDer = [identity.CertificateDer],
            PrivateKeyPkcs8 = identity.PrivateKeyPkcs8,
            AnchorsDer = [pki.RootDer],
        });
        using var client = TlsContext.CreateClient(new TlsClientOptions
        {
            ChainDer = [identity.CertificateDer],
            PrivateKeyPkcs8 = identity.PrivateKeyPkcs8,
            AnchorsDer = [pki.RootDer],
        });
        using var pump = new TlsPump(client, Start);
        pump.Handshake();
        var hello = new byte[4096];
        _clientHello = hello[..pump.Drain(hello)];
    }

    [Fact]
    public void The_newest_of_a_credential_replaces_the_oldest_and_those_without_TLS_go_first()
    {
        var own = Enumerable.Range(0, DataPlaneLimits.HalfOpenPerCredentialMax).Select(i => Enter(OwnKey(Prefix(i), 7))).ToList();
        BeginTls(own[0]);
        Leaver(OwnKey(Prefix(50), 7)).ShouldBe(own[1]);
        Leaver(OwnKey(Prefix(50), 8)).ShouldBeNull();

        own.ForEach(BeginTls);
        Leaver(OwnKey(Prefix(50), 7)).ShouldBe(own[0]);
        _sessions.Remove(own[0]);
        Leaver(OwnKey(Prefix(50), 7)).ShouldBeNull();
    }

    [Fact]
    public void Where_all_places_are_taken_the_oldest_without_TLS_goes()
    {
        for (var i = 0; i < DataPlaneLimits.HalfOpenMax; i++)
        {
            Leaver(OwnKey(Prefix(i), i)).ShouldBeNull();
            Enter(OwnKey(Prefix(i), i));
        }

        BeginTls(_made[0]);
        _sessions.Working.ShouldBe(1);
        Leaver(OwnKey(Prefix(1), -1)).ShouldBe(_made[1]);
        _sessions.TryMakeRoom(SharedKey(Prefix(1), 1), []).ShouldBeFalse("a shared key takes no place of an own one");
    }

    [Fact]
    public void The_beginning_of_a_ClientHello_holds_no_place()
    {
        var peer = Enter(SharedKey(Prefix(1), 1));
        peer.Session.HandlePacket(Packet(Opcode.ControlV1, 1, _clientHello.AsSpan(0, 100)), Start);
        peer.Session.HasTls.ShouldBeTrue();
        HalfOpenSessions.Look(peer);
        _sessions.Working.ShouldBe(0);

        peer.Session.HandlePacket(Packet(Opcode.ControlV1, 2, _clientHello.AsSpan(100)), Start);
        HalfOpenSessions.Look(peer);
        _sessions.Working.ShouldBe(1);
    }

    [Fact]
    public void Without_a_whole_ClientHello_a_session_is_over_in_seconds()
    {
        var silent = Enter(OwnKey(Prefix(1), 1));
        var begun = Enter(OwnKey(Prefix(1), 2));
        BeginTls(begun);
        silent.Session.HandlePacket(Packet(Opcode.ControlV1, 1, [22, 3, 1]), Start);

        var later = Start + DataPlaneLimits.HelloWindow;
        silent.Session.NextDeadline.ShouldBeLessThanOrEqualTo(later);
        silent.Session.HandleTimeout(later);
        begun.Session.HandleTimeout(later);

        silent.Session.IsFinished.ShouldBeTrue();
        begun.Session.IsFinished.ShouldBeFalse();
    }

    [Fact]
    public void A_prefix_with_its_whole_share_makes_room_of_its_own_or_has_none()
    {
        var elsewhere = Enter(SharedKey(Prefix(1), 1));
        for (var i = 0; i < DataPlaneLimits.HalfOpenPerPrefixMax; i++)
        {
            Enter(SharedKey(Prefix(2), 2 + (i % 2)));
        }

        Leaver(SharedKey(Prefix(2), 1)).ShouldBe(_made[1]);
        Leaver(SharedKey(Prefix(1), 1)).ShouldBeNull();
        Leaver(OwnKey(Prefix(2), 1)).ShouldBeNull("what neighbours with a shared key hold is nothing to an own key");

        _made.ForEach(BeginTls);
        _sessions.TryMakeRoom(SharedKey(Prefix(2), 1), []).ShouldBeFalse();
        _sessions.TryMakeRoom(SharedKey(Prefix(1), 1), []).ShouldBeTrue();
        _sessions.Remove(elsewhere);
        _sessions.Remove(elsewhere);
        _sessions.Count.ShouldBe(DataPlaneLimits.HalfOpenPerPrefixMax);
    }

    [Fact]
    public void A_flood_with_shared_keys_or_none_leaves_half_of_the_places_to_own_keys()
    {
        for (var i = 0; i < DataPlaneLimits.HalfOpenSharedMax; i++)
        {
            Leaver(SharedKey(Prefix(i), i)).ShouldBeNull();
            Enter(SharedKey(Prefix(i), i));
        }

        Leaver(SharedKey(Prefix(-1), -1)).ShouldBe(_made[0]);
        for (var i = DataPlaneLimits.HalfOpenSharedMax; i < DataPlaneLimits.HalfOpenMax; i++)
        {
            Leaver(OwnKey(Prefix(i), i)).ShouldBeNull();
            Enter(OwnKey(Prefix(i), i));
        }

        Leaver(OwnKey(Prefix(-1), -1)).ShouldBe(_made[0], "the places that shared keys borrowed go first");
    }

    [Fact]
    public void Whoever_knows_the_key_of_one_network_takes_no_place_of_the_next()
    {
        for (var i = 0; i < DataPlaneLimits.HalfOpenPerNetworkMax; i++)
        {
            Enter(SharedKey(Prefix(i), network: null));
        }

        Leaver(SharedKey(Prefix(-1), network: null)).ShouldBe(_made[0]);
        Leaver(SharedKey(Prefix(-1), network: 0)).ShouldBeNull();
    }

    [Fact]
    public void A_captured_reset_takes_one_place_and_none_of_its_owner_s()
    {
        var owner = Enter(OwnKey(Prefix(1), 7) with { HasAnswered = false, Remote = 1, ResetTag = 1 });
        var copy = OwnKey(Prefix(2), 7) with { HasAnswered = false, Remote = 1, ResetTag = 1 };
        _sessions.TryMakeRoom(copy, []).ShouldBeFalse();
        Leaver(copy with { ResetTag = 2 }).ShouldBe(owner, "the same attempt at another address");

        _sessions.Begin(owner);
        _sessions.TryMakeRoom(copy, []).ShouldBeFalse();
        _sessions.TryMakeRoom(copy with { ResetTag = 2 }, []).ShouldBeFalse();
    }

    [Fact]
    public void Resets_that_nobody_proved_replace_each_other_alone()
    {
        var owner = Enter(OwnKey(Prefix(1), 7) with { HasAnswered = false, Remote = 1 });
        _sessions.Begin(owner);
        var waiting = Enumerable.Range(2, DataPlaneLimits.HalfOpenPerCredentialMax)
            .Select(i => Enter(OwnKey(Prefix(i), 7) with { HasAnswered = false, Remote = (ulong)i })).ToList();

        Leaver(OwnKey(Prefix(50), 7) with { HasAnswered = false, Remote = 50 }).ShouldBe(waiting[0]);
        Leaver(OwnKey(Prefix(50), 7)).ShouldBeNull("those that wait count nothing where one has answered");

        for (var i = 0; i < DataPlaneLimits.HalfOpenUnansweredPerPrefixMax; i++)
        {
            Enter(OwnKey(Prefix(1), 100 + i) with { HasAnswered = false });
        }

        Leaver(OwnKey(Prefix(1), 8) with { HasAnswered = false }).ShouldNotBeOneOf(null, owner);
    }

    [Fact]
    public void TLS_of_a_session_that_nobody_proved_does_not_begin()
    {
        var peer = Enter(OwnKey(Prefix(1), 7) with { HasAnswered = false, Remote = 1 });
        peer.Session.HandlePacket(Packet(Opcode.ControlV1, 1, _clientHello), Start);
        peer.Session.IsAnswered.ShouldBeFalse();
        peer.Session.HasTls.ShouldBeFalse();

        peer.Session.HandlePacket(Packet(Opcode.AckV1, null, [], acks: [0]), Start);
        peer.Session.IsAnswered.ShouldBeTrue();
        _sessions.Begin(peer);
        peer.Session.Begin(Start);
        peer.Session.HasHello.ShouldBeTrue("what it said meanwhile has waited");
    }

    public void Dispose()
    {
        _made.ForEach(peer => peer.Session.Dispose());
        _tls.Dispose();
    }

    private static OuterAddress Prefix(int number) => new(IpAddress.FromV4(0x0a000000 + ((uint)number << 8)), 1194);

    private static Newcomer OwnKey(OuterAddress from, int credential) => new()
    {
        HasAnswered = true,
        HasOwnKey = true,
        Credential = new CredentialEntry(1, new CredentialModel { Id = credential, Kind = "certificate" }),
        From = from,
    };

    private static Newcomer SharedKey(OuterAddress from, int? network) => new()
    {
        HasAnswered = true,
        HasOwnKey = false,
        NetworkId = network,
        From = from,
    };

    private PeerSession? Leaver(Newcomer who)
    {
        List<PeerSession> leavers = [];
        _sessions.TryMakeRoom(who, leavers).ShouldBeTrue();
        leavers.Count.ShouldBeLessThanOrEqualTo(1);
        return leavers.FirstOrDefault();
    }

    private PeerSession Enter(Newcomer who)
    {
        var admission = new Admission
        {
            Wrapper = new PlainWrapper(),
            Remote = new SessionId(1),
            Local = new SessionId(2),
            FirstPacket = who.HasAnswered ? Packet(Opcode.AckV1, null, [], acks: [0]) : Packet(Opcode.HardResetClientV2, 0, []),
            ResetExchanged = who.HasAnswered,
            IsCounted = false,
        };
        var options = new ServerSessionOptions { HelloWindow = DataPlaneLimits.HelloWindow, WaitsForOwner = true };
        var peer = new PeerSession
        {
            Number = _made.Count,
            Session = new ServerSession(options, _tls, admission, new TestEntropy(1), Start),
            Key = default,
            Path = default,
            Wrapping = WrappingKind.None,
            Newcomer = who,
            IsCounted = false,
            HasBegun = who.HasAnswered,
        };
        _made.Add(peer);
        _sessions.Add(peer);
        return peer;
    }

    private void BeginTls(PeerSession peer)
    {
        if (!peer.Session.HasTls)
        {
            peer.Session.HandlePacket(Packet(Opcode.ControlV1, 1, _clientHello), Start);
        }

        peer.Session.HasHello.ShouldBeTrue();
        HalfOpenSessions.Look(peer);
    }

    private static byte[] Packet(Opcode opcode, uint? messageId, ReadOnlySpan<byte> payload, uint[]? acks = null)
    {
        var packet = new byte[OpenVpnLimits.MaxControlPacket];
        return packet[..ControlPacket.Write(packet, opcode, 0, new SessionId(1), acks ?? [], acks is null ? default : new SessionId(2), messageId, payload)];
    }
}
