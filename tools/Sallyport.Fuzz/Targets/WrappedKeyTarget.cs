using System.Buffers.Binary;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// The WKc at the end of a tls-crypt-v2 packet. Input: <c>way 1 | bytes</c>. Way 0: the bytes are what arrives. Way 1: a WKc of ours whose metadata
/// they are, behind an otherwise empty packet. Way 2: as 1, and the first two bytes replace the WKc's length field.
/// </summary>
internal sealed class WrappedKeyTarget : FuzzTarget
{
    /// <summary>A tls-crypt packet's head, replay counter and tag.</summary>
    private const int ControlLength = 9 + 8 + 32 + 20;

    public override string Name => "wrapped-key";

    public override int InputMax => 4096;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        using var wrapper = TlsCryptWrapper.ForClient(Keys.Client);
        var clear = ControlPacketTarget.Write(Opcode.HardResetClientV3, 0, [], 0, []);
        var room = new byte[2 * OpenVpnLimits.MaxControlPacket];
        var length = wrapper.Wrap(clear, room, Keys.Start);
        yield return ("reset-arrives", [0, .. room[..length]]);
        yield return ("key-without-packet", [0, .. Keys.Client.Wkc]);
        yield return ("our-metadata", [1, 0, .. Keys.WrappedKeyId]);
        yield return ("timestamp-metadata", [1, 1, 0, 0, 0, 0, 0x65, 0, 0, 0]);
        yield return ("no-metadata", [1]);
        yield return ("longest-metadata", [1, .. new Chance(6).Bytes(OpenVpnLimits.MaxMetadata)]);
        yield return ("length-too-long", [2, 4, 1, 0, .. Keys.WrappedKeyId]);
        yield return ("length-of-all", [2, 1, 0x79, 0, .. Keys.WrappedKeyId]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var bytes = input[1..];
        switch (input[0] % 3)
        {
            case 0:
                Arrive(bytes, probe);
                break;
            case 1 when bytes.Length <= OpenVpnLimits.MaxMetadata:
                var (length, metadata) = Arrive([.. new byte[ControlLength], .. Keys.Server.WrapClient(Keys.Client.Key256, bytes)], probe);
                probe.That(length == ControlLength && metadata is not null && bytes.SequenceEqual(metadata), "metadata that we wrap is what we unwrap");
                break;
            case 2 when bytes.Length >= 2 && bytes.Length - 2 <= OpenVpnLimits.MaxMetadata:
                byte[] packet = [.. new byte[ControlLength], .. Keys.Server.WrapClient(Keys.Client.Key256, bytes[2..])];
                var truth = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(^2..));
                bytes[..2].CopyTo(packet.AsSpan(^2..));
                var (_, opened) = Arrive(packet, probe);
                probe.That((opened is not null) == (truth == BinaryPrimitives.ReadUInt16BigEndian(bytes)), "a key whose length is a lie is not ours");
                break;
        }
    }

    private static (int ControlLength, byte[]? Metadata) Arrive(ReadOnlySpan<byte> packet, Probe probe)
    {
        Span<byte> key = stackalloc byte[OpenVpnLimits.StaticKeyLength];
        Span<byte> metadata = stackalloc byte[OpenVpnLimits.MaxMetadata];
        var meter = Probe.StartMeter();
        var isCut = WrappedClientKey.TryStrip(packet, out var at);
        var isOurs = Keys.Server.TryUnwrapClient(packet, out var controlLength, key, metadata, out var length);
        probe.AllocatedAtMost(meter, 0, "unwrapping a client key");
        probe.Reach(isCut ? 1 : 0);
        probe.Reach(isOurs ? 1 : 0);
        probe.That(isCut || (!isOurs && at == 0), "nothing is opened where there is no key");
        if (isCut)
        {
            probe.That(at == controlLength && packet.Length - at is >= OpenVpnLimits.MinWrappedKey and <= OpenVpnLimits.MaxWrappedKey, "a WKc has 290 to 1024 bytes");
            probe.That(at >= ControlPacket.HeadLength + TlsCryptOverhead, "what is left of the packet is a tls-crypt packet");
        }

        if (!isOurs)
        {
            return (controlLength, null);
        }

        probe.Size(length);
        probe.Reach(WrappedKeyMetadata.TryRead(metadata[..length], out var id) ? id.Length : -1);
        return (controlLength, metadata[..length].ToArray());
    }

    private const int TlsCryptOverhead = 8 + 32;
}
