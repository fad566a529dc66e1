using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Nat;

/// <summary>An installation's handles, and the shell's part of translation: putting the pieces behind each other.</summary>
internal static class Handles
{
    public const int Plant = 7;

    public static HandleSpace Space { get; } = Of("fd12:3456:789a::/48");

    public static HandleSpace Of(string prefix)
    {
        HandleSpace.TryCreate(IpPrefix.Parse(prefix), out var space).ShouldBeTrue();
        return space;
    }

    public static string Handle(string v4, int network = Plant) => Space.Handle(network, IpAddress.Parse(v4)).ToString();

    public static byte[]? ToV6(byte[] packet, int network = Plant)
    {
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        return ToV6(packet, read, network, out _);
    }

    public static byte[]? ToV6(byte[] packet, in InnerPacket read, int network, out DropReason reason)
    {
        reason = DropReason.None;
        if (read.Ends.Kind == PacketKind.IcmpError)
        {
            var error = new byte[HandleTranslation.ErrorMax];
            var length = HandleTranslation.ErrorToV6(Space, network, packet, read, error);
            return length == 0 ? null : error[..length];
        }

        var copy = packet.ToArray();
        var head = new byte[HandleTranslation.HeadMax];
        reason = HandleTranslation.ToV6(Space, network, copy, read, head, out var headLength);
        return reason == DropReason.None ? [.. head[..headLength], .. copy[read.TransportOffset..read.Length]] : null;
    }

    /// <summary>All segments of what the host sends.</summary>
    public static List<byte[]> ToV4(byte[] packet, OffloadHeader offload = default, ushort identification = 0)
    {
        SuperPacket.Read(Space, packet, offload, out var read).ShouldBe(DropReason.None);
        var segments = new List<byte[]>();
        for (var i = 0; i < read.Segments; i++)
        {
            var output = new byte[read.LengthMax];
            var length = read.Write(packet, i, identification, output);
            segments.Add(output[..length]);
        }

        return segments;
    }

    /// <summary>The packet as IPv4 hosts send small ones that may be cut up: without "don't fragment".</summary>
    public static byte[] MayFragment(byte[] packet)
    {
        var copy = packet.ToArray();
        if (copy.Length <= 1260)
        {
            copy[6] &= 0xbf;
            copy[10] = copy[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(copy.AsSpan(10), InternetChecksum.Compute(copy.AsSpan(0, 20)));
        }

        return copy;
    }
}
