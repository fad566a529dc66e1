using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Esp;

public sealed class EspSaTests : IDisposable
{
    private const uint OurSpi = 0x1001;
    private const uint PeerSpi = 0x2002;

    private static readonly EspEnds Ends = new(IpAddress.Parse("192.0.2.1"), IpAddress.Parse("198.51.100.7"), IsTranslated: false);

    private readonly SeededEntropy _entropy = new(1);
    private EspSa _gateway;
    private EspSa _peer;

    public void Dispose()
    {
        _gateway.Free();
        _peer.Free();
    }

    internal static IReadOnlyList<EspSuite> AllSuites { get; } =
    [
        .. from cipher in Enum.GetValues<EspCipher>()
           from hash in new EspSuite(cipher, default, false).IsCbc ? Enum.GetValues<HashKind>() : [default]
           from extended in new[] { false, true }
           select new EspSuite(cipher, hash, extended),
    ];

    public static TheoryData<EspSuite> Suites => [.. AllSuites];

    public static TheoryData<EspSuite> ExtendedSuites => [.. AllSuites.Where(suite => suite.ExtendedSequence)];

    [Theory]
    [MemberData(nameof(Suites))]
    public void What_one_side_seals_the_other_opens(EspSuite suite)
    {
        Pair(suite);
        for (var payload = 0; payload <= 70; payload++)
        {
            foreach (var inner in new[] { Udp(payload), UdpV6(payload) })
            {
                Open(ref _gateway, Seal(ref _peer, inner), out var opened).ShouldBe(DropReason.None);
                opened.ShouldBe(inner);
                Open(ref _peer, Seal(ref _gateway, inner), out opened).ShouldBe(DropReason.None);
                opened.ShouldBe(inner);
            }
        }

        _peer.SealedPackets.ShouldBe(142UL);
        _gateway.OpenedPackets.ShouldBe(142UL);
        _gateway.OpenedBytes.ShouldBe(_peer.SealedBytes);
        (_gateway.BadTags, _gateway.Replays).ShouldBe((0UL, 0UL));
        _gateway.Headroom.ShouldBeLessThanOrEqualTo(EspLimits.HeadroomMax);
        Enumerable.Range(1, 64).Max(length => _gateway.Tailroom(length)).ShouldBeLessThanOrEqualTo(EspLimits.TailroomMax);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Transport_mode_carries_what_is_inside_and_the_ends_are_those_of_the_sa(EspSuite suite)
    {
        foreach (var (local, remote) in new[] { ("192.0.2.1", "198.51.100.7"), ("2001:db8::1", "2001:db8::7") })
        {
            var ends = new EspEnds(IpAddress.Parse(local), IpAddress.Parse(remote), IsTranslated: false);
            Pair(suite, EspMode.Transport, ends);
            for (var payload = 0; payload <= 40; payload++)
            {
                var inner = Build.Udp(remote, 4711, local, 1701, payload);
                var packet = Seal(ref _peer, inner);
                packet.Length.ShouldBeLessThan(EspOverhead.MaxPacket(suite, EspMode.Transport, !ends.Local.IsV4, isUdp: false, 1500));
                Open(ref _gateway, packet, out var opened).ShouldBe(DropReason.None);
                opened.ShouldBe(inner);
            }
        }
    }

    [Fact]
    public void Transport_mode_behind_a_nat_makes_checksums_for_the_addresses_that_we_use()
    {
        var ends = Ends with { IsTranslated = true };
        foreach (var inner in new[] { Build.Udp("10.0.0.5", 1701, "192.0.2.1", 1701, 33), Build.Syn("10.0.0.5", 999, "192.0.2.1", 80) })
        {
            Pair(Gcm(), EspMode.Transport, ends);
            Open(ref _gateway, Seal(ref _peer, inner), out var opened).ShouldBe(DropReason.None);
            opened.ShouldHaveValidChecksums();
            IpAddress.ReadV4(opened.AsSpan(12)).ShouldBe(Ends.Remote);
            opened.AsSpan(22).SequenceEqual(inner.AsSpan(22)).ShouldBeFalse("the sum is over other addresses");
        }

        // RFC 768: none was made, so that none is.
        var without = Build.Udp("10.0.0.5", 1701, "192.0.2.1", 1701, 33);
        without[26] = without[27] = 0;
        Open(ref _gateway, Seal(ref _peer, without), out var still).ShouldBe(DropReason.None);
        still.AsSpan(26, 2).ToArray().ShouldBe([0, 0]);
    }

    [Theory]
    [InlineData("192.0.2.1", "198.51.100.7")]
    [InlineData("2001:db8::1", "2001:db8::7")]
    public void Transport_mode_between_other_addresses_than_those_of_the_path_makes_checksums_for_the_path(string pathLocal, string pathRemote)
    {
        // Ours calls the two ends by inner addresses; the peer, as a stock kernel does, by those of the path, and believes no sum but over these.
        var (local, remote) = (IpAddress.Parse(pathLocal), IpAddress.Parse(pathRemote));
        var suite = Gcm();
        using var ours = new Held(EspSa.Create(
            suite, EspMode.Transport, OurSpi, PeerSpi, Keymat(suite, 11), Keymat(suite, 12), default,
            new EspEnds(IpAddress.Parse("10.20.0.1"), IpAddress.Parse("10.20.0.3"), IsTranslated: true, local, remote)));
        using var stock = new Held(EspSa.Create(
            suite, EspMode.Transport, PeerSpi, OurSpi, Keymat(suite, 12), Keymat(suite, 11), default, new EspEnds(remote, local, IsTranslated: false)));
        foreach (var inner in new[] { Build.Udp("10.20.0.1", 1701, "10.20.0.3", 1701, 33), Build.Syn("10.20.0.1", 999, "10.20.0.3", 80) })
        {
            Open(ref stock.Sa, Seal(ref ours.Sa, inner), out var opened).ShouldBe(DropReason.None);
            opened.ShouldHaveValidChecksums();
        }

        foreach (var inner in new[] { Build.Udp(pathRemote, 1701, pathLocal, 1701, 33), Build.Syn(pathRemote, 999, pathLocal, 80) })
        {
            Open(ref ours.Sa, Seal(ref stock.Sa, inner), out var opened).ShouldBe(DropReason.None);
            opened.ShouldHaveValidChecksums();
            IpAddress.ReadV4(opened.AsSpan(12)).ShouldBe(IpAddress.Parse("10.20.0.3"));
        }

        // What came broken leaves broken, and what has no sum leaves without.
        var broken = Build.Udp("10.20.0.1", 1701, "10.20.0.3", 1701, 33);
        broken[^1] ^= 1;
        Open(ref stock.Sa, Seal(ref ours.Sa, broken), out var still).ShouldBe(DropReason.None);
        Should.Throw<ShouldAssertException>(() => still.ShouldHaveValidChecksums());
        var without = Build.Udp("10.20.0.1", 1701, "10.20.0.3", 1701, 33);
        without[26] = without[27] = 0;
        Open(ref stock.Sa, Seal(ref ours.Sa, without), out var bare).ShouldBe(DropReason.None);
        bare.AsSpan(local.IsV4 ? 26 : 46, 2).ToArray().ShouldBe([0, 0]);
    }

    [Fact]
    public void Transport_mode_carries_no_part_of_a_datagram()
    {
        Pair(Gcm(), EspMode.Transport);
        var part = Build.Fragments(Build.Udp("198.51.100.7", 1, "192.0.2.1", 2, 100), 48, 7)[0];
        var buffer = new byte[400];
        part.CopyTo(buffer, 100);
        _peer.Seal(buffer, 100, part.Length, out _, out _).ShouldBeFalse();
        _peer.SealedPackets.ShouldBe(0UL);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Nothing_outside_the_rooms_is_touched(EspSuite suite)
    {
        Pair(suite);
        for (var payload = 0; payload < 40; payload++)
        {
            var inner = Udp(payload);
            var tailroom = _peer.Tailroom(inner.Length);
            var buffer = new byte[8 + _peer.Headroom + inner.Length + tailroom + 8];
            buffer.AsSpan().Fill(0xcc);
            inner.CopyTo(buffer, 8 + _peer.Headroom);
            _peer.Seal(buffer, 8 + _peer.Headroom, inner.Length, out var start, out var length).ShouldBeTrue();
            (start, length).ShouldBe((8, buffer.Length - 16));
            buffer.AsSpan(0, 8).ContainsAnyExcept((byte)0xcc).ShouldBeFalse();
            buffer.AsSpan(^8..).ContainsAnyExcept((byte)0xcc).ShouldBeFalse();
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_flipped_bit_is_refused_and_costs_one_failed_tag(EspSuite suite)
    {
        Pair(suite);
        var packet = Seal(ref _peer, Udp(20));
        ulong forged = 0;
        for (var bit = 0; bit < packet.Length * 8; bit++)
        {
            var hostile = packet.ToArray();
            hostile[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            var isSpi = bit < 32;
            Open(ref _gateway, hostile, out var inner).ShouldBeOneOf(isSpi ? [DropReason.UnknownSpi] : bit < 64 ? [DropReason.BadTag, DropReason.Replayed] : [DropReason.BadTag]);
            inner.ShouldBeEmpty();
            forged += isSpi ? 0UL : 1;
        }

        (_gateway.BadTags + _gateway.Replays).ShouldBe(forged);
        (_gateway.OpenedPackets, _gateway.HighestOpened).ShouldBe((0UL, 0UL));
        Open(ref _gateway, packet, out _).ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_cut_is_refused(EspSuite suite)
    {
        Pair(suite);
        var packet = Seal(ref _peer, Udp(50));
        for (var length = 0; length < packet.Length; length++)
        {
            Open(ref _gateway, packet[..length], out _).ShouldBeOneOf(DropReason.TooShort, DropReason.BadTag);
        }

        Open(ref _gateway, [.. packet, 0], out _).ShouldBe(DropReason.BadTag);
        Open(ref _gateway, packet, out _).ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Mutated_packets_never_open_and_never_throw(EspSuite suite)
    {
        Pair(suite);
        var packet = Seal(ref _peer, Udp(90));
        for (var i = 0; i < 1000; i++)
        {
            var hostile = Mutations.Mutate(packet, _entropy);
            if (!hostile.AsSpan().SequenceEqual(packet))
            {
                Open(ref _gateway, hostile, out _)
                    .ShouldBeOneOf(DropReason.TooShort, DropReason.BadTag, DropReason.UnknownSpi, DropReason.Replayed);
            }
        }

        _gateway.OpenedPackets.ShouldBe(0UL);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_packet_opens_once_in_any_order(EspSuite suite)
    {
        Pair(suite);
        var packets = Enumerable.Range(0, 20).Select(_ => Seal(ref _peer, Udp(20))).ToArray();
        for (var i = packets.Length - 1; i >= 0; i--)
        {
            Open(ref _gateway, packets[i], out _).ShouldBe(DropReason.None);
            Open(ref _gateway, packets[i], out _).ShouldBe(DropReason.Replayed);
        }

        _gateway.Replays.ShouldBe(20UL);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_edge_of_the_window_is_exact(bool extended)
    {
        var suite = Gcm() with { ExtendedSequence = extended };
        Pair(suite);
        const ulong At = 5000;
        var edge = Sealed(At - ReplayWindow.Width);
        var inside = Sealed(At - ReplayWindow.Width + 1);
        Open(ref _gateway, Sealed(At), out _).ShouldBe(DropReason.None);
        // With extended numbers what is too old reads as one of the next lap, whose tag it has not.
        Open(ref _gateway, edge, out _).ShouldBe(extended ? DropReason.BadTag : DropReason.Replayed);
        Open(ref _gateway, inside, out _).ShouldBe(DropReason.None);
        Open(ref _gateway, inside, out _).ShouldBe(DropReason.Replayed);
        _gateway.HighestOpened.ShouldBe(At);
    }

    [Theory]
    [MemberData(nameof(ExtendedSuites))]
    public void The_lower_half_wraps_with_packets_out_of_order_around_it(EspSuite suite)
    {
        Pair(suite);
        foreach (var lap in new[] { 1UL, 2UL, 9UL })
        {
            var wrap = lap << 32;
            _gateway.Wear(highestOpened: wrap - 50);
            var numbers = Enumerable.Range(-40, 80).Select(step => wrap + (ulong)step).ToArray();
            _entropy.Shuffle(numbers);
            var packets = numbers.Select(Sealed).ToArray();
            foreach (var packet in packets)
            {
                Open(ref _gateway, packet, out _).ShouldBe(DropReason.None);
            }

            foreach (var packet in packets)
            {
                Open(ref _gateway, packet, out _).ShouldBe(DropReason.Replayed);
            }

            _gateway.HighestOpened.ShouldBe(wrap + 39);
        }
    }

    [Fact]
    public void A_forged_packet_does_not_move_the_upper_half()
    {
        Pair(Gcm() with { ExtendedSequence = true });
        _gateway.Wear(highestOpened: 0xffff_ff00);
        var genuine = Sealed(0xffff_ff01);
        var forged = Sealed(0x1_0000_0005);
        forged[^1] ^= 1;
        Open(ref _gateway, forged, out _).ShouldBe(DropReason.BadTag);
        _gateway.HighestOpened.ShouldBe(0xffff_ff00UL);
        Open(ref _gateway, genuine, out _).ShouldBe(DropReason.None);
        Open(ref _gateway, Sealed(0x1_0000_0005), out _).ShouldBe(DropReason.None);
        _gateway.HighestOpened.ShouldBe(0x1_0000_0005UL);
    }

    [Fact]
    public void Before_the_first_packet_there_are_no_numbers_below_zero()
    {
        Pair(Gcm() with { ExtendedSequence = true });
        var packet = Sealed(1);
        packet.AsSpan(4, 4).Fill(0xff);
        Open(ref _gateway, packet, out _).ShouldBe(DropReason.Replayed);
        packet.AsSpan(4, 4).Clear();
        Open(ref _gateway, packet, out _).ShouldBe(DropReason.Replayed);
        Open(ref _gateway, Sealed(1), out _).ShouldBe(DropReason.None);
    }

    [Fact]
    public void Sequence_numbers_never_wrap()
    {
        Pair(Gcm());
        _peer.Wear(lastSent: uint.MaxValue - 2);
        _peer.NeedsRekey.ShouldBeTrue();
        Open(ref _gateway, Seal(ref _peer, Udp(1)), out _).ShouldBe(DropReason.None);
        Open(ref _gateway, Seal(ref _peer, Udp(1)), out _).ShouldBe(DropReason.None);
        _gateway.NeedsRekey.ShouldBeTrue("what we receive wears out, too");
        RefusesToSeal(ref _peer);

        Pair(Gcm() with { ExtendedSequence = true });
        _peer.Wear(lastSent: uint.MaxValue);
        _gateway.Wear(highestOpened: uint.MaxValue);
        Open(ref _gateway, Seal(ref _peer, Udp(1)), out _).ShouldBe(DropReason.None);
        _gateway.HighestOpened.ShouldBe(1UL << 32);
        _peer.Wear(lastSent: ulong.MaxValue);
        RefusesToSeal(ref _peer);
    }

    [Theory]
    [InlineData(EspLimits.RekeyFromSequence - 2, false)]
    [InlineData(EspLimits.RekeyFromSequence - 1, true)]
    public void A_rekey_is_due_long_before_the_end(uint sent, bool due)
    {
        Pair(Gcm());
        _peer.Wear(lastSent: sent);
        Seal(ref _peer, Udp(1));
        _peer.NeedsRekey.ShouldBe(due);
    }

    [Fact]
    public void A_gcm_key_wears_out_by_blocks_and_a_chacha_key_does_not()
    {
        Pair(Gcm());
        _peer.Wear(lastSent: 1, sealedBlocks: EspLimits.GcmBlocksRekey - 4);
        _peer.NeedsRekey.ShouldBeFalse();
        Seal(ref _peer, Udp(1));
        _peer.NeedsRekey.ShouldBeTrue();
        _peer.Wear(lastSent: 1, sealedBlocks: EspLimits.GcmBlocksMax - 3);
        RefusesToSeal(ref _peer);
        _gateway.Wear(openedBlocks: EspLimits.GcmBlocksRekey);
        _gateway.NeedsRekey.ShouldBeTrue();

        Pair(Gcm() with { Cipher = EspCipher.ChaCha20Poly1305 });
        _peer.Wear(lastSent: 1, sealedBlocks: EspLimits.GcmBlocksMax, openedBlocks: EspLimits.GcmBlocksMax);
        Seal(ref _peer, Udp(1));
        _peer.NeedsRekey.ShouldBeFalse();
    }

    [Fact]
    public void Lifetimes_are_first_soft_and_then_hard()
    {
        var inner = Udp(72);
        inner.Length.ShouldBe(100);
        Pair(Gcm(), lifetime: new EspLifetime(300, 500, 0, 0));
        for (var i = 1; i <= 5; i++)
        {
            Open(ref _gateway, Seal(ref _peer, inner), out _).ShouldBe(DropReason.None);
            (_peer.NeedsRekey, _gateway.NeedsRekey).ShouldBe((i >= 3, i >= 3));
        }

        RefusesToSeal(ref _peer);
        Pair(Gcm(), lifetime: new EspLifetime(0, 0, 2, 3));
        byte[] more = [.. inner, 1, 2, 2, 4];
        for (var i = 1; i <= 3; i++)
        {
            Open(ref _gateway, Seal(ref _peer, inner), out _).ShouldBe(DropReason.None);
            (_peer.NeedsRekey, _gateway.NeedsRekey).ShouldBe((i >= 2, i >= 2));
        }

        RefusesToSeal(ref _peer);
        Open(ref _gateway, Raw(more, 9), out _).ShouldBe(DropReason.KeyExhausted);
    }

    [Fact]
    public void An_sa_that_was_forged_too_often_opens_no_more()
    {
        Pair(Gcm());
        _gateway.Wear(badTags: EspLimits.BadTagsMax - 1);
        _gateway.NeedsRekey.ShouldBeTrue();
        var packet = Seal(ref _peer, Udp(1));
        var hostile = packet.ToArray();
        hostile[^1] ^= 1;
        Open(ref _gateway, hostile, out _).ShouldBe(DropReason.BadTag);
        Open(ref _gateway, packet, out _).ShouldBe(DropReason.KeyExhausted);
    }

    [Fact]
    public void The_iv_of_an_aead_is_a_counter_that_goes_on_and_that_of_cbc_shows_none()
    {
        foreach (var suite in new[] { Gcm(), Gcm() with { Cipher = EspCipher.ChaCha20Poly1305 }, Gcm() with { Cipher = EspCipher.Aes256Gmac } })
        {
            Pair(suite);
            var ivs = Enumerable.Range(0, 100).Select(_ => BinaryPrimitives.ReadUInt64BigEndian(Seal(ref _peer, Udp(1)).AsSpan(8))).ToArray();
            ivs.ShouldBe(Enumerable.Range(1, 100).Select(n => (ulong)n));
        }

        Pair(new EspSuite(EspCipher.Aes128Cbc, HashKind.Sha1, false));
        var unpredictable = Enumerable.Range(0, 200).Select(_ => Convert.ToHexString(Seal(ref _peer, Udp(1)).AsSpan(8, 16))).ToArray();
        unpredictable.Distinct().Count().ShouldBe(200);
        unpredictable.ShouldAllBe(iv => !iv.StartsWith("000000", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Padding_of_a_genuine_packet_counts_up_from_one(EspSuite suite)
    {
        Pair(suite);
        var inner = Udp(14);
        var fill = Enumerable.Range(1, 255).Select(n => (byte)n).ToArray();
        var least = Least(suite, inner.Length);
        Open(ref _gateway, Raw([.. inner, .. fill[..least], (byte)least, 4], 1), out var opened).ShouldBe(DropReason.None);
        opened.ShouldBe(inner);
        var long240 = least + 240;
        Open(ref _gateway, Raw([.. inner, .. fill[..long240], (byte)long240, 4], 2), out opened).ShouldBe(DropReason.None);
        opened.ShouldBe(inner);

        var wrong = fill[..(least + 16)];
        wrong[^1]++;
        Open(ref _gateway, Raw([.. inner, .. wrong, (byte)wrong.Length, 4], 3), out _).ShouldBe(DropReason.PaddingInvalid);
        Open(ref _gateway, Raw([.. inner, .. new byte[least + 16], (byte)(least + 16), 4], 4), out _).ShouldBe(DropReason.PaddingInvalid);
        var beyond = Least(suite, 0);
        Open(ref _gateway, Raw([.. new byte[beyond], (byte)(beyond + 1), 4], 5), out _).ShouldBe(DropReason.PaddingInvalid);
        _gateway.OpenedPackets.ShouldBe(5UL, "they were genuine, and come once");
        Open(ref _gateway, Raw([.. inner, .. wrong, (byte)wrong.Length, 4], 3), out _).ShouldBe(DropReason.Replayed);
    }

    [Fact]
    public void What_the_trailer_says_is_what_is_inside()
    {
        Pair(Gcm());
        var v4 = Udp(14);
        var v6 = UdpV6(14);
        byte[] Padded(byte[] inner, byte next) => [.. inner, .. Enumerable.Range(1, Least(Gcm(), inner.Length)).Select(n => (byte)n), (byte)Least(Gcm(), inner.Length), next];
        Open(ref _gateway, Raw(Padded(v4, 41), 1), out _).ShouldBe(DropReason.NextHeaderInvalid);
        Open(ref _gateway, Raw(Padded(v6, 4), 2), out _).ShouldBe(DropReason.NextHeaderInvalid);
        Open(ref _gateway, Raw(Padded(v4, 17), 3), out _).ShouldBe(DropReason.NextHeaderInvalid);
        Open(ref _gateway, Raw([0xff, .. new byte[40], 1, 1, 0], 10), out _).ShouldBe(DropReason.NextHeaderInvalid);
        Open(ref _gateway, Raw(Padded(v4, 59), 4), out _).ShouldBe(DropReason.DummyPacket);
        Open(ref _gateway, Raw([1, 2, 2, 59], 5), out _).ShouldBe(DropReason.DummyPacket);
        Open(ref _gateway, Raw([1, 2, 2, 4], 6), out _).ShouldBe(DropReason.NextHeaderInvalid);
        Open(ref _gateway, Raw(Padded(v4[..12], 4), 7), out _).ShouldBe(DropReason.IpMalformed);
        Open(ref _gateway, Raw(Padded(v4[..^1], 4), 8), out _).ShouldBe(DropReason.IpMalformed);
        Open(ref _gateway, Raw(Padded(v6[..^1], 41), 9), out _).ShouldBe(DropReason.IpMalformed);
    }

    [Fact]
    public void Padding_that_hides_a_length_is_taken_and_made()
    {
        Pair(Gcm());
        var inner = Udp(14);
        byte[] hidden = [.. inner, .. _entropy.Bytes(500)];
        var padding = Least(Gcm(), hidden.Length);
        Open(ref _gateway, Raw([.. hidden, .. Enumerable.Range(1, padding).Select(n => (byte)n), (byte)padding, 4], 1), out var opened).ShouldBe(DropReason.None);
        opened.ShouldBe(inner);

        Pair(Gcm(), padTo: 600);
        var lengths = new HashSet<int>();
        for (var payload = 0; payload < 500; payload += 50)
        {
            var small = Udp(payload);
            var packet = Seal(ref _peer, small);
            lengths.Add(packet.Length);
            Open(ref _gateway, packet, out opened).ShouldBe(DropReason.None);
            opened.ShouldBe(small);
        }

        lengths.Count.ShouldBe(1);
        Open(ref _gateway, Seal(ref _peer, Udp(900)), out _).ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Sealing_opening_and_refusing_allocate_nothing(EspSuite suite)
    {
        Pair(suite);
        var buffer = new byte[1600];
        var inner = Udp(1200);
        var pair = new[] { _peer, _gateway };
        Allocations.Of(() =>
        {
            inner.CopyTo(buffer, 100);
            if (!pair[0].Seal(buffer, 100, inner.Length, out var start, out var length))
            {
                return false;
            }

            var packet = buffer.AsSpan(start, length);
            packet[^1] ^= 1;
            if (pair[1].Open(packet, out _, out _) != DropReason.BadTag)
            {
                return false;
            }

            // A refused AEAD packet is erased; the next one is whole.
            inner.CopyTo(buffer, 100);
            return pair[0].Seal(buffer, 100, inner.Length, out start, out length)
                && pair[1].Open(buffer.AsSpan(start, length), out _, out var opened) == DropReason.None && opened == inner.Length;
        }).ShouldBe(0);
    }

    [Fact]
    public void No_key_seals_and_opens_nothing()
    {
        var none = default(EspSa);
        none.Exists.ShouldBeFalse();
        none.Seal(new byte[200], 96, 20, out _, out _).ShouldBeFalse();
        none.Open(new byte[64], out _, out _).ShouldBe(DropReason.UnknownKey);
        none.NeedsRekey.ShouldBeFalse();
        none.Free();

        Pair(Gcm());
        _gateway.Free();
        Open(ref _gateway, Seal(ref _peer, Udp(1)), out _).ShouldBe(DropReason.UnknownKey);
    }

    [Fact]
    public void Mistakes_of_ours_are_told()
    {
        Pair(Gcm());
        Should.Throw<InvariantException>(() => _peer.Seal(new byte[100], _peer.Headroom - 1, 20, out _, out _));
        Should.Throw<InvariantException>(() => _peer.Seal(new byte[100], 60, 40, out _, out _));
        Should.Throw<InvariantException>(() => EspSa.Create(Gcm(), EspMode.Tunnel, 255, PeerSpi, new byte[36], new byte[36]));
        Should.Throw<InvariantException>(() => EspSa.Create(Gcm(), EspMode.Tunnel, OurSpi, PeerSpi, new byte[32], new byte[36]));
        _peer.SealedPackets.ShouldBe(0UL);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void The_largest_inner_packet_fits_and_a_longer_one_does_not(EspSuite suite)
    {
        foreach (var (isV6, isUdp, mtu) in new[] { (false, true, 1500), (false, false, 1500), (true, true, 1280), (true, false, 1492), (false, true, 576) })
        {
            Pair(suite);
            var max = EspOverhead.MaxPacket(suite, EspMode.Tunnel, isV6, isUdp, mtu);
            var outer = (isV6 ? 40 : 20) + (isUdp ? 8 : 0);
            (outer + Seal(ref _peer, Udp(max - 28)).Length).ShouldBeLessThanOrEqualTo(mtu);
            (outer + Seal(ref _peer, Udp(max - 27)).Length).ShouldBeGreaterThan(mtu);

            Pair(suite, EspMode.Transport);
            max = EspOverhead.MaxPacket(suite, EspMode.Transport, outerIsV6: false, isUdp, mtu);
            outer = 20 + (isUdp ? 8 : 0);
            (outer + Seal(ref _peer, Udp(max - 28)).Length).ShouldBeLessThanOrEqualTo(mtu);
            (outer + Seal(ref _peer, Udp(max - 27)).Length).ShouldBeGreaterThan(mtu);
        }

        EspOverhead.MaxPacket(suite, EspMode.Tunnel, outerIsV6: true, isUdp: true, 60).ShouldBe(0);
    }

    private sealed class Held(EspSa sa) : IDisposable
    {
        public EspSa Sa = sa;

        public void Dispose() => Sa.Free();
    }

    private static EspSuite Gcm() => new(EspCipher.Aes256Gcm, default, ExtendedSequence: false);

    private static byte[] Udp(int payload) => Build.Udp("10.20.0.5", 4711, "10.20.0.9", 53, payload);

    private static byte[] UdpV6(int payload) => Build.Udp("fd00::5", 4711, "fd00::9", 53, payload);

    private static int Least(EspSuite suite, int payload) => -(payload + 2) & (suite.Alignment - 1);

    private static byte[] Keymat(EspSuite suite, ulong seed) => new SeededEntropy(seed).Bytes(suite.KeyLength);

    private void Pair(
        EspSuite suite, EspMode mode = EspMode.Tunnel, EspEnds ends = default, EspLifetime lifetime = default, ushort padTo = 0)
    {
        ends = mode == EspMode.Transport && ends == default ? Ends : ends;
        _gateway.Free();
        _peer.Free();
        var (inbound, outbound) = (Keymat(suite, 11), Keymat(suite, 12));
        _gateway = EspSa.Create(suite, mode, OurSpi, PeerSpi, inbound, outbound, lifetime, ends, padTo);
        _peer = EspSa.Create(suite, mode, PeerSpi, OurSpi, outbound, inbound, lifetime, ends with { Local = ends.Remote, Remote = ends.Local }, padTo);
    }

    /// <summary>A packet of the peer's with this number.</summary>
    private byte[] Sealed(ulong sequence)
    {
        _peer.Wear(lastSent: sequence - 1);
        var packet = Seal(ref _peer, Udp(20));
        _peer.Wear();
        return packet;
    }

    /// <summary>What the peer may send and ours would not: the plaintext with its trailer, under a good tag, by another implementation.</summary>
    private byte[] Raw(byte[] text, uint sequence) => NaiveEsp.Seal(_gateway.Suite, OurSpi, sequence, Keymat(_gateway.Suite, 11), text);

    private static void RefusesToSeal(ref EspSa sa)
    {
        var buffer = new byte[200];
        Udp(1).CopyTo(buffer, 64);
        var before = buffer.ToArray();
        sa.Seal(buffer, 64, 29, out _, out var length).ShouldBeFalse();
        length.ShouldBe(0);
        buffer.ShouldBe(before);
    }

    private static byte[] Seal(ref EspSa sa, ReadOnlySpan<byte> inner)
    {
        var buffer = new byte[sa.Headroom + inner.Length + sa.Tailroom(inner.Length)];
        inner.CopyTo(buffer.AsSpan(sa.Headroom));
        sa.Seal(buffer, sa.Headroom, inner.Length, out var start, out var length).ShouldBeTrue();
        return buffer.AsSpan(start, length).ToArray();
    }

    private static DropReason Open(ref EspSa sa, byte[] packet, out byte[] inner)
    {
        byte[] buffer = [.. new byte[sa.OpeningHeadroom], .. packet];
        var reason = sa.Open(buffer, sa.OpeningHeadroom, packet.Length, out var start, out var length);
        inner = buffer.AsSpan(start, length).ToArray();
        return reason;
    }
}
