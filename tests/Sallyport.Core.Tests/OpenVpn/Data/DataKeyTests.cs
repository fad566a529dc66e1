using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.OpenVpn.Data;

public sealed class DataKeyTests : IDisposable
{
    private readonly KeyMaterial _material = new(new SeededEntropy(256).Bytes(256));
    private readonly SeededEntropy _entropy = new(1);
    private DataKey _server;
    private DataKey _client;

    public void Dispose()
    {
        _server.Free();
        _client.Free();
        _material.Dispose();
    }

    internal static IReadOnlyList<DataFormat> AllFormats { get; } =
    [
        .. from cipher in Enum.GetValues<DataCipher>()
           from auth in cipher.IsAead() ? [default] : Enum.GetValues<HashKind>()
           from framing in Enum.GetValues<CompressionFraming>()
           from usePeerId in new[] { false, true }
           select new DataFormat(cipher, auth, usePeerId, framing),
    ];

    public static TheoryData<DataFormat> Formats => [.. AllFormats];

    public static TheoryData<DataFormat> FormatsWithoutFraming =>
        [.. AllFormats.Where(format => format.Compression == CompressionFraming.None)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_one_side_seals_the_other_opens(DataFormat format)
    {
        Tunnel(format);
        format.Headroom.ShouldBeLessThanOrEqualTo(DataLimits.HeadroomMax);
        format.Tailroom.ShouldBeLessThanOrEqualTo(DataLimits.TailroomMax);
        for (var length = 1; length <= 80; length++)
        {
            foreach (var first in new byte[] { 0x45, 0x50, 0x60, 0xfa, 0xfb, 0x66, 0x00 })
            {
                var inner = _entropy.Bytes(length);
                inner[0] = first;
                Open(ref _server, Seal(ref _client, inner), out var opened).ShouldBe(DropReason.None);
                opened.ShouldBe(inner);
                Open(ref _client, Seal(ref _server, inner), out opened).ShouldBe(DropReason.None);
                opened.ShouldBe(inner);
            }
        }

        _client.SealedPackets.ShouldBe(560u);
        _server.OpenedPackets.ShouldBe(560UL);
        _server.BadTags.ShouldBe(0UL);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Nothing_outside_the_rooms_is_touched(DataFormat format)
    {
        Tunnel(format);
        for (var length = 1; length < 40; length++)
        {
            var buffer = new byte[8 + format.Headroom + length + format.Tailroom + 8];
            buffer.AsSpan().Fill(0xcc);
            _client.Seal(buffer, 8 + format.Headroom, length, out var start, out var sealedLength).ShouldBeTrue();
            start.ShouldBeGreaterThanOrEqualTo(8);
            (start + sealedLength).ShouldBeLessThanOrEqualTo(buffer.Length - 8);
            buffer.AsSpan(0, start).ContainsAnyExcept((byte)0xcc).ShouldBeFalse();
            // A CBC packet pads within the room it was given.
            buffer.AsSpan(start + sealedLength).ContainsAnyExcept((byte)0xcc).ShouldBeFalse();
        }
    }

    [Theory]
    [MemberData(nameof(FormatsWithoutFraming))]
    public void Heads_carry_opcode_key_and_peer(DataFormat format)
    {
        _client = DataKey.Create(_material, format, isServer: false, keyId: 5, peerId: 0xabcdef);
        var packet = Seal(ref _client, [0x45]);
        packet.AsSpan(0, format.UsePeerId ? 4 : 1).ToArray().ShouldBe(format.UsePeerId ? [0x4d, 0xab, 0xcd, 0xef] : [0x35]);
    }

    [Theory]
    [MemberData(nameof(FormatsWithoutFraming))]
    public void Every_flipped_bit_is_refused(DataFormat format)
    {
        Tunnel(format);
        var packet = Seal(ref _client, _entropy.Bytes(50));
        ulong forged = 0;
        // CBC packets authenticate no head, and V1 packets none of theirs: the caller's choice of key does.
        var first = format.Cipher.IsAead() && format.UsePeerId ? 0 : format.UsePeerId ? 4 : 1;
        for (var bit = first * 8; bit < packet.Length * 8; bit++)
        {
            var hostile = packet.ToArray();
            hostile[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            var isOpcode = bit < 5;
            Open(ref _server, hostile, out _).ShouldBe(isOpcode ? DropReason.UnknownOpcode : DropReason.BadTag);
            forged += isOpcode ? 0UL : 1;
        }

        _server.BadTags.ShouldBe(forged);
        _server.OpenedPackets.ShouldBe(0UL);
        Open(ref _server, packet, out _).ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_cut_is_refused(DataFormat format)
    {
        Tunnel(format);
        var packet = Seal(ref _client, _entropy.Bytes(50));
        for (var length = 0; length < packet.Length; length++)
        {
            Open(ref _server, packet[..length], out _).ShouldBeOneOf(DropReason.TooShort, DropReason.BadTag);
        }

        Open(ref _server, [.. packet, 0], out _).ShouldBe(DropReason.BadTag);
        Open(ref _server, packet, out _).ShouldBe(DropReason.None);
    }

    [Theory]
    [MemberData(nameof(FormatsWithoutFraming))]
    public void Mutated_packets_never_open_and_never_throw(DataFormat format)
    {
        Tunnel(format);
        var packet = Seal(ref _client, _entropy.Bytes(90));
        var head = format.UsePeerId ? 4 : 1;
        for (var i = 0; i < 2000; i++)
        {
            var hostile = Mutations.Mutate(packet, _entropy);
            // A changed head before an unchanged rest is genuine where the format says so.
            if (hostile.Length == packet.Length && hostile.AsSpan(head).SequenceEqual(packet.AsSpan(head)))
            {
                continue;
            }

            Open(ref _server, hostile, out _).ShouldBeOneOf(DropReason.TooShort, DropReason.BadTag, DropReason.UnknownOpcode);
        }

        _server.OpenedPackets.ShouldBe(0UL);
    }

    [Theory]
    [MemberData(nameof(FormatsWithoutFraming))]
    public void A_packet_opens_once(DataFormat format)
    {
        Tunnel(format);
        var packets = Enumerable.Range(0, 20).Select(_ => Seal(ref _client, _entropy.Bytes(20))).ToArray();
        for (var i = packets.Length - 1; i >= 0; i--)
        {
            Open(ref _server, packets[i], out _).ShouldBe(DropReason.None);
            Open(ref _server, packets[i], out _).ShouldBe(DropReason.Replayed);
        }

        _server.Replays.ShouldBe(20UL);
    }

    [Fact]
    public void A_forged_packet_does_not_move_the_window()
    {
        Tunnel(Aead());
        var packet = Seal(ref _client, [0x45, 1]);
        var hostile = packet.ToArray();
        hostile[4] = 0xff;
        Open(ref _server, hostile, out _).ShouldBe(DropReason.BadTag);
        Open(ref _server, packet, out _).ShouldBe(DropReason.None);
    }

    [Fact]
    public void A_replayed_packet_with_a_broken_tag_is_a_bad_tag()
    {
        Tunnel(Aead());
        var packet = Seal(ref _client, [0x45, 1]);
        Open(ref _server, packet, out _).ShouldBe(DropReason.None);
        packet[^1] ^= 1;
        Open(ref _server, packet, out _).ShouldBe(DropReason.BadTag);
    }

    [Fact]
    public void Packet_id_zero_is_refused_even_where_it_is_genuine()
    {
        Tunnel(Aead());
        using var context = new OwnAead(_material);
        Open(ref _server, context.Packet(0, [0x45]), out _).ShouldBe(DropReason.Replayed);
        Open(ref _server, context.Packet(1, [0x45]), out _).ShouldBe(DropReason.None);
    }

    [Fact]
    public void An_aead_packet_without_a_payload_is_too_short()
    {
        Tunnel(Aead());
        using var context = new OwnAead(_material);
        Open(ref _server, context.Packet(1, []), out _).ShouldBe(DropReason.TooShort);
    }

    [Fact]
    public void A_side_does_not_open_what_it_sealed()
    {
        Tunnel(Aead());
        Open(ref _client, Seal(ref _client, [0x45]), out _).ShouldBe(DropReason.BadTag);
    }

    [Fact]
    public void Both_packet_versions_are_taken_whatever_is_sent()
    {
        Tunnel(Aead() with { UsePeerId = false });
        _client.Free();
        _client = DataKey.Create(_material, Aead(), isServer: false, keyId: 0, peerId: 7);
        Open(ref _server, Seal(ref _client, [0x45]), out _).ShouldBe(DropReason.None);
    }

    [Theory]
    [InlineData(0x30, 0x20)]
    [InlineData(0x38, 0x20)]
    [InlineData(0xf8, 0x20)]
    public void Other_opcodes_are_refused(byte head, int length)
    {
        Tunnel(Aead());
        var packet = new byte[length];
        packet[0] = head;
        Open(ref _server, packet, out _).ShouldBe(head == 0x30 ? DropReason.BadTag : DropReason.UnknownOpcode);
    }

    [Fact]
    public void Packet_ids_never_roll_over_CVE_2017_7479()
    {
        Tunnel(Aead());
        _client.Wear(uint.MaxValue - 2, 0, 0, 0);
        Open(ref _server, Seal(ref _client, [0x45]), out _).ShouldBe(DropReason.None);
        Open(ref _server, Seal(ref _client, [0x45]), out _).ShouldBe(DropReason.None);
        _server.NeedsRenegotiation.ShouldBeTrue();
        for (var i = 0; i < 3; i++)
        {
            var buffer = new byte[128];
            _client.Seal(buffer, 96, 1, out _, out var length).ShouldBeFalse();
            length.ShouldBe(0);
            buffer.ShouldAllBe(b => b == 0);
        }
    }

    [Theory]
    [InlineData(0xfeff_fffe, false)]
    [InlineData(0xfeff_ffff, true)]
    public void Renegotiation_is_due_from_packet_id_ff000000(uint sent, bool due)
    {
        Tunnel(Aead());
        _client.Wear(sent, 0, 0, 0);
        _client.NeedsRenegotiation.ShouldBeFalse();
        Seal(ref _client, [0x45]);
        _client.NeedsRenegotiation.ShouldBe(due);
    }

    [Fact]
    public void A_gcm_key_wears_out_by_blocks_and_a_chacha_key_does_not()
    {
        Tunnel(Aead());
        _client.Wear(1, DataLimits.GcmBlocksRenegotiate - 2, 0, 0);
        _client.NeedsRenegotiation.ShouldBeFalse();
        Seal(ref _client, [0x45]);
        _client.NeedsRenegotiation.ShouldBeTrue();
        _client.Wear(1, DataLimits.GcmBlocksMax - 3, 0, 0);
        Seal(ref _client, [0x45]);
        _client.Seal(new byte[128], 96, 1, out _, out _).ShouldBeFalse();

        _server.Wear(0, 0, DataLimits.GcmBlocksRenegotiate, 0);
        _server.NeedsRenegotiation.ShouldBeTrue();

        Tunnel(Aead() with { Cipher = DataCipher.ChaCha20Poly1305 });
        _client.Wear(1, DataLimits.GcmBlocksMax, DataLimits.GcmBlocksMax, 0);
        Seal(ref _client, [0x45]);
        _client.NeedsRenegotiation.ShouldBeFalse();
    }

    [Fact]
    public void A_key_that_was_forged_too_often_opens_no_more()
    {
        Tunnel(Aead());
        _server.Wear(0, 0, 0, DataLimits.BadTagsMax - 1);
        _server.NeedsRenegotiation.ShouldBeTrue();
        var packet = Seal(ref _client, [0x45]);
        var hostile = packet.ToArray();
        hostile[^1] ^= 1;
        Open(ref _server, hostile, out _).ShouldBe(DropReason.BadTag);
        Open(ref _server, packet, out _).ShouldBe(DropReason.KeyExhausted);
    }

    [Theory]
    [InlineData(CompressionFraming.Lzo, new byte[] { 0x66, 1, 2 }, DropReason.CompressedPayload)]
    [InlineData(CompressionFraming.Lzo, new byte[] { 0x45, 1, 2 }, DropReason.CompressedPayload)]
    [InlineData(CompressionFraming.Lzo, new byte[] { 0xfa }, DropReason.TooShort)]
    [InlineData(CompressionFraming.StubSwap, new byte[] { 0x69, 1, 2 }, DropReason.CompressedPayload)]
    [InlineData(CompressionFraming.StubSwap, new byte[] { 0x66, 1, 2 }, DropReason.CompressedPayload)]
    [InlineData(CompressionFraming.StubSwap, new byte[] { 0xfb }, DropReason.TooShort)]
    [InlineData(CompressionFraming.StubV2, new byte[] { 0x50, 1, 2 }, DropReason.CompressedPayload)]
    [InlineData(CompressionFraming.StubV2, new byte[] { 0x50 }, DropReason.CompressedPayload)]
    [InlineData(CompressionFraming.StubV2, new byte[] { 0x50, 0 }, DropReason.TooShort)]
    public void Compressed_payloads_are_dropped_by_name(CompressionFraming framing, byte[] payload, DropReason expected)
    {
        Tunnel(Aead());
        _server.Free();
        _server = DataKey.Create(_material, Aead() with { Compression = framing }, isServer: true, keyId: 0, peerId: 7);
        var packet = Seal(ref _client, payload);
        Open(ref _server, packet, out var opened).ShouldBe(expected);
        opened.ShouldBeEmpty();
        Open(ref _server, packet, out _).ShouldBe(DropReason.Replayed);
    }

    [Theory]
    [InlineData(CompressionFraming.Lzo, new byte[] { 0x45, 1, 2 }, new byte[] { 0xfa, 0x45, 1, 2 })]
    [InlineData(CompressionFraming.StubSwap, new byte[] { 0x45, 1, 2 }, new byte[] { 0xfb, 1, 2, 0x45 })]
    [InlineData(CompressionFraming.StubV2, new byte[] { 0x45, 1, 2 }, new byte[] { 0x45, 1, 2 })]
    [InlineData(CompressionFraming.StubV2, new byte[] { 0x50, 1, 2 }, new byte[] { 0x50, 0, 0x50, 1, 2 })]
    public void Framing_is_the_uncompressed_form(CompressionFraming framing, byte[] inner, byte[] framed)
    {
        Tunnel(Aead());
        _client.Free();
        _client = DataKey.Create(_material, Aead() with { Compression = framing }, isServer: false, keyId: 0, peerId: 7);
        Open(ref _server, Seal(ref _client, inner), out var opened).ShouldBe(DropReason.None);
        opened.ShouldBe(framed);
    }

    [Fact]
    public void Padding_of_a_genuine_packet_is_checked_after_its_mac()
    {
        Tunnel(Cbc(HashKind.Sha256));
        foreach (var text in new byte[][]
        {
            [0, 0, 0, 1, 0x45, .. new byte[11]],
            [0, 0, 0, 1, 0x45, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 17],
            [0, 0, 0, 1, 0x45, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 3],
        })
        {
            Open(ref _server, CbcPacket(text), out _).ShouldBe(DropReason.BadTag);
        }

        Open(ref _server, CbcPacket([0, 0, 0, 1, .. Enumerable.Repeat((byte)12, 12)]), out _).ShouldBe(DropReason.TooShort);
        Open(ref _server, CbcPacket([.. Enumerable.Repeat((byte)16, 16)]), out _).ShouldBe(DropReason.TooShort);
        Open(ref _server, CbcPacket([0, 0, 0, 1, 0x45, .. Enumerable.Repeat((byte)11, 11)]), out var inner).ShouldBe(DropReason.None);
        inner.ShouldBe([0x45]);
    }

    [Fact]
    public void Cbc_ivs_do_not_repeat_and_show_no_counter()
    {
        Tunnel(Cbc(HashKind.Sha1));
        var ivs = Enumerable.Range(0, 200).Select(_ => Convert.ToHexString(Seal(ref _client, [0x45]).AsSpan(24, 16))).ToArray();
        ivs.Distinct().Count().ShouldBe(200);
        ivs.ShouldAllBe(iv => !iv.StartsWith("000000", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Sealing_and_opening_allocate_nothing(DataFormat format)
    {
        Tunnel(format);
        var buffer = new byte[1600];
        var keys = new[] { _client, _server };
        Allocations.Of(() =>
        {
            if (!keys[0].Seal(buffer, DataLimits.HeadroomMax, 1400, out var start, out var length))
            {
                return false;
            }

            return keys[1].Open(buffer.AsSpan(start, length), out _, out var inner) == DropReason.None && inner == 1400;
        }).ShouldBe(0);
    }

    [Fact]
    public void Refusing_a_forged_packet_allocates_nothing()
    {
        foreach (var format in new[] { Aead(), Cbc(HashKind.Sha256) })
        {
            Tunnel(format);
            var packet = Seal(ref _client, new byte[64]);
            packet[^1] ^= 1;
            var keys = new[] { _server };
            Allocations.Of(() => keys[0].Open(packet, out _, out _) == DropReason.BadTag).ShouldBe(0);
        }
    }

    [Fact]
    public void No_key_seals_and_opens_nothing()
    {
        var none = default(DataKey);
        none.Exists.ShouldBeFalse();
        none.Seal(new byte[200], 96, 10, out _, out _).ShouldBeFalse();
        none.Open([0x48, 0, 0, 0], out _, out _).ShouldBe(DropReason.UnknownKey);
        none.NeedsRenegotiation.ShouldBeFalse();
        none.Free();

        Tunnel(Aead());
        _server.Free();
        _server.Exists.ShouldBeFalse();
        Open(ref _server, Seal(ref _client, [0x45]), out _).ShouldBe(DropReason.UnknownKey);
    }

    [Fact]
    public void A_buffer_without_room_is_a_mistake_of_ours()
    {
        Tunnel(Aead());
        Should.Throw<InvariantException>(() => _client.Seal(new byte[100], _client.Headroom - 1, 10, out _, out _));
        Should.Throw<InvariantException>(() => _client.Seal(new byte[100], 90, 11, out _, out _));
        Should.Throw<InvariantException>(() => _client.Seal(new byte[100], 96, 0, out _, out _));
        _client.SealedPackets.ShouldBe(0u);
    }

    [Fact]
    public void Pings_and_exits_are_told_from_packets()
    {
        Ping.Is(Ping.Payload).ShouldBeTrue();
        Ping.Is([.. Ping.Payload, 0]).ShouldBeFalse();
        var message = new byte[Occ.Length];
        Occ.Write(message, OccType.Exit).ShouldBe(Occ.Length);
        Occ.TryRead(message, out var type).ShouldBeTrue();
        type.ShouldBe(OccType.Exit);
        message[16] = 7;
        Occ.TryRead(message, out _).ShouldBeFalse();
        Occ.TryRead(message.AsSpan(0, 16), out _).ShouldBeFalse();
        Occ.Is(Ping.Payload).ShouldBeFalse();
    }

    private static DataFormat Aead() => new(DataCipher.Aes256Gcm, default, UsePeerId: true, CompressionFraming.None);

    private static DataFormat Cbc(HashKind auth) => new(DataCipher.Aes256Cbc, auth, UsePeerId: true, CompressionFraming.None);

    private void Tunnel(DataFormat format)
    {
        _server.Free();
        _client.Free();
        _server = DataKey.Create(_material, format, isServer: true, keyId: 0, peerId: 7);
        _client = DataKey.Create(_material, format, isServer: false, keyId: 0, peerId: 7);
    }

    private static byte[] Seal(ref DataKey key, ReadOnlySpan<byte> inner)
    {
        var buffer = new byte[key.Headroom + inner.Length + key.Tailroom];
        inner.CopyTo(buffer.AsSpan(key.Headroom));
        key.Seal(buffer, key.Headroom, inner.Length, out var start, out var length).ShouldBeTrue();
        return buffer.AsSpan(start, length).ToArray();
    }

    private static DropReason Open(ref DataKey key, byte[] packet, out byte[] inner)
    {
        var copy = packet.ToArray();
        var reason = key.Open(copy, out var start, out var length);
        inner = copy.AsSpan(start, length).ToArray();
        return reason;
    }

    private byte[] CbcPacket(byte[] text)
    {
        var iv = _entropy.Bytes(16);
        var encrypting = CbcContext.ForEncrypting(_material.CipherSlot(serverToClient: false)[..32]);
        var mac = HmacContext.Create(HashKind.Sha256, _material.HmacSlot(serverToClient: false)[..32]);
        var ciphertext = text.ToArray();
        encrypting.Transform(iv, ciphertext);
        var tag = new byte[32];
        mac.Compute(iv, ciphertext, tag);
        encrypting.Free();
        mac.Free();
        return [0x48, 0, 0, 7, .. tag, .. iv, .. ciphertext];
    }

    /// <summary>A client that may send what ours would not.</summary>
    private sealed class OwnAead(KeyMaterial material) : IDisposable
    {
        private AeadContext _context = AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, material.CipherSlot(serverToClient: false)[..32]);

        public byte[] Packet(byte id, byte[] inner)
        {
            byte[] head = [0x48, 0, 0, 7, 0, 0, 0, id];
            byte[] nonce = [0, 0, 0, id, .. material.HmacSlot(serverToClient: false)[..8]];
            var ciphertext = inner.ToArray();
            var tag = new byte[16];
            _context.Seal(nonce, head, ciphertext, tag);
            return [.. head, .. tag, .. ciphertext];
        }

        public void Dispose() => _context.Free();
    }
}
