using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// Data packets of every cipher, format and framing. Input: <c>cipher 1 | format 1 | way 1 | bytes</c>; format: bits 0-1 compression framing, bit 2 peer
/// id, bits 3-4 digest. Way 0: the bytes are what arrives. Way 1: the peer seals them. Way 2: as 1, and the last three bytes change the packet.
/// Way 3: the peer seals them as a framed packet, so that the framing is the input's. Way 4: CBC, the bytes are the plaintext with its packet id and
/// padding, under a good MAC.
/// </summary>
internal sealed class DataPacketTarget : FuzzTarget
{
    private const int Ciphers = 5;
    private const int InnerMax = 2048;

    /// <summary>What none but a peer with our keys can send; the worst that MAC and padding let through.</summary>
    private static readonly KeyMaterial Material = new(new Chance(13).Bytes(KeyMaterial.Length));

    public override string Name => "data-packet";

    public override int InputMax => InnerMax;

    public override int ReplayMutations => 6000;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        byte[] inner = [0x45, .. new Chance(14).Bytes(59)];
        for (var cipher = 0; cipher < Ciphers; cipher++)
        {
            var name = ((DataCipher)cipher).Name().ToLowerInvariant();
            for (var compression = 0; compression < 4; compression++)
            {
                var format = (byte)(compression | 4 | ((cipher % 3) << 3));
                yield return ($"{name}-{compression}-sealed", [(byte)cipher, format, 1, .. inner]);
                yield return ($"{name}-{compression}-framed", [(byte)cipher, format, 3, (byte)(compression == 2 ? 0xfb : 0xfa), .. inner]);
            }

            foreach (var format in (byte[])[4, 0, 12])
            {
                yield return ($"{name}-arrives-{format}", [(byte)cipher, format, 0, .. Arriving((DataCipher)cipher, format, inner)]);
            }

            yield return ($"{name}-changed", [(byte)cipher, 4, 2, .. inner, 0, 20, 0x10]);
            yield return ($"{name}-v2-escape", [(byte)cipher, 7, 3, 0x50, 0x00, .. inner]);
            yield return ($"{name}-ping", [(byte)cipher, 4, 1, .. Ping.Payload]);
        }

        yield return ("cbc-raw", [3, 12, 4, 0, 0, 0, 1, 0x45, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 2]);
        yield return ("cbc-raw-all-padding", [3, 12, 4, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16]);
        yield return ("cbc-raw-no-packet", [4, 12, 4, 0, 0, 0, 1, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.Length < 4)
        {
            return;
        }

        var format = Format((DataCipher)(input[0] % Ciphers), input[1]);
        var way = input[2] % 5;
        var bytes = input[3..];
        probe.Reach((input[0] % Ciphers << 8) | (input[1] & 7));
        var opening = DataKey.Create(Material, format, isServer: true, keyId: 1, peerId: 5);
        try
        {
            switch (way)
            {
                case 0:
                    byte[] arrived = [.. bytes];
                    Open(ref opening, arrived, out _, out _, probe);
                    break;
                case 4 when !format.Cipher.IsAead():
                    RunRaw(ref opening, format, bytes, probe);
                    break;
                case 3:
                    RunSealed(ref opening, format with { Compression = CompressionFraming.None }, bytes, default, isFramed: true, probe);
                    break;
                case 2 when bytes.Length > 3:
                    RunSealed(ref opening, format, bytes[..^3], bytes[^3..], isFramed: false, probe);
                    break;
                default:
                    RunSealed(ref opening, format, bytes, default, isFramed: false, probe);
                    break;
            }
        }
        finally
        {
            opening.Free();
        }
    }

    private static DataFormat Format(DataCipher cipher, byte knobs) =>
        new(cipher, (HashKind)((knobs >> 3) & 3), (knobs & 4) != 0, (CompressionFraming)(knobs & 3));

    private static byte[] Arriving(DataCipher cipher, byte format, byte[] inner)
    {
        var key = DataKey.Create(Material, Format(cipher, format), isServer: false, keyId: 1, peerId: 5);
        var packet = Seal(ref key, inner);
        key.Free();
        return packet;
    }

    private static byte[] Seal(ref DataKey key, ReadOnlySpan<byte> inner)
    {
        var buffer = new byte[key.Headroom + inner.Length + key.Tailroom];
        inner.CopyTo(buffer.AsSpan(key.Headroom));
        return key.Seal(buffer, key.Headroom, inner.Length, out var start, out var length) ? buffer[start..(start + length)] : [];
    }

