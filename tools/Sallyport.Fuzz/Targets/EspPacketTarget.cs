using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// ESP packets of every suite in both modes. Input: <c>cipher 1 | knobs 1 | way 1 | bytes</c>; knobs: bits 0-1 digest, bit 2 extended sequence numbers,
/// bit 3 transport mode, bit 4 its addresses are IPv6, bit 5 behind a NAT, bit 6 TFC padding. Way 0: the bytes are what arrives. Way 1: the
/// peer seals them as an IP packet. Way 2: as 1, and the last three bytes change the packet. Way 3: the bytes are the plaintext with its
/// padding and trailer, cut to whole blocks, under a good tag.
/// </summary>
internal sealed class EspPacketTarget : FuzzTarget
{
    private const int Ciphers = 7;
    private const int InnerMax = 2048;
    private const int Room = 700;
    private const uint OurSpi = 0x1001;
    private const uint PeerSpi = 0x2002;

    private static readonly EspSelectors Selectors = new(
        [new TrafficSelector(17, 5, 6, IpAddress.FromV4(0x0a000000), IpAddress.FromV4(0x0affffff))],
        [new TrafficSelector(0, 0, 7, IpAddress.FromV4(0x0a000000), IpAddress.FromV4(0x0affffff)), new TrafficSelector(1, 0, 255, default, new IpAddress(UInt128.MaxValue))]);

    private static readonly byte[] Keymat = new Chance(21).Bytes(2 * 96);

    public override string Name => "esp-packet";

    public override int InputMax => InnerMax;

