using System.Runtime.CompilerServices;

namespace Sallyport.Core.Primitives;

/// <summary>
/// Which packet ids have been seen: a ring of bits behind the highest id (RFC 6479). Ids start at 1.
/// Ask <see cref="IsFresh"/> and, only once the packet is proven genuine, <see cref="Mark"/>.
/// </summary>
public struct ReplayWindow
{
    /// <summary>
    /// Ids behind the highest that are still judged one by one; older ones count as seen. One word of the ring is always the
    /// one being refilled. Wider than the 32 or 64 of stock peers: several queues, radio retransmission and peers that seal on many cores
    /// reorder more than a LAN.
    /// </summary>
    public const int Width = (Words - 1) * 64;

    private const int Words = 32;

    private Ring _ring;

    /// <summary>0 before the first packet.</summary>
    public ulong Highest { get; private set; }

    public readonly bool IsFresh(ulong id)
    {
        if (id > Highest)
        {
            return true;
        }

        return id != 0 && Highest - id < Width && (_ring[Word(id)] & Bit(id)) == 0;
    }

    public void Mark(ulong id)
    {
        if (id > Highest)
        {
            // Words between the old and the new head hold bits of a lap ago.
            var stale = Math.Min((id >> 6) - (Highest >> 6), Words);
            for (var i = 1UL; i <= stale; i++)
            {
                _ring[(int)(((Highest >> 6) + i) % Words)] = 0;
            }

            Highest = id;
        }
        else if (Highest - id >= Width)
        {
            return;
        }

        _ring[Word(id)] |= Bit(id);
    }

    private static int Word(ulong id) => (int)((id >> 6) % Words);

    private static ulong Bit(ulong id) => 1UL << (int)(id & 63);

    [InlineArray(Words)]
    private struct Ring
    {
        private ulong _word;
    }
}
