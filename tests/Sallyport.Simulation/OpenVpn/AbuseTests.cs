using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>Peers that hold a key and misbehave.</summary>
public sealed class AbuseTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public void Cve_2020_15078_nothing_is_granted_before_the_owner_has_decided()
    {
        using var world = new World(1, Fate.Clean, new Scenario()) { Decide = Decision.Later };
        world.RunFor(TimeSpan.FromSeconds(20));
        world.Server.Asked.ShouldBe(1);
        world.Server.IsUp.ShouldBeFalse();
        world.Server.Data.CanSend.ShouldBeFalse();
        world.Client.IsUp.ShouldBeFalse();
        world.Client.Data.CanSend.ShouldBeFalse();
    }

    [Fact]
    public void A_refused_peer_hears_why_and_gets_no_keys()
    {
        using var world = new World(1, Fate.Clean, new Scenario()) { Decide = Decision.No };
        world.RunUntil(() => world.Client.Ended is not null, Minute).ShouldBeTrue();
        world.Client.Ended!.Reason.ShouldBe(SessionEnd.AuthenticationFailed);
        world.Client.Ended.Detail.ShouldBe("not today");
        world.Server.Ended!.Reason.ShouldBe(SessionEnd.AuthenticationFailed);
        world.Server.Data.CanSend.ShouldBeFalse();
    }

    [Fact]
    public void A_peer_without_a_shared_cipher_hears_so()
    {
        var scenario = new Scenario { Cipher = DataCipher.Aes256Cbc };
        using var world = new World(1, Fate.Clean, scenario) { ServerCiphers = [DataCipher.Aes256Gcm] };
        world.RunUntil(() => world.Client.Ended is not null, Minute).ShouldBeTrue();
        world.Client.Ended!.Detail.ShouldContain("no shared cipher");
        world.Server.Ended!.Detail.ShouldContain("AES-256-GCM");
        world.Server.Ended.Detail.ShouldContain("AES-256-CBC");
    }

    [Fact]
    public void Cve_2024_28882_repeating_the_goodbye_does_not_keep_a_session_alive()
    {
        using var world = Up(2);
        for (var i = 0; i < 10 && !world.Server.Session!.IsFinished; i++)
        {
            world.Client.Session.Send(ControlMessage.Exit, world.Now);
            world.RunFor(TimeSpan.FromSeconds(1));
        }

        world.Server.Session!.IsFinished.ShouldBeTrue();
    }

    [Fact]
    public void Resets_of_a_live_session_change_nothing()
    {
        using var world = Up(3);
        foreach (var opcode in (Opcode[])[Opcode.HardResetClientV2, Opcode.SoftResetV1, Opcode.HardResetServerV2])
        {
            world.Forge(opcode, keyId: 0, messageId: 0, []);
            world.Forge(opcode, keyId: 0, messageId: 3, []);
            world.Forge(opcode, keyId: 5, messageId: 0, []);
        }

        world.SendNumber();
        world.RunUntil(() => world.Client.Echoed.Count == 1, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        world.Server.Session!.IsActive.ShouldBeTrue();
        world.Server.Ended.ShouldBeNull();
    }

    [Fact]
    public void A_soft_reset_that_leads_nowhere_leaves_the_key_in_use()
    {
        using var world = Up(4);
        for (var i = 0; i < 20; i++)
        {
            world.Forge(Opcode.SoftResetV1, keyId: 1, messageId: 0, []);
            world.Forge(Opcode.ControlV1, keyId: 1, messageId: (uint)(i + 7), [0x16, 3, 1, 0, 1]);
            world.RunFor(TimeSpan.FromSeconds(1));
        }

        world.SendNumber();
        world.RunUntil(() => world.Client.Echoed.Count == 1, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        world.RunFor(TimeSpan.FromMinutes(3));
        world.Server.Session!.IsActive.ShouldBeTrue();
    }

    [Fact]
    public void A_soft_reset_that_is_not_the_first_message_of_its_key_begins_nothing()
    {
        using var world = Up(8);
        world.Forge(Opcode.SoftResetV1, keyId: 1, messageId: 3, []).ShouldBe(DropReason.UnknownKey);
        world.Forge(Opcode.SoftResetV1, keyId: 1, messageId: 40, []).ShouldBe(DropReason.UnknownKey);
        world.Client.Session.Renegotiate(world.Now);
        world.RunUntil(() => world is { Server.Renegotiations: 1, Client.Renegotiations: 1 }, TimeSpan.FromSeconds(1)).ShouldBeTrue();
    }

    [Fact]
    public void A_soft_reset_before_the_first_key_is_no_session()
    {
        using var world = new World(5, Fate.Clean, new Scenario()) { Decide = Decision.Later };
        world.RunFor(TimeSpan.FromSeconds(5));
        world.Forge(Opcode.SoftResetV1, keyId: 1, messageId: 0, []).ShouldBe(DropReason.UnknownKey);
    }

    [Fact]
    public void Garbage_inside_tls_ends_the_session_with_a_reason()
    {
        using var world = new World(6, Fate.Clean, new Scenario()) { Decide = Decision.Later };
        world.RunFor(TimeSpan.FromSeconds(5));
        world.Forge(Opcode.ControlV1, keyId: 0, messageId: world.NextClientMessage, "this is not a TLS record at all"u8);
        world.RunFor(TimeSpan.FromSeconds(1));
        world.Server.Ended!.Reason.ShouldBe(SessionEnd.TlsFailed);
    }

    [Fact]
    public void A_peer_that_acknowledges_nothing_is_ended_when_too_much_waits_for_it()
    {
        using var world = Up(9);
        world.Wire.Fate = new Fate { Lose = 1 };
        var largest = 0;
        for (var i = 0; i < 10_000 && world.Server.Ended is null; i++)
        {
            world.Server.Session!.Send(ControlMessage.Restart, world.Now);
            world.RunFor(TimeSpan.FromMilliseconds(1));
            largest = Math.Max(largest, PendingAtServer(world));
        }

        largest.ShouldBeInRange(TlsLimits.MaxPendingOutput - 4096, TlsLimits.MaxPendingOutput);
        world.Server.Ended.ShouldNotBeNull().Reason.ShouldBe(SessionEnd.OutputNotTaken);
    }

    [Fact]
    public void New_keys_are_begun_a_few_at_once_and_then_once_a_second()
    {
        using var world = Up(10);
        var began = world.Now;
        while (world.Now - began < TimeSpan.FromSeconds(20))
        {
            world.Client.Session.Renegotiate(world.Now);
            world.RunFor(TimeSpan.FromMilliseconds(100));
        }

        world.Server.Drops.Keys.ShouldContain(DropReason.RenegotiationRateLimited);
        world.Server.Renegotiations.ShouldBeInRange(5, OpenVpnLimits.SoftResetBurst + 20);
        world.Server.Ended.ShouldBeNull();
    }

    [Fact]
    public void A_peer_with_a_short_interval_is_not_held_up()
    {
        using var world = new World(11, Fate.Clean, new Scenario { ClientRenegotiates = TimeSpan.FromSeconds(2) });
        world.RunFor(TimeSpan.FromMinutes(2));
        world.Server.Renegotiations.ShouldBeGreaterThan(55);
        world.Server.Drops.Keys.ShouldNotContain(DropReason.RenegotiationRateLimited);
    }

    [Fact]
    public void A_peer_that_never_answers_our_resets_is_ended_and_told_to_come_again()
    {
        using var world = Up(12);
        world.Wire.Fate = new Fate { Lose = 1 };
        for (var i = 0; i < OpenVpnLimits.FailedRenegotiationsMax; i++)
        {
            world.Server.Ended.ShouldBeNull();
            world.Server.Session!.Renegotiate(world.Now);
            world.RunFor(TimeSpan.FromSeconds(61));
        }

        world.Server.Ended.ShouldNotBeNull().Reason.ShouldBe(SessionEnd.RenegotiationFailed);
        world.Wire.Fate = Fate.Clean;
        world.RunFor(TimeSpan.FromSeconds(4));
        world.Client.Heard.ShouldContain(ControlMessage.Restart);
    }

    [Fact]
    public void Failed_renegotiations_with_one_that_works_between_them_end_nothing()
    {
        using var world = Up(13);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < OpenVpnLimits.FailedRenegotiationsMax - 1; i++)
            {
                world.Wire.Fate = new Fate { Lose = 1 };
                world.Server.Session!.Renegotiate(world.Now);
                world.RunFor(TimeSpan.FromSeconds(61));
            }

            world.Wire.Fate = Fate.Clean;
            world.Server.Session!.Renegotiate(world.Now);
            world.RunUntil(() => world.Server.Renegotiations == round + 1, Minute).ShouldBeTrue();
        }

        world.Server.Ended.ShouldBeNull();
    }

    [Fact]
    public void Cve_2026_13117_and_12996_resets_renegotiations_and_decisions_in_any_order_break_nothing()
    {
        for (var seed = 0ul; seed < 40; seed++)
        {
            using var world = Up(seed);
            var chance = new SeededEntropy(seed);
            for (var i = 0; i < 200 && world.Server.Ended is null; i++)
            {
                switch (chance.Below(8))
                {
                    case 0:
                        world.Server.Session!.Renegotiate(world.Now);
                        break;
                    case 1:
                        world.Client.Session.Renegotiate(world.Now);
                        break;
                    case 2:
                        world.Forge(Opcode.SoftResetV1, chance.Below(8), (uint)chance.Below(3), []);
                        break;
                    case 3:
                        world.Forge(Opcode.ControlV1, chance.Below(8), (uint)chance.Below(20), [1, 2, 3]);
                        break;
                    case 4:
                        world.Forge(Opcode.HardResetClientV2, 0, 0, []);
                        break;
                    case 5:
                        // The owner takes its time, and is asked about the next key meanwhile or not at all.
                        world.Server.Decide = chance.Below(3) == 0 ? Decision.Later : Decision.Yes;
                        break;
                    case 6:
                        world.Server.Session!.Accept(new Scenario().Grant, world.Now);
                        break;
                    default:
                        world.RunFor(TimeSpan.FromMilliseconds(chance.Below(3000)));
                        break;
                }
            }

            world.RunFor(TimeSpan.FromMinutes(2));
        }
    }

    [Fact]
    public void Cve_2026_40215_a_session_that_was_replaced_sends_nothing_any_more()
    {
        using var world = new World(8, Fate.Clean, new Scenario()) { Decide = Decision.Later };
        world.RunFor(TimeSpan.FromSeconds(5));
        var session = world.Server.Session!;
        session.Accept(new Scenario().Grant, world.Now);
        var datagram = new byte[2048];
        session.Dispose();
        session.TryDequeueTransmit(datagram, world.Now, out _).ShouldBeFalse();
        session.TryDequeueEvent(out _).ShouldBeFalse();
        session.HandlePacket(datagram, world.Now).ShouldBe(DropReason.UnknownPeer);
        session.HandleTimeout(world.Now + TimeSpan.FromHours(2));
        session.NextDeadline.ShouldBe(Instant.Never);
        datagram.ShouldAllBe(value => value == 0);
    }

    [Fact]
    public void Cve_2025_13086_a_wrong_cookie_makes_no_session()
    {
        using var world = new World(7, new Fate { Lose = 1 }, new Scenario { Wrapping = WrappingKind.None });
        for (var i = 0u; i < 1000; i++)
        {
            world.Server.Handle(
                Packet(Opcode.ControlV1, sender: new SessionId(77), acked: new SessionId(1000 + i), messageId: 1), world.Wire, world.Now);
        }

        world.Server.Admissions.ShouldBe(0);
        world.Server.Drops[DropReason.CookieInvalid].ShouldBe(1000);
    }

    private static int PendingAtServer(World world) =>
        world.Server.Session!.Channel.Active is { HasTls: true } active ? active.Tls.PendingOutput : 0;

    private static byte[] Packet(Opcode opcode, SessionId sender, SessionId acked, uint messageId)
    {
        var packet = new byte[64];
        return packet[..ControlPacket.Write(packet, opcode, 0, sender, [0u], acked, messageId, [])];
    }

    private static World Up(ulong seed)
    {
        var world = new World(seed, Fate.Clean, new Scenario());
        world.RunUntil(() => HandshakeTests.BothActive(world), Minute).ShouldBeTrue();
        return world;
    }
}
