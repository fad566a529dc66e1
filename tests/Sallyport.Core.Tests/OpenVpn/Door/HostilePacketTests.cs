using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>The door is dark, sends no more than it gets, and remembers nobody.</summary>
public class HostilePacketTests
{
    public static TheoryData<string> Kinds => DoorFixture.Kinds;

    public static TheoryData<string> Keyed => ["v2", "tls-crypt", "tls-auth"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Reply_is_never_longer_than_the_request(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var reset = fixture.Visit(kind).Reset();
        fixture.Handle(reset).Action.ShouldBe(DoorAction.Reply);
        fixture.LastReply.Length.ShouldBeInRange(1, reset.Length);
    }

    [Theory]
    [MemberData(nameof(Keyed))]
    public void Every_flipped_bit_and_every_truncation_stays_unanswered(string kind)
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed(kind);
        foreach (var packet in (byte[][])[visitor.Reset(), visitor.Control(), visitor.Ack()])
        {
            for (var length = 0; length < packet.Length; length++)
            {
                fixture.Handle(packet[..length]).Action.ShouldBe(DoorAction.Drop);
            }

            for (var bit = 0; bit < 8 * packet.Length; bit++)
            {
                packet[bit / 8] ^= (byte)(1 << (bit % 8));
                fixture.Handle(packet).Action.ShouldBe(DoorAction.Drop);
                packet[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }
    }

    [Fact]
    public void Cve_2014_8104_truncated_plain_packets_are_dropped()
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed("plain");
        foreach (var packet in (byte[][])[visitor.Reset(), visitor.RepeatedReset(), visitor.Ack()])
        {
            for (var length = 0; length < packet.Length; length++)
            {
                fixture.Handle(packet[..length]).Action.ShouldBe(DoorAction.Drop);
            }
        }
    }

    [Fact]
    public void Cve_2025_2704_mixed_up_packets_of_an_early_handshake_are_judged_one_by_one()
    {
        var entropy = new SeededEntropy(2704);
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed("v2");
        for (var i = 0; i < 3000; i++)
        {
            var opcode = (Opcode)entropy.Below(12);
            var keyId = entropy.Below(4) == 0 ? 1 : 0;
            uint[] acks = [.. Enumerable.Range(0, entropy.Below(3)).Select(_ => (uint)entropy.Below(3))];
            var cookie = entropy.Below(2) == 0 ? visitor.Remote : visitor.Local;
            var messageId = (uint)entropy.Below(3);
            var packet = visitor.Write(opcode, keyId, acks, cookie, opcode == Opcode.AckV1 ? null : messageId, entropy.Bytes(entropy.Below(20)));

            var carriesKey = opcode is Opcode.HardResetClientV3 or Opcode.ControlWkcV1;
            var returns = acks.Length > 0 && acks.All(id => id <= 1) && cookie == visitor.Remote && messageId <= (opcode == Opcode.ControlWkcV1 ? 1 : 0);
            var expected = !carriesKey || keyId != 0 ? DoorAction.Drop
                : returns ? DoorAction.Admit
                : opcode == Opcode.HardResetClientV3 && acks.Length == 0 && messageId == 0 ? DoorAction.Reply
                : DoorAction.Drop;
            fixture.Handle(packet).Action.ShouldBe(expected);
            if (fixture.Admission is { } admission)
            {
                // Its credential would come too often.
                admission.Dispose();
                fixture = new DoorFixture();
                visitor = fixture.Welcomed("v2");
            }
        }
    }

    [Fact]
    public void Unknown_revoked_and_foreign_credentials_stay_unanswered()
    {
        var fixture = new DoorFixture();
        var entropy = new SeededEntropy(31);
        using var foreignKey = TlsCryptV2ServerKey.Generate(entropy);
        fixture.ShouldDrop(fixture.V2(foreignKey, DoorFixture.KnownId).Reset(), DropReason.WrappedKeyInvalid);

        var visitor = fixture.Welcomed("v2");
        fixture.IsRevoked = true;
        fixture.ShouldDrop(visitor.Reset(), DropReason.CredentialUnknown);
        fixture.ShouldDrop(visitor.Control(), DropReason.CredentialUnknown);
        fixture.ShouldDrop(visitor.Reset(), DropReason.CredentialUnknown, isStream: true);
        fixture.IsRevoked = false;
        fixture.ShouldAdmit(visitor.Control()).Dispose();
    }

    [Fact]
    public void Wrapped_key_replayed_around_a_packet_of_somebody_without_it_stays_unanswered()
    {
        var fixture = new DoorFixture();
        var reset = fixture.Visit("v2").Reset();
        WrappedClientKey.TryStrip(reset, out var controlLength).ShouldBeTrue();
        var entropy = new SeededEntropy(77);
        using var guessed = new TlsCryptWrapper(entropy.Bytes(256), isServer: false, WrappingKind.TlsCryptV2, EarlyNegotiation.FirstPacketId);
        var forged = new Visitor(guessed, Opcode.HardResetClientV3, entropy).Reset();
        fixture.ShouldDrop([.. forged, .. reset[controlLength..]], DropReason.WrapInvalid);
    }

    [Theory]
    [MemberData(nameof(Keyed))]
    public void Plain_packets_stay_unanswered_where_no_network_allows_them(string kind)
    {
        var fixture = new DoorFixture();
        fixture.Welcomed(kind);
        fixture.ShouldDrop(fixture.Visit("plain").Reset(), DropReason.WrapInvalid);
        fixture.ShouldDrop(fixture.Visit("plain").Reset(), DropReason.WrapInvalid, isStream: true);
        fixture.LegacyWrappings = [];
        fixture.ShouldDrop(fixture.Visit("plain").Reset(), DropReason.WrapNotAllowed);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Reset_with_a_message_id_is_ignored(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        fixture.ShouldDrop(fixture.Visit(kind).Reset(messageId: 1), DropReason.ControlMalformed);
        fixture.ShouldDrop(fixture.Visit(kind).Reset(messageId: uint.MaxValue), DropReason.ControlMalformed, isStream: true);
    }

    [Fact]
    public void Only_opening_packets_of_key_zero_are_looked_at()
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed("plain");
        fixture.ShouldDrop(visitor.Reset(keyId: 1), DropReason.UnknownKey);
        fixture.ShouldDrop(visitor.Write(Opcode.SoftResetV1, 0, [0], visitor.Remote, 0, []), DropReason.UnknownPeer);
        fixture.ShouldDrop(visitor.Write(Opcode.HardResetServerV2, 0, [0], visitor.Remote, 0, []), DropReason.UnknownPeer);
        var other = visitor.Control();
        foreach (var (opcode, reason) in (ReadOnlySpan<(int, DropReason)>)
        [
            (0, DropReason.UnknownOpcode), (1, DropReason.UnknownOpcode), (2, DropReason.UnknownOpcode), (6, DropReason.UnknownPeer),
            (9, DropReason.UnknownPeer), (12, DropReason.UnknownOpcode), (31, DropReason.UnknownOpcode),
        ])
        {
            other[0] = (byte)(opcode << 3);
            fixture.ShouldDrop(other, reason);
        }

        fixture.ShouldDrop(visitor.Control(), DropReason.UnknownPeer, isStream: true);
        fixture.ShouldDrop(visitor.Ack(), DropReason.UnknownPeer, isStream: true);
        fixture.ShouldDrop([], DropReason.TooShort);
        fixture.ShouldDrop(new byte[OpenVpnLimits.MaxControlPacket + 1], DropReason.TooLong);
    }

    [Theory]
    [MemberData(nameof(Keyed))]
    public void Restart_storm_of_a_fleet_behind_one_address_is_answered_whole(string kind)
    {
        var fixture = new DoorFixture();
        for (var i = 0; i < 500; i++)
        {
            fixture.Welcomed(kind);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Reset_storm_grows_nothing(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var reset = fixture.Visit(kind).Reset();
        Storm(200);
        Allocations.Least(() => Storm(20_000)).ShouldBe(0);

        void Storm(int count)
        {
            Span<byte> reply = stackalloc byte[OpenVpnLimits.MaxControlPacket];
            for (var i = 0; i < count; i++)
            {
                var from = new OuterAddress(IpAddress.FromV4((uint)i * 2654435761), (ushort)i);
                fixture.Door.Handle(reset, from, false, fixture, DoorFixture.Start, reply, out _, out _);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Keyed))]
    public void Mutated_packets_stay_unanswered(string kind)
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed(kind);
        byte[][] valid = [visitor.Reset(), visitor.Control(), visitor.RepeatedReset()];
        var entropy = new SeededEntropy(404);
        for (var i = 0; i < 6000; i++)
        {
            var original = valid[i % valid.Length];
            var bytes = Mutations.Mutate(original, entropy);
            if (!bytes.SequenceEqual(original))
            {
                fixture.Handle(bytes, isStream: i % 7 == 0).Action.ShouldBe(DoorAction.Drop);
            }
        }
    }

    [Fact]
    public void Mutated_plain_packets_never_throw_and_are_never_admitted_with_a_changed_cookie()
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed("plain");
        byte[][] valid = [visitor.Reset(), visitor.Control(), visitor.RepeatedReset(), visitor.Ack()];
        var entropy = new SeededEntropy(405);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = Mutations.Mutate(valid[i % valid.Length], entropy);
            if (fixture.Handle(bytes).Action == DoorAction.Admit)
            {
                fixture.Admission!.Local.ShouldBe(visitor.Remote);
                fixture.Admission.Remote.ShouldBe(visitor.Local);
            }
        }
    }
}