    private static void RunSealed(
        ref DataKey opening, DataFormat sealing, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> change, bool isFramed, Probe probe)
    {
        var key = DataKey.Create(Material, sealing, isServer: false, keyId: 1, peerId: 5);
        var packet = Seal(ref key, bytes);
        key.Free();
        probe.That(packet.Length >= bytes.Length, "a packet holds what was sealed");
        if (!change.IsEmpty && change[2] != 0)
        {
            // Opcode and peer id choose the key, and are covered by the tag of AEAD P_DATA_V2 alone.
            var free = sealing.Cipher.IsAead() && sealing.UsePeerId ? 0 : sealing.UsePeerId ? 4 : 1;
            var at = free + (((change[0] << 8) | change[1]) % (packet.Length - free));
            packet[at] ^= change[2];
            probe.That(Open(ref opening, packet, out _, out _, probe) != DropReason.None, "a packet that was changed does not open");
            return;
        }

        var again = packet.ToArray();
        var reason = Open(ref opening, packet, out var start, out var length, probe);
        if (!isFramed)
        {
            probe.That(reason == DropReason.None && packet.AsSpan(start, length).SequenceEqual(bytes), "what the peer seals is what we open");
        }

        probe.That(Open(ref opening, again, out _, out _, probe) == DropReason.Replayed, "the same packet again is a replay");
    }

    /// <summary>The bytes, cut to whole blocks, as the plaintext of a CBC packet.</summary>
    private static void RunRaw(ref DataKey opening, DataFormat format, ReadOnlySpan<byte> bytes, Probe probe)
    {
        bytes = bytes[..(bytes.Length / CbcContext.BlockLength * CbcContext.BlockLength)];
        var head = format.UsePeerId ? 4 : 1;
        var mac = format.Auth.Length();
        var packet = new byte[head + mac + CbcContext.BlockLength + bytes.Length];
        packet[0] = (byte)(((format.UsePeerId ? 9 : 6) << 3) | 1);
        var iv = packet.AsSpan(head + mac, CbcContext.BlockLength);
        var text = packet.AsSpan(head + mac + CbcContext.BlockLength);
        iv.Fill(0x17);
        bytes.CopyTo(text);
        var cipher = CbcContext.ForEncrypting(Material.CipherSlot(serverToClient: false)[..format.Cipher.KeyLength()]);
        var hmac = HmacContext.Create(format.Auth, Material.HmacSlot(serverToClient: false)[..mac]);
        cipher.Transform(iv, text);
        hmac.Compute(packet.AsSpan(head + mac), packet.AsSpan(head, mac));
        cipher.Free();
        hmac.Free();
        var reason = Open(ref opening, packet, out var start, out var length, probe);
        if (reason == DropReason.None && format.Compression == CompressionFraming.None)
        {
            probe.That(BinaryPrimitives.ReadUInt32BigEndian(bytes) != 0, "packet id 0 is none");
            probe.That(packet.AsSpan(start, length).SequenceEqual(bytes[4..(4 + length)]), "the inner packet is what was encrypted");
            probe.That(bytes.Length - 4 - length is >= 1 and <= 16, "padding is 1 to 16 bytes");
        }
    }

    private static DropReason Open(ref DataKey key, byte[] packet, out int start, out int length, Probe probe)
    {
        var opened = key.OpenedPackets;
        var meter = Probe.StartMeter();
        var reason = key.Open(packet, out start, out length);
        probe.AllocatedAtMost(meter, 0, "opening a data packet");
        probe.Reach((long)reason);
        if (reason == DropReason.None)
        {
            var inner = packet.AsSpan(start, length);
            probe.Size(length);
            probe.That(length > 0 && start > 0, "an inner packet lies behind its head and is not empty");
            probe.Reach((Ping.Is(inner) ? 1 : 0) | (Occ.Is(inner) ? 2 : 0) | (Occ.TryRead(inner, out var type) ? 4 + ((int)type << 4) : 0));
        }
        else
        {
            probe.That(start == 0 && length == 0, "a packet that was refused has no inner packet");
        }

        probe.That(key.OpenedPackets - opened <= 1, "one packet counts once");
        return reason;
    }
}
