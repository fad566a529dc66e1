using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>A cookie is good for one address, session, wrapping and a short while.</summary>
public class CookieTests
{
    private static readonly Instant Start = DoorFixture.Start;

    public static TheoryData<string> Kinds => DoorFixture.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Cve_2025_13086_wrong_cookie_makes_no_state_and_gets_no_answer(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed(kind);
        for (var bit = 0; bit < 64; bit++)
        {
            var wrong = new SessionId(visitor.Remote.Value ^ (1ul << bit));
            fixture.ShouldDrop(visitor.Control(cookie: wrong), DropReason.CookieInvalid);
        }

        fixture.ShouldDrop(visitor.Control(cookie: default(SessionId)), DropReason.CookieInvalid);
        fixture.ShouldDrop(visitor.Control(cookie: visitor.Local), DropReason.CookieInvalid);
        fixture.ShouldAdmit(visitor.Control()).Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Cookie_is_refused_from_any_other_address_or_port(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed(kind);
        var (ip, port) = (DoorFixture.Address.Ip, DoorFixture.Address.Port);
        fixture.ShouldDrop(visitor.Control(), DropReason.CookieInvalid, from: new OuterAddress(ip, (ushort)(port + 1)));
        fixture.ShouldDrop(visitor.Control(), DropReason.CookieInvalid, from: new OuterAddress(IpAddress.Parse("198.51.100.8"), port));
        fixture.ShouldDrop(visitor.Control(), DropReason.CookieInvalid, from: new OuterAddress(IpAddress.Parse("2001:db8::7"), port));
        fixture.ShouldAdmit(visitor.Control()).Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Cookie_of_another_session_or_under_another_key_is_refused(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var cookie = fixture.Welcomed(kind).Remote;
        foreach (var other in (string[])["v2", "tls-crypt", "tls-auth", "plain"])
        {
            fixture.ShouldDrop(fixture.Visit(other).Control(cookie: cookie), DropReason.CookieInvalid);
        }
    }

    [Fact]
    public void Cookie_is_good_in_its_slot_and_the_two_after()
    {
        var fixture = new DoorFixture();
        var slotStart = Instant.FromUnixSeconds(Start.UnixSeconds / 30 * 30);
        var visitor = fixture.Welcomed("tls-crypt", slotStart + TimeSpan.FromSeconds(29));
        fixture.ShouldAdmit(visitor.Ack(), slotStart + TimeSpan.FromSeconds(29)).Dispose();
        fixture.ShouldAdmit(visitor.Ack(), slotStart + TimeSpan.FromSeconds(89)).Dispose();
        fixture.ShouldDrop(visitor.Ack(), DropReason.CookieInvalid, slotStart + TimeSpan.FromSeconds(90));
    }

    [Fact]
    public void Cookie_of_a_future_slot_is_refused()
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed("tls-crypt", Start + TimeSpan.FromSeconds(30));
        fixture.ShouldDrop(visitor.Ack(), DropReason.CookieInvalid, Start);
    }

    [Fact]
    public void Change_of_the_secret_breaks_no_handshake_and_the_old_one_is_forgotten()
    {
        var fixture = new DoorFixture();
        fixture.Welcomed("tls-crypt");
        var before = Start + OpenVpnLimits.CookieSecretLifetime - TimeSpan.FromSeconds(1);
        var early = fixture.Welcomed("tls-crypt", before);
        var late = fixture.Welcomed("tls-crypt", before + TimeSpan.FromSeconds(2));
        fixture.ShouldAdmit(early.Ack(), before + TimeSpan.FromSeconds(3)).Dispose();
        fixture.ShouldAdmit(late.Ack(), before + TimeSpan.FromSeconds(3)).Dispose();

        // The clock of a test may step back: only the secret, not the slot, tells that the cookie is old.
        fixture.ShouldDrop(fixture.Visit("tls-crypt").Ack(), DropReason.CookieInvalid, before + TimeSpan.FromSeconds(92));
        fixture.ShouldDrop(early.Ack(), DropReason.CookieInvalid, before + TimeSpan.FromSeconds(3));
        fixture.ShouldAdmit(late.Ack(), before + TimeSpan.FromSeconds(3)).Dispose();
    }

    [Fact]
    public void Cookies_of_two_doors_differ()
    {
        var one = new DoorFixture();
        using var other = new Sallyport.Core.OpenVpn.Door.Door(new SeededEntropy(8), new DoorOptions { ServerKeys = [] });
        var visitor = one.Welcomed("tls-crypt");
        other.Handle(visitor.Ack(), DoorFixture.Address, false, one, Start, new byte[100], out _, out _)
            .ShouldBe(new DoorVerdict(DoorAction.Drop, DropReason.CookieInvalid));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Packets_from_the_middle_of_a_session_are_refused_even_with_a_good_cookie(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed(kind);
        var opcode = kind == "v2" ? Opcode.ControlWkcV1 : Opcode.ControlV1;
        fixture.ShouldDrop(visitor.Control(messageId: 2), DropReason.CookieInvalid);
        fixture.ShouldDrop(visitor.Write(opcode, 0, [0, 2], visitor.Remote, 1, []), DropReason.CookieInvalid);
        fixture.ShouldDrop(visitor.Write(opcode, 0, [uint.MaxValue], visitor.Remote, 1, []), DropReason.CookieInvalid);
        fixture.ShouldDrop(visitor.Write(opcode, 0, [], default, 1, []), DropReason.CookieInvalid);
        fixture.ShouldAdmit(visitor.Write(opcode, 0, [0, 1], visitor.Remote, 1, [])).Dispose();
    }
}
