using System.Buffers;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Reliability;

/// <summary>
/// The sending half of the control channel's reliability: numbers messages, keeps them until acknowledged, says when one is to be sent (again).
/// Every message has its own timer, which doubles up to a limit; three acknowledgements of later messages send it at once. Holds no buffer when all is acknowledged.
/// </summary>
public sealed class ReliableSender(uint firstId = 0)
{
    private static readonly Instant AtOnce = new(long.MinValue);

    // Slot of a message is its id modulo the window. Null while nothing is in flight: an idle session keeps no table.
    private Slot[]? _slots;
    private uint _oldest = firstId;
    private uint _next = firstId;

    /// <summary>The id that the next message gets.</summary>
    public uint NextId => _next;

    /// <summary>The window counts from the oldest unacknowledged message, since the peer buffers from there on.</summary>
    public bool CanAccept => _next - _oldest < OpenVpnLimits.SendWindow;

    /// <summary>All that was enqueued is acknowledged.</summary>
    public bool IsEmpty => _slots is null;

    /// <summary>When <see cref="TryTakeDue"/> next has something; never, where all is acknowledged.</summary>
    public Instant NextDeadline
    {
        get
        {
            var next = Instant.Never;
            foreach (ref readonly var slot in _slots.AsSpan())
            {
                if (slot.Payload is not null)
                {
                    next = Instant.Min(next, slot.Due);
                }
            }

            return next;
        }
    }

    /// <summary>Takes a copy. Only where <see cref="CanAccept"/>.</summary>
    public void Enqueue(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        Invariant.Check(CanAccept, "a message is enqueued only into an open window");
        Invariant.Check(payload.Length <= OpenVpnLimits.MaxControlPacket, "a message fits a control packet");
        _slots ??= new Slot[OpenVpnLimits.SendWindow];
        ref var slot = ref SlotOf(_next);
        slot = new Slot
        {
            Id = _next,
            Opcode = opcode,
            Payload = payload.IsEmpty ? [] : ArrayPool<byte>.Shared.Rent(payload.Length),
            Length = payload.Length,
            Due = AtOnce,
            Timeout = OpenVpnLimits.FirstRetransmit,
        };
        payload.CopyTo(slot.Payload);
        _next++;
    }

    /// <summary>The oldest message that is due, and its timer restarted. The payload is valid until the next call of any member.</summary>
    public bool TryTakeDue(Instant now, out uint id, out Opcode opcode, out ReadOnlySpan<byte> payload)
    {
        id = 0;
        opcode = default;
        payload = default;
        if (_slots is null)
        {
            return false;
        }

        for (var candidate = _oldest; candidate != _next; candidate++)
        {
            ref var slot = ref SlotOf(candidate);
            if (slot.Payload is null || slot.Due > now)
            {
                continue;
            }

            slot.WasSent = true;
            slot.LaterAcks = 0;
            slot.Due = now + slot.Timeout;
            slot.Timeout = slot.Timeout < OpenVpnLimits.LongestRetransmit ? 2 * slot.Timeout : slot.Timeout;
            id = slot.Id;
            opcode = slot.Opcode;
            payload = slot.Payload.AsSpan(0, slot.Length);
            return true;
        }

        return false;
    }

    /// <summary>Acknowledgements of messages that are not in flight, which a peer repeats or invents, do nothing.</summary>
    public void HandleAck(uint id, Instant now)
    {
        if (_slots is null || id - _oldest >= _next - _oldest)
        {
            return;
        }

        ref var acked = ref SlotOf(id);
        if (acked.Payload is null || !acked.WasSent)
        {
            return;
        }

        Free(ref acked);
        CountLaterAck(id, now);
        while (_oldest != _next && SlotOf(_oldest).Payload is null)
        {
            _oldest++;
        }

        if (_oldest == _next)
        {
            _slots = null;
        }
    }

    /// <summary>Everything in flight is due at once.</summary>
    public void SendAgain(Instant now)
    {
        foreach (ref var slot in _slots.AsSpan())
        {
            slot.Due = Instant.Min(slot.Due, now);
        }
    }

    /// <summary>Forgets everything in flight and gives the buffers back.</summary>
    public void Clear()
    {
        foreach (ref var slot in _slots.AsSpan())
        {
            Free(ref slot);
        }

        _slots = null;
        _oldest = _next;
    }

    private static void Free(ref Slot slot)
    {
        if (slot.Payload is { Length: > 0 } rented)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        slot = default;
    }

    private void CountLaterAck(uint acked, Instant now)
    {
        for (var id = _oldest; id != acked; id++)
        {
            ref var slot = ref SlotOf(id);
            if (slot.Payload is not null && slot.WasSent && ++slot.LaterAcks >= OpenVpnLimits.FastRetransmitAcks)
            {
                slot.Due = Instant.Min(slot.Due, now);
            }
        }
    }

    private ref Slot SlotOf(uint id) => ref _slots![id % OpenVpnLimits.SendWindow];

    private struct Slot
    {
        public uint Id;
        public Opcode Opcode;
        public byte[]? Payload;
        public int Length;
        public Instant Due;
        public TimeSpan Timeout;
        public int LaterAcks;
        public bool WasSent;
    }
}