    public override int ReplayMutations => 6000;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        byte[] v4 = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 5, 0, 6, 0, 20, 0, 0, .. new Chance(22).Bytes(12)];
        byte[] v6 = [0x60, 0, 0, 0, 0, 8, 58, 64, .. new Chance(23).Bytes(32), 128, 0, 0, 0, 0, 1, 0, 2];
        for (var cipher = 0; cipher < Ciphers; cipher++)
        {
            foreach (var knobs in (byte[])[(byte)(cipher & 3), 4, 8, 28, 44, 65])
            {
                var name = FormattableString.Invariant($"{cipher}-{knobs}");
                yield return (name + "-sealed", [(byte)cipher, knobs, 1, .. (knobs & 16) == 0 ? v4 : v6]);
                yield return (name + "-arrives", [(byte)cipher, knobs, 0, .. Arriving((byte)cipher, knobs, v4)]);
            }

            yield return (FormattableString.Invariant($"{cipher}-changed"), [(byte)cipher, 0, 2, .. v4, 0, 20, 0x10]);
            yield return (FormattableString.Invariant($"{cipher}-plain"), [(byte)cipher, 0, 3, .. v4, 1, 2, 3, 4, 5, 6, 6, 4]);
            yield return (FormattableString.Invariant($"{cipher}-dummy"), [(byte)cipher, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 59]);
            yield return (FormattableString.Invariant($"{cipher}-plain-transport"), [(byte)cipher, 40, 3, .. v4[20..], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 17]);
        }
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.Length < 4)
        {
            return;
        }

        var (cipher, knobs, way) = (input[0], input[1], input[2] % 4);
        var bytes = input[3..];
        var suite = Suite(cipher, knobs);
        probe.Reach((cipher % Ciphers << 8) | (knobs & 60));
        var opening = Make(cipher, knobs, isPeer: false);
        try
        {
            switch (way)
            {
                case 0:
                    Open(ref opening, bytes.ToArray(), out _, probe);
                    break;
                case 3:
                    bytes = bytes[..(bytes.Length / suite.Alignment * suite.Alignment)];
                    Open(ref opening, Raw(suite, bytes), out _, probe);
                    break;
                case 2 when bytes.Length > 3:
                    RunSealed(ref opening, cipher, knobs, bytes[..^3], bytes[^3..], probe);
                    break;
                default:
                    RunSealed(ref opening, cipher, knobs, bytes, default, probe);
                    break;
            }
        }
        finally
        {
            opening.Free();
        }
    }

    private static EspSuite Suite(byte cipher, byte knobs) => new((EspCipher)(cipher % Ciphers), (HashKind)(knobs & 3), (knobs & 4) != 0);

    private static EspSa Make(byte cipher, byte knobs, bool isPeer)
    {
        var suite = Suite(cipher, knobs);
        var mode = (knobs & 8) == 0 ? EspMode.Tunnel : EspMode.Transport;
        var (local, remote) = (knobs & 16) == 0
            ? (IpAddress.FromV4(0x0a000001), IpAddress.FromV4(0x0a000002))
            : (new IpAddress((UInt128)0x2001 << 112), new IpAddress((UInt128)0x2002 << 112));
        var padTo = (ushort)(mode == EspMode.Tunnel && (knobs & 64) != 0 ? 300 : 0);
        var inbound = Keymat.AsSpan(0, suite.KeyLength);
        var outbound = Keymat.AsSpan(96, suite.KeyLength);
        return isPeer
            ? EspSa.Create(suite, mode, PeerSpi, OurSpi, outbound, inbound, default, new EspEnds(remote, local, (knobs & 32) != 0), padTo)
            : EspSa.Create(suite, mode, OurSpi, PeerSpi, inbound, outbound, default, new EspEnds(local, remote, (knobs & 32) != 0), padTo);
    }

    private static byte[] Arriving(byte cipher, byte knobs, byte[] inner)
    {
        var peer = Make(cipher, knobs, isPeer: true);
        var packet = Seal(ref peer, inner);
        peer.Free();
        return packet;
    }

    private static byte[] Seal(ref EspSa sa, ReadOnlySpan<byte> inner)
    {
        if (inner.IsEmpty)
        {
            return [];
        }

        var buffer = new byte[Room + inner.Length + Room];
        inner.CopyTo(buffer.AsSpan(Room));
        return sa.Seal(buffer, Room, inner.Length, out var start, out var length) ? buffer[start..(start + length)] : [];
    }

    private static void RunSealed(ref EspSa opening, byte cipher, byte knobs, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> change, Probe probe)
    {
        var packet = Arriving(cipher, knobs, bytes.ToArray());
        if (packet.Length == 0)
        {
            probe.That(opening.Mode == EspMode.Transport || bytes.IsEmpty, "a tunnel seals whatever there is");
            return;
        }

        if (!change.IsEmpty && change[2] != 0)
        {
            packet[((change[0] << 8) | change[1]) % packet.Length] ^= change[2];
            probe.That(Open(ref opening, packet, out _, probe) != DropReason.None, "a packet that was changed does not open");
            probe.That(opening.OpenedPackets == 0 && opening.HighestOpened == 0, "and moves nothing");
            return;
        }

        var again = packet.ToArray();
        var reason = Open(ref opening, packet, out var inner, probe);
        probe.That(reason is not (DropReason.BadTag or DropReason.Replayed), "what the peer seals is genuine");
        if (reason == DropReason.None && opening.Mode == EspMode.Tunnel)
        {
            probe.That(bytes.Length >= inner.Length ? inner.AsSpan().SequenceEqual(bytes[..inner.Length]) : inner.AsSpan().StartsWith(bytes), "what the peer seals is what we open");
        }

        probe.That(Open(ref opening, again, out _, probe) == DropReason.Replayed, "the same packet again is a replay");
    }

    private static byte[] Raw(EspSuite suite, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return [];
        }

        byte[] head = [0, 0, 0x10, 0x01, 0, 0, 0, 1];
        var ivLength = suite.IsCbc ? 16 : 8;
        var packet = new byte[8 + ivLength + text.Length + suite.TagLength];
        head.CopyTo(packet, 0);
        var covered = packet.AsSpan(..^suite.TagLength);
        var inside = covered[(8 + ivLength)..];
        text.CopyTo(inside);
        var keymat = Keymat.AsSpan(0, suite.KeyLength);
        byte[] high = suite.ExtendedSequence ? [0, 0, 0, 0] : [];
        if (suite.IsCbc)
        {
            var cipher = CbcContext.ForEncrypting(keymat[..suite.CipherKeyLength]);
            cipher.Transform(covered.Slice(8, 16), inside);
            cipher.Free();
            var hmac = HmacContext.Create(suite.Integrity, keymat[suite.CipherKeyLength..]);
            var mac = new byte[suite.Integrity.Length()];
            hmac.Compute(covered, high, mac);
            hmac.Free();
            mac.AsSpan(0, suite.TagLength).CopyTo(packet.AsSpan(covered.Length));
            return packet;
        }

        byte[] nonce = [.. keymat[^4..], .. new byte[8]];
        byte[] aad = [.. head[..4], .. high, .. head[4..]];
        if (suite.IsGmac)
        {
            var gmac = GmacContext.Create(keymat[..^4]);
            gmac.Compute(nonce, aad, covered[8..], packet.AsSpan(covered.Length));
            gmac.Free();
            return packet;
        }

        var aead = AeadContext.ForSealing(suite.Aead, keymat[..^4]);
        aead.Seal(nonce, aad, inside, packet.AsSpan(covered.Length));
        aead.Free();
        return packet;
    }

    private static DropReason Open(ref EspSa sa, byte[] packet, out byte[] inner, Probe probe)
    {
        var opened = sa.OpenedPackets;
        byte[] buffer = [.. new byte[sa.OpeningHeadroom], .. packet];
        var meter = Probe.StartMeter();
        var reason = sa.Open(buffer, sa.OpeningHeadroom, packet.Length, out var start, out var length);
        probe.AllocatedAtMost(meter, 0, "opening an ESP packet");
        probe.Reach((long)reason);
        inner = buffer[start..(start + length)];
        if (reason == DropReason.None)
        {
            probe.Size(length);
            probe.That(length >= 20 && inner[0] >> 4 is 4 or 6, "an inner packet is an IP packet");
            probe.Reach((Selectors.Holds(inner, isOutbound: false) ? 1 : 0) | (Selectors.Holds(inner, isOutbound: true) ? 2 : 0));
            CutUp(inner, probe);
            probe.That(EspTos.Combine(inner.AsSpan(), 0) == DropReason.None, "no mark, no drop");
            probe.Reach((long)EspTos.Combine([.. inner], 3));
        }
        else
        {
            probe.That(start == 0 && length == 0, "a packet that was refused has no inner packet");
        }

        probe.That(sa.OpenedPackets - opened <= 1, "one packet counts once");
        return reason;
    }

    /// <summary>As for a tunnel that is too narrow.</summary>
    private static void CutUp(byte[] inner, Probe probe)
    {
        const int Largest = 92;
        if (!Ipv4Fragments.MayCut(inner))
        {
            return;
        }

        var part = new byte[Largest];
        var (done, before) = (0, 0);
        while (Ipv4Fragments.Next(inner, Largest, ref done, part) is > 0 and var length)
        {
            probe.That(done > before && length <= Largest, "each part brings something and fits");
            before = done;
        }

        probe.That(done == inner.Length - ((inner[0] & 15) * 4) || (inner[0] & 15) < 5 || done == 0, "the parts are the whole");
    }
}
