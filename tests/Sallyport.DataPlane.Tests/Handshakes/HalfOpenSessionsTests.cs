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
    }

    [Fact]
    public void The_newest_of_a_credential_replaces_the_oldest_and_those_without_TLS_go_first()
    {
        var own = Enumerable.Range(0, DataPlaneLimits.HalfOpenPerCredentialMax).Select(i => Enter(Prefix(i), credential: 7)).ToList();
        BeginTls(own[0]);
        Leaver(Prefix(50), credential: 7).ShouldBe(own[1]);
        Leaver(Prefix(50), credential: 8).ShouldBeNull();

        own.ForEach(BeginTls);
        Leaver(Prefix(50), credential: 7).ShouldBe(own[0]);
        _sessions.Remove(own[0]);
        Leaver(Prefix(50), credential: 7).ShouldBeNull();
    }

    [Fact]
    public void Where_all_places_are_taken_the_oldest_without_TLS_goes()
    {
        for (var i = 0; i < DataPlaneLimits.HalfOpenMax; i++)
        {
            Leaver(Prefix(i)).ShouldBeNull();
            Enter(Prefix(i), credential: null);
        }

        BeginTls(_made[0]);
        _sessions.Working.ShouldBe(1);
        Leaver(Prefix(1)).ShouldBe(_made[1]);
    }

    [Fact]
    public void A_prefix_with_its_whole_share_makes_room_of_its_own_or_has_none()
    {
        var elsewhere = Enter(Prefix(1), credential: null);
        for (var i = 0; i < DataPlaneLimits.HalfOpenPerPrefixMax; i++)
        {
            Enter(Prefix(2), credential: null);
        }

        Leaver(Prefix(2)).ShouldBe(_made[1]);
        Leaver(Prefix(1)).ShouldBeNull();

        _made.ForEach(BeginTls);
        _sessions.TryMakeRoom(null, Prefix(2), out _).ShouldBeFalse();
        _sessions.TryMakeRoom(null, Prefix(1), out _).ShouldBeTrue();
        _sessions.Remove(elsewhere);
        _sessions.Remove(elsewhere);
        _sessions.Count.ShouldBe(DataPlaneLimits.HalfOpenPerPrefixMax);
    }

    public void Dispose()
    {
        _made.ForEach(peer => peer.Session.Dispose());
        _tls.Dispose();
    }

    private static OuterAddress Prefix(int number) => new(IpAddress.FromV4(0x0a000000 + ((uint)number << 8)), 1194);

    private PeerSession? Leaver(OuterAddress from, int? credential = null)
    {
        _sessions.TryMakeRoom(Entry(credential), from, out var goes).ShouldBeTrue();
        return goes;
    }

    private PeerSession Enter(OuterAddress from, int? credential)
    {
        var admission = new Admission
        {
            Wrapper = new PlainWrapper(),
            Remote = new SessionId(1),
            Local = new SessionId(2),
            FirstPacket = Packet(Opcode.AckV1, null, []),
            ResetExchanged = true,
            IsCounted = false,
        };
        var peer = new PeerSession
        {
            Number = _made.Count,
            Session = new ServerSession(new ServerSessionOptions(), _tls, admission, new TestEntropy(1), Start),
            Key = default,
            Path = default,
            Wrapping = WrappingKind.None,
            WrappedFor = Entry(credential),
            AdmittedFrom = from,
            IsCounted = false,
            HasBegun = true,
        };
        _made.Add(peer);
        _sessions.Add(peer);
        return peer;
    }

    /// <summary>The first bytes of a record, which is all it takes.</summary>
    private static void BeginTls(PeerSession peer)
    {
        if (!peer.Session.HasTls)
        {
            peer.Session.HandlePacket(Packet(Opcode.ControlV1, 1, [22, 3, 1]), Start);
            peer.Session.HasTls.ShouldBeTrue();
        }

        HalfOpenSessions.Look(peer);
    }

    private static byte[] Packet(Opcode opcode, uint? messageId, byte[] payload)
    {
        var packet = new byte[64];
        return packet[..ControlPacket.Write(packet, opcode, 0, new SessionId(1), [], default, messageId, payload)];
    }

    private static CredentialEntry? Entry(int? credential) =>
        credential is { } id ? new CredentialEntry(1, new CredentialModel { Id = id, Kind = "certificate" }) : null;
}
