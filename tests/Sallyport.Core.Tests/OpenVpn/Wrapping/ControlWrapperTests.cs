using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.OpenVpn.Wrapping;

public class ControlWrapperTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_700_000_000);
    private static readonly StaticKey Key = StaticKey.Generate(new SeededEntropy(42));

    public static TheoryData<string> Protected =>
    [
        "auth-sha1-normal", "auth-sha256-inverse", "auth-sha384-bidirectional", "auth-sha512-normal", "crypt", "crypt-v2",
    ];

    [Theory]
    [MemberData(nameof(Protected))]
    public void Every_packet_type_comes_through_both_ways(string form)
    {
        var (client, server) = Pair(form);
        foreach (var (from, to) in (ReadOnlySpan<(ControlWrapper, ControlWrapper)>)[(client, server), (server, client)])
        {
            foreach (var clear in Packets())
            {
                var wrapped = Wrap(from, clear);
                wrapped.Length.ShouldBe(clear.Length + from.Overhead);
                Unwrap(to, wrapped, out var reason).ShouldBe(clear);
                reason.ShouldBe(DropReason.None);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Every_flipped_bit_is_refused(string form)
    {
        var (client, server) = Pair(form);
        var wrapped = Wrap(client, Packets()[0]);
        for (var bit = 0; bit < 8 * wrapped.Length; bit++)
        {
            wrapped[bit / 8] ^= (byte)(1 << (bit % 8));
            Unwrap(server, wrapped, out var reason).ShouldBeEmpty();
            reason.ShouldBe(DropReason.WrapInvalid);
            wrapped[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Unwrap(server, wrapped, out var untouched);
        untouched.ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Cve_2026_35058_every_truncation_is_refused(string form)
    {
        var (client, server) = Pair(form);
        foreach (var clear in Packets())
        {
            var wrapped = Wrap(client, clear);
            for (var length = 0; length < wrapped.Length; length++)
            {
                Unwrap(server, wrapped[..length], out var reason).ShouldBeEmpty();
                reason.ShouldBe(length <= ControlPacket.HeadLength + server.Overhead ? DropReason.TooShort : DropReason.WrapInvalid);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Too_large_packet_is_refused_before_any_work(string form)
    {
        var (_, server) = Pair(form);
        Unwrap(server, new byte[OpenVpnLimits.MaxControlPacket + 1], out var reason);
        reason.ShouldBe(DropReason.TooLong);
        Unwrap(server, new byte[65535], out reason);
        reason.ShouldBe(DropReason.TooLong);
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Replayed_packet_is_refused_and_a_retransmission_is_not(string form)
    {
        var (client, server) = Pair(form);
        var clear = Packets()[0];
        var first = Wrap(client, clear);
        Unwrap(server, first, out var reason);
        reason.ShouldBe(DropReason.None);
        Unwrap(server, first, out reason).ShouldBeEmpty();
        reason.ShouldBe(DropReason.WrapReplayed);
        var again = Wrap(client, clear);
        again.ShouldNotBe(first);
        Unwrap(server, again, out reason);
        reason.ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Reordered_packets_pass_within_sixty_four_and_forged_ones_move_nothing(string form)
    {
        var (client, server) = Pair(form);
        byte[][] packets = [.. Enumerable.Range(0, 66).Select(_ => Wrap(client, Packets()[0]))];
        Unwrap(server, packets[65], out var reason);
        reason.ShouldBe(DropReason.None);
        for (var i = 64; i >= 2; i--)
        {
            Unwrap(server, packets[i], out reason);
            reason.ShouldBe(DropReason.None, $"packet {i}");
        }

        Unwrap(server, packets[1], out reason);
        reason.ShouldBe(DropReason.WrapReplayed);
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Key_of_somebody_else_and_the_own_reflection_are_refused(string form)
    {
        var (client, server) = Pair(form);
        using var otherKey = StaticKey.Generate(new SeededEntropy(43));
        var (stranger, _) = Pair(form, otherKey);
        Unwrap(server, Wrap(stranger, Packets()[0]), out var reason);
        reason.ShouldBe(DropReason.WrapInvalid);
        if (!form.Contains("bidirectional", StringComparison.Ordinal))
        {
            Unwrap(client, Wrap(client, Packets()[0]), out reason);
            reason.ShouldBe(DropReason.WrapInvalid);
        }
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Nothing_is_allocated_per_packet(string form)
    {
        var (client, server) = Pair(form);
        var clear = Packets()[0];
        var wrapped = new byte[OpenVpnLimits.MaxControlPacket];
        var again = new byte[OpenVpnLimits.MaxControlPacket];
        Exchange(100).ShouldBe(100);
        var done = 0;
        Allocations.Least(() => done = Exchange(1000)).ShouldBe(0);
        done.ShouldBe(1000);

        int Exchange(int count)
        {
            var passed = 0;
            for (var i = 0; i < count; i++)
            {
                var length = client.Wrap(clear, wrapped, Start);
                passed += server.TryUnwrap(wrapped.AsSpan(0, length), again, out _) == DropReason.None ? 1 : 0;
                wrapped[20] ^= 1;
                passed -= server.TryUnwrap(wrapped.AsSpan(0, length), again, out _) == DropReason.None ? 1 : 0;
            }

            return passed;
        }
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Resting_wrapper_goes_on_where_it_was(string form)
    {
        var (client, server) = Pair(form);
        var first = Wrap(client, Packets()[0]);
        Unwrap(server, first, out _);
        client.Rest();
        server.Rest();
        Unwrap(server, first, out var reason);
        reason.ShouldBe(DropReason.WrapReplayed);
        Unwrap(server, Wrap(client, Packets()[0]), out reason);
        reason.ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Counter_starts_where_told_keeps_its_time_and_never_repeats(string form)
    {
        using var client = form.StartsWith("auth", StringComparison.Ordinal)
            ? (ControlWrapper)new TlsAuthWrapper(Key, KeyDirection.Normal, HashKind.Sha1, firstPacketId: uint.MaxValue - 1)
            : new TlsCryptWrapper(Key.Bytes, isServer: false, firstPacketId: uint.MaxValue - 1);
        ulong[] counters = [.. Enumerable.Range(0, 4).Select(i => CounterOf(client, Wrap(client, Packets()[0], Start + TimeSpan.FromSeconds(i))))];
        var time = (ulong)Start.UnixSeconds;
        counters.ShouldBe([(time << 32) | 0xfffffffe, (time << 32) | 0xffffffff, ((time + 2) << 32) | 1, ((time + 2) << 32) | 2]);
    }

    [Fact]
    public void Plain_packets_pass_unchanged()
    {
        using var plain = new PlainWrapper();
        foreach (var clear in Packets())
        {
            Wrap(plain, clear).ShouldBe(clear);
            Unwrap(plain, clear, out _).ShouldBe(clear);
        }

        Unwrap(plain, new byte[9], out var reason).ShouldBeEmpty();
        reason.ShouldBe(DropReason.TooShort);
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Longest_payload_fills_the_datagram_and_not_more(string form)
    {
        var (client, server) = Pair(form);
        foreach (var wrapper in (ControlWrapper[])[client, server])
        {
            foreach (var acks in (int[])[0, 1, OpenVpnLimits.MaxPiggybackedAcks])
            {
                var payload = new byte[wrapper.MaxPayload(Opcode.ControlV1, acks)];
                var clear = new byte[OpenVpnLimits.MaxControlPacket];
                var length = ControlPacket.Write(clear, Opcode.ControlV1, 0, new(1), new uint[acks], new(2), 1, payload);
                Wrap(wrapper, clear[..length]).Length.ShouldBe(OpenVpnLimits.MaxControlDatagram - OpenVpnLimits.IpUdpHeaders);
            }
        }
    }

    [Fact]
    public void Wrapped_key_of_a_client_rides_on_its_packets_and_counts_in_the_budget()
    {
        var entropy = new SeededEntropy(4);
        using var serverKey = TlsCryptV2ServerKey.Generate(entropy);
        foreach (var metadataLength in (int[])[17, OpenVpnLimits.MaxMetadata])
        {
            var key = entropy.Bytes(256);
            var clientKey = new TlsCryptV2ClientKey(key, serverKey.WrapClient(key, new byte[metadataLength]));
            using var client = TlsCryptWrapper.ForClient(clientKey);
            var payload = new byte[client.MaxPayload(Opcode.ControlWkcV1, 4)];
            payload.Length.ShouldBeGreaterThan(0);
            var clear = new byte[OpenVpnLimits.MaxControlPacket];
            var length = ControlPacket.Write(clear, Opcode.ControlWkcV1, 0, new(1), new uint[4], new(2), 1, payload);
            var wrapped = Wrap(client, clear[..length]);
            wrapped.Length.ShouldBe(OpenVpnLimits.MaxControlDatagram - OpenVpnLimits.IpUdpHeaders);
            EarlyNegotiation.IsOfferedBy((uint)CounterOf(client, wrapped)).ShouldBeTrue();
            WrappedClientKey.TryStrip(wrapped, out var controlLength).ShouldBeTrue();
            wrapped[controlLength..].ShouldBe(clientKey.Wkc.ToArray());
            using var server = new TlsCryptWrapper(key, isServer: true);
            Unwrap(server, wrapped[..controlLength], out _).ShouldBe(clear[..length]);
            Wrap(client, Packets()[0]).Length.ShouldBe(Packets()[0].Length + client.Overhead);
        }
    }

    [Theory]
    [MemberData(nameof(Protected))]
    public void Mutated_packets_are_refused(string form)
    {
        var entropy = new SeededEntropy(99);
        var (client, server) = Pair(form);
        var valid = Wrap(client, Packets()[1]);
        for (var i = 0; i < 5000; i++)
        {
            var bytes = Mutations.Mutate(valid, entropy);
            if (!bytes.SequenceEqual(valid))
            {
                Unwrap(server, bytes, out var reason).ShouldBeEmpty();
                reason.ShouldNotBe(DropReason.None);
            }
        }
    }

    private static (ControlWrapper Client, ControlWrapper Server) Pair(string form, StaticKey? key = null)
    {
        key ??= Key;
        return form switch
        {
            "auth-sha1-normal" => Auth(KeyDirection.Normal, HashKind.Sha1),
            "auth-sha256-inverse" => Auth(KeyDirection.Inverse, HashKind.Sha256),
            "auth-sha384-bidirectional" => Auth(KeyDirection.Bidirectional, HashKind.Sha384),
            "auth-sha512-normal" => Auth(KeyDirection.Normal, HashKind.Sha512),
            "crypt" => Crypt(WrappingKind.TlsCrypt),
            "crypt-v2" => Crypt(WrappingKind.TlsCryptV2),
            _ => throw new ArgumentOutOfRangeException(nameof(form)),
        };

        (ControlWrapper, ControlWrapper) Auth(KeyDirection client, HashKind digest) =>
            (new TlsAuthWrapper(key, client, digest), new TlsAuthWrapper(key, client.Opposite(), digest));

        (ControlWrapper, ControlWrapper) Crypt(WrappingKind kind) =>
            (new TlsCryptWrapper(key.Bytes, isServer: false, kind), new TlsCryptWrapper(key.Bytes, isServer: true, kind));
    }

    private static byte[][] Packets()
    {
        return
        [
            Written(Opcode.ControlV1, [1, 2], 3, [4, 5, 6]),
            Written(Opcode.HardResetClientV2, [], 0, []),
            Written(Opcode.AckV1, [1], null, []),
            Written(Opcode.SoftResetV1, [], 0, []),
        ];

        static byte[] Written(Opcode opcode, uint[] acks, uint? id, byte[] payload)
        {
            var clear = new byte[100];
            return clear[..ControlPacket.Write(clear, opcode, opcode == Opcode.SoftResetV1 ? 1 : 0, new(0x1111), acks, new(0x2222), id, payload)];
        }
    }

    private static byte[] Wrap(ControlWrapper wrapper, byte[] clear, Instant? now = null)
    {
        var wrapped = new byte[2 * OpenVpnLimits.MaxControlPacket];
        return wrapped[..wrapper.Wrap(clear, wrapped, now ?? Start)];
    }

    private static byte[] Unwrap(ControlWrapper wrapper, byte[] wrapped, out DropReason reason)
    {
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        reason = wrapper.TryUnwrap(wrapped, clear, out var length);
        return clear[..length];
    }

    private static ulong CounterOf(ControlWrapper wrapper, byte[] wrapped) => ControlWrapper.ReadCounter(
        wrapped.AsSpan(wrapper.Kind == WrappingKind.TlsAuth ? ControlPacket.HeadLength + wrapper.Overhead - 8 : ControlPacket.HeadLength));
}
