using System.Buffers;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Reliability;

public enum ReceiveResult : byte
{
    /// <summary>Kept. Acknowledge it.</summary>
    New,

    /// <summary>Had before. Acknowledge it again: the first acknowledgement may be lost.</summary>
    Duplicate,

    /// <summary>Too far ahead. Dropped, and not to be acknowledged.</summary>
    OutOfWindow,
}

/// <summary>The receiving half of the control channel's reliability: puts messages in order. Holds no buffer once all in order was taken.</summary>
public sealed class ReliableReceiver(uint firstId = 0)
{
    // Slot of a message is its id modulo the window. Null while nothing is kept.
    private Slot[]? _slots;
    private int _kept;
    private uint _next = firstId;
    private byte[]? _taken;

    /// <summary>Takes a copy of what is new.</summary>
    public ReceiveResult Accept(uint id, Opcode opcode, ReadOnlySpan<byte> payload)
    {
        var ahead = unchecked((int)(id - _next));
        if (ahead < 0)
        {
            return ReceiveResult.Duplicate;
        }

        if (ahead >= OpenVpnLimits.ReceiveWindow)
        {
            return ReceiveResult.OutOfWindow;
        }

        Invariant.Check(payload.Length <= OpenVpnLimits.MaxControlPacket, "a parsed control packet is bounded");
        _slots ??= new Slot[OpenVpnLimits.ReceiveWindow];
        ref var slot = ref _slots[id % OpenVpnLimits.ReceiveWindow];
        if (slot.Payload is not null)
        {
            return ReceiveResult.Duplicate;
        }

        slot.Opcode = opcode;
        slot.Payload = payload.IsEmpty ? [] : ArrayPool<byte>.Shared.Rent(payload.Length);
        slot.Length = payload.Length;
        payload.CopyTo(slot.Payload);
        _kept++;
        return ReceiveResult.New;
    }

    /// <summary>The next message in order. The payload is valid until the next call of any member; call until false.</summary>
    public bool TryTakeNext(out Opcode opcode, out ReadOnlySpan<byte> payload)
    {
        FreeTaken();
        opcode = default;
        payload = default;
        if (_slots is null)
        {
            return false;
        }

        ref var slot = ref _slots[_next % OpenVpnLimits.ReceiveWindow];
        if (slot.Payload is null)
        {
            return false;
        }

        opcode = slot.Opcode;
        payload = slot.Payload.AsSpan(0, slot.Length);
        _taken = slot.Payload;
        slot = default;
        _next++;
        _kept--;
        if (_kept == 0)
        {
            _slots = null;
        }

        return true;
    }

    /// <summary>Forgets what is kept and gives the buffers back.</summary>
    public void Clear()
    {
        FreeTaken();
        foreach (ref var slot in _slots.AsSpan())
        {
            Free(slot.Payload);
            slot = default;
        }

        _slots = null;
        _kept = 0;
    }

    private static void Free(byte[]? payload)
    {
        if (payload is { Length: > 0 })
        {
            ArrayPool<byte>.Shared.Return(payload);
        }
    }

    private void FreeTaken()
    {
        Free(_taken);
        _taken = null;
    }

    private struct Slot
    {
        public Opcode Opcode;
        public byte[]? Payload;
        public int Length;
    }
}
