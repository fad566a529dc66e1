using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// A packet under one kind of wrapping. Input: <c>variant 1 | way 1 | bytes</c>. Way 0: the bytes are what arrives. Way 1: a peer with the key wraps
/// them. Way 2: as 1, and the last three bytes say where the wrapped packet is changed and how.
/// </summary>
internal abstract class WrappingTarget : FuzzTarget
{
    public override int InputMax => OpenVpnLimits.MaxControlPacket + 128;

    protected abstract int Variants { get; }

    protected abstract (ControlWrapper Peer, ControlWrapper Ours) Create(int variant);

    protected abstract string VariantName(int variant);

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var packets = new ControlPacketTarget().MakeSeeds().Where(seed => seed.Name is "reset" or "control" or "acks").ToList();
        for (var variant = 0; variant < Variants; variant++)
        {
            foreach (var (name, clear) in packets)
            {
                yield return ($"{VariantName(variant)}-{name}-arrives", [(byte)variant, 0, .. Wrap(variant, clear)]);
            }

            yield return ($"{VariantName(variant)}-wrapped", [(byte)variant, 1, .. packets[0].Input]);
            yield return ($"{VariantName(variant)}-changed", [(byte)variant, 2, .. packets[1].Input, 0, 12, 0x80]);
        }
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.Length < 2)
        {
            return;
        }

        var way = input[1] % 3;
        var (peer, ours) = Create(input[0] % Variants);
        try
        {
            if (way == 0)
            {
                Arrive(ours, input[2..], probe);
                return;
            }

            RunWrapped(peer, ours, input[2..], isChanged: way == 2, probe);
        }
        finally
        {
            peer.Dispose();
            ours.Dispose();
        }
    }

    private static void RunWrapped(ControlWrapper peer, ControlWrapper ours, ReadOnlySpan<byte> bytes, bool isChanged, Probe probe)
    {
        ReadOnlySpan<byte> change = default;
        if (isChanged && bytes.Length > 3)
        {
            change = bytes[^3..];
            bytes = bytes[..^3];
        }

        if (bytes.Length < ControlPacket.HeadLength || bytes.Length > OpenVpnLimits.MaxControlPacket)
        {
            return;
        }

        Span<byte> room = stackalloc byte[OpenVpnLimits.MaxControlPacket + 128];
        var length = peer.Wrap(bytes, room, Keys.Start);
        probe.That(length == bytes.Length + peer.Overhead, "wrapping adds its overhead and nothing more");
        var wrapped = room[..length];
        if (!change.IsEmpty)
        {
            var at = ((change[0] << 8) | change[1]) % length;
            wrapped[at] ^= change[2];
            var reason = Arrive(ours, wrapped, probe);
            probe.That(change[2] == 0 || reason != DropReason.None || ours.Kind == WrappingKind.None, "a packet that was changed does not verify");
            return;
        }

        Span<byte> clear = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        var isLegal = length <= OpenVpnLimits.MaxControlPacket && bytes.Length > ControlPacket.HeadLength;
        var first = ours.TryUnwrap(wrapped, clear, out var clearLength);
        probe.Reach((long)first);
        probe.That((first == DropReason.None) == isLegal, "what a peer with the key wraps is unwrapped, if its length is legal");
        probe.That(!isLegal || clear[..clearLength].SequenceEqual(bytes), "what is unwrapped is what was wrapped");
        if (isLegal && ours.Kind != WrappingKind.None)
        {
            probe.That(ours.TryUnwrap(wrapped, clear, out _) == DropReason.WrapReplayed, "the same packet again is a replay");
        }
    }

    private static DropReason Arrive(ControlWrapper ours, ReadOnlySpan<byte> wrapped, Probe probe)
    {
        Span<byte> clear = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        var meter = Probe.StartMeter();
        var reason = ours.TryUnwrap(wrapped, clear, out var length);
        probe.AllocatedAtMost(meter, 0, "unwrapping");
        probe.Reach((long)reason);
        probe.That(reason is DropReason.None or DropReason.TooShort or DropReason.TooLong or DropReason.WrapInvalid, "a refusal has one of its reasons");
        probe.That(reason == DropReason.None ? length == wrapped.Length - ours.Overhead : length == 0, "the length is that of what was unwrapped");
        if (reason == DropReason.None)
        {
            probe.Reach(ControlPacket.TryParse(clear[..length], out _) ? 1 : 0);
        }

        return reason;
    }

    private byte[] Wrap(int variant, byte[] clear)
    {
        var (peer, ours) = Create(variant);
        var room = new byte[2 * OpenVpnLimits.MaxControlPacket];
        var length = peer.Wrap(clear, room, Keys.Start);
        peer.Dispose();
        ours.Dispose();
        return room[..length];
    }
}

internal sealed class PlainTarget : WrappingTarget
{
    public override string Name => "plain";

    protected override int Variants => 1;

    protected override (ControlWrapper Peer, ControlWrapper Ours) Create(int variant) => (new PlainWrapper(), new PlainWrapper());

    protected override string VariantName(int variant) => "plain";
}

internal sealed class TlsAuthTarget : WrappingTarget
{
    private static readonly KeyDirection[] Directions = [KeyDirection.Normal, KeyDirection.Inverse, KeyDirection.Bidirectional];
    private static readonly HashKind[] Digests = [HashKind.Sha1, HashKind.Sha256, HashKind.Sha384, HashKind.Sha512];

    public override string Name => "tls-auth";

    protected override int Variants => Directions.Length * Digests.Length;

    protected override (ControlWrapper Peer, ControlWrapper Ours) Create(int variant)
    {
        var direction = Directions[variant % 3];
        var digest = Digests[variant / 3];
        return (new TlsAuthWrapper(Keys.Static, direction.Opposite(), digest), new TlsAuthWrapper(Keys.Static, direction, digest));
    }

    protected override string VariantName(int variant) => $"{Digests[variant / 3]}-{Directions[variant % 3]}".ToLowerInvariant();
}

internal sealed class TlsCryptTarget : WrappingTarget
{
    public override string Name => "tls-crypt";

    protected override int Variants => 2;

    protected override (ControlWrapper Peer, ControlWrapper Ours) Create(int variant) => (
        new TlsCryptWrapper(Keys.Static.Bytes, isServer: variant == 0), new TlsCryptWrapper(Keys.Static.Bytes, isServer: variant == 1));

    protected override string VariantName(int variant) => variant == 0 ? "from-server" : "from-client";
}
