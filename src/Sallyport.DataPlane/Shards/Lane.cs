using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Shards;

/// <summary>What a packet is that one shard hands to another.</summary>
internal enum HandedOverKind : byte
{
    /// <summary>Out of its tunnel and judged; the other end's tunnel is there.</summary>
    Inner,

    /// <summary>As it came from outside; its tunnel is there, and only there are its keys.</summary>
    Outer,

    /// <summary>ESP as it came from outside; its SA is there.</summary>
    Esp,

    /// <summary>From the gateway itself to the identity whose tunnel is there.</summary>
    Answer,

    /// <summary>It came from the gateway host; the tunnel that it is for is there, and nobody has judged it yet.</summary>
    FromHost,
}

/// <summary>A packet between shards: an inner one with the identity whose tunnel it left, an outer one with where it came from.</summary>
/// <param name="FromIdentityId">Of an answer: whom it is for.</param>
/// <param name="GuestPort">Of an inner packet to another network: the port that its sender has there.</param>
/// <param name="Tos">Of ESP: its outer type of service.</param>
internal readonly record struct HandedOver(HandedOverKind Kind, int FromIdentityId, OuterPath From, ushort GuestPort = 0, byte Tos = 0);

/// <summary>
/// Packets from one shard to one other, in order, bounded, without a lock: one thread puts, one takes. The places lie in the taker's packet
/// memory, so that a packet is copied once and then sealed and sent from there; they are given back when it has been sent.
/// </summary>
internal sealed class Lane
{
    // Each side's own position and what it last saw of the other's, a cache line and its neighbour apart, so that neither waits for the
    // line that the other writes.
    private readonly long[] _positions = new long[5 * Spread];
    private const int Spread = 16;
    private const int Put = 1 * Spread;
    private const int Released = 2 * Spread;
    private const int ReleasedSeen = Put + 1;
    private const int Taken = Released + 1;
    private const int PutSeen = Released + 2;

    private readonly PacketMemory _memory;
    private readonly int _firstSlot;
    private readonly HandedOver[] _heads;
    private readonly int[] _lengths;

    /// <param name="memory">The taker's.</param>
    public Lane(PacketMemory memory, int firstSlot, int slots)
    {
        _memory = memory;
        _firstSlot = firstSlot;
        _heads = new HandedOver[slots];
        _lengths = new int[slots];
    }

    /// <summary>For the putting thread. False where the other shard does not keep up; the packet is then the caller's to drop.</summary>
    public bool TryPut(in HandedOver head, ReadOnlySpan<byte> packet)
    {
        Invariant.Check(packet.Length <= PacketMemory.PacketMax, "a packet fits its slot");
        // Packets that nobody has opened yet leave half of the places to those that were.
        var places = head.Kind is HandedOverKind.Outer or HandedOverKind.Esp ? _heads.Length / 2 : _heads.Length;
        var put = _positions[Put];
        if (put - _positions[ReleasedSeen] >= places)
        {
            _positions[ReleasedSeen] = Volatile.Read(ref _positions[Released]);
            if (put - _positions[ReleasedSeen] >= places)
            {
                return false;
            }
        }

        var at = (int)(put % _heads.Length);
        packet.CopyTo(_memory.Blank(_memory.SmallSlot(_firstSlot + at)));
        _heads[at] = head;
        _lengths[at] = packet.Length;
        Volatile.Write(ref _positions[Put], put + 1);
        return true;
    }

    /// <summary>For the taking thread: the packet stays where it is until <see cref="Release"/>.</summary>
    public bool TryTake(out HandedOver head, out PacketSpot packet)
    {
        var taken = _positions[Taken];
        if (taken == _positions[PutSeen])
        {
            _positions[PutSeen] = Volatile.Read(ref _positions[Put]);
            if (taken == _positions[PutSeen])
            {
                head = default;
                packet = default;
                return false;
            }
        }

        var at = (int)(taken % _heads.Length);
        head = _heads[at];
        var slot = _memory.SmallSlot(_firstSlot + at);
        packet = slot.With(slot.Start, _lengths[at]);
        _positions[Taken] = taken + 1;
        return true;
    }

    /// <summary>For the taking thread, when everything it took has been sent or dropped.</summary>
    public void Release() => Volatile.Write(ref _positions[Released], _positions[Taken]);

    /// <summary>For the taking thread.</summary>
    public bool IsEmpty => _positions[Taken] == Volatile.Read(ref _positions[Put]);
}
