using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>
/// One side's protection of the control packets of one session: our replay counter and the peer's replay window.
/// Allocates nothing per packet. Native contexts are made when first used; <see cref="Rest"/> gives them back while a session is idle.
/// </summary>
public abstract class ControlWrapper : IDisposable
{
    internal const int ReplayLength = 8;

    private uint _nextPacketId;
    private uint _time;
    private ControlReplayWindow _peer;

    private protected ControlWrapper(WrappingKind kind, int overhead, uint firstPacketId)
    {
        Invariant.Check(firstPacketId != 0, "packet ids start at 1");
        Kind = kind;
        Overhead = overhead;
        _nextPacketId = firstPacketId;
    }

    public WrappingKind Kind { get; }

    /// <summary>Bytes that wrapping adds, without the WKc of a tls-crypt-v2 client.</summary>
    public int Overhead { get; }

    /// <summary>Protects a packet and returns the length of the result. Every call uses up a counter, so a retransmission is wrapped anew.</summary>
    /// <param name="clear">A control packet as <see cref="ControlPacket.Write"/> makes it.</param>
    /// <param name="wrapped">Room for the packet, <see cref="Overhead"/> and <see cref="TrailerLength"/>; does not overlap.</param>
    public abstract int Wrap(ReadOnlySpan<byte> clear, Span<byte> wrapped, Instant now);

    /// <summary>Undoes the peer's protection: None, TooShort, TooLong, WrapInvalid or WrapReplayed. The replay window moves only for None.</summary>
    /// <param name="wrapped">One packet without a WKc: see <see cref="WrappedClientKey.TryStrip"/>.</param>
    /// <param name="clear">Room for <see cref="OpenVpnLimits.MaxControlPacket"/> bytes; does not overlap. Holds nothing unless None.</param>
    public abstract DropReason TryUnwrap(ReadOnlySpan<byte> wrapped, Span<byte> clear, out int length);

    /// <summary>Bytes that follow the wrapped packet in clear: the WKc, in the packets of a client that carry one.</summary>
    public virtual int TrailerLength(Opcode opcode) => 0;

    /// <summary>The longest payload with which a datagram stays within <see cref="OpenVpnLimits.MaxControlDatagram"/>; may be 0.</summary>
    public int MaxPayload(Opcode opcode, int ackCount) => Math.Max(
        0,
        OpenVpnLimits.MaxControlDatagram - OpenVpnLimits.IpUdpHeaders - Overhead - TrailerLength(opcode)
            - ControlPacket.LengthBeforePayload(opcode, ackCount));

    /// <summary>Gives native contexts back until the next packet. Counters and windows stay.</summary>
    public abstract void Rest();

    /// <summary>Zeroes the keys. The wrapper is not used any more.</summary>
    public void Dispose()
    {
        Rest();
        ZeroKeys();
        GC.SuppressFinalize(this);
    }

    private protected abstract void ZeroKeys();

    private protected static DropReason CheckLength(ReadOnlySpan<byte> wrapped, Span<byte> clear, int overhead)
    {
        if (wrapped.Length < ControlPacket.HeadLength + overhead + 1)
        {
            return DropReason.TooShort;
        }

        if (wrapped.Length > OpenVpnLimits.MaxControlPacket)
        {
            return DropReason.TooLong;
        }

        Invariant.Check(clear.Length >= wrapped.Length - overhead, "there is room for an unwrapped packet");
        return DropReason.None;
    }

    /// <summary>
    /// The time is that of the first packet and stays: a peer refuses a time older than one it saw, which a reordered packet would have.
    /// </summary>
    private protected ulong NextCounter(Instant now)
    {
        if (_time == 0 || _nextPacketId == 0)
        {
            _time = Math.Max((uint)now.UnixSeconds, _time + 1);
            _nextPacketId = Math.Max(1, _nextPacketId);
        }

        return ((ulong)_time << 32) | _nextPacketId++;
    }

    private protected DropReason JudgeReplay(ulong counter)
    {
        if (!_peer.IsFresh(counter))
        {
            return DropReason.WrapReplayed;
        }

        _peer.Mark(counter);
        return DropReason.None;
    }

    /// <summary>On the wire the packet id comes first, then the time.</summary>
    internal static void WriteCounter(Span<byte> field, ulong counter)
    {
        BinaryPrimitives.WriteUInt32BigEndian(field, (uint)counter);
        BinaryPrimitives.WriteUInt32BigEndian(field[4..], (uint)(counter >> 32));
    }

    internal static ulong ReadCounter(ReadOnlySpan<byte> field) =>
        ((ulong)BinaryPrimitives.ReadUInt32BigEndian(field[4..]) << 32) | BinaryPrimitives.ReadUInt32BigEndian(field);
}
