using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>
/// A conversation whichever way it is seen: the ends are in order, so that a packet and its reply have the same key.
/// For echo the end that asks has a port above all real ones: A pinging B is not B pinging A, even with equal identifiers.
/// </summary>
internal readonly record struct FlowKey(int NetworkId, IpProtocol Protocol, IpAddress Low, IpAddress High, uint LowPort, uint HighPort)
{
    private const uint Asks = 0x1_0000;

    /// <param name="sourceIsLow">Whether the packet's source is the first end of the key.</param>
    public static FlowKey Of(int networkId, in PacketEnds ends, out bool sourceIsLow)
    {
        var sourcePort = ends.Kind == PacketKind.EchoRequest ? Asks | ends.SourcePort : ends.SourcePort;
        var destinationPort = ends.Kind == PacketKind.EchoReply ? Asks | ends.DestinationPort : ends.DestinationPort;
        sourceIsLow = ends.Source < ends.Destination || (ends.Source == ends.Destination && sourcePort <= destinationPort);
        return sourceIsLow
            ? new FlowKey(networkId, ends.Protocol, ends.Source, ends.Destination, sourcePort, destinationPort)
            : new FlowKey(networkId, ends.Protocol, ends.Destination, ends.Source, destinationPort, sourcePort);
    }

    public uint Hash(in SipHash hash)
    {
        var state = hash.Begin();
        state.Add(((ulong)(uint)NetworkId << 32) | (byte)Protocol);
        state.Add(Low.Bits);
        state.Add(High.Bits);
        state.Add(((ulong)LowPort << 32) | HighPort);
        return state.Finish(6);
    }
}
