using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>A CHILD_SA on its way to the shard of its tunnel.</summary>
/// <param name="Sa">Its inbound SPI is one of the shard's.</param>
/// <param name="Rekeys">How many have gone before it, for people.</param>
internal sealed record NewChild(EspSa Sa, EspSelectors Selectors, int Rekeys = 0)
{
    /// <summary>Whether packets leave by it from the beginning. Otherwise it opens, and <c>UseChild</c> says when the peer has it, too.</summary>
    public bool IsUsed { get; init; } = true;
}

/// <summary>One CHILD_SA as the packet path sees it. Lives in the table's array; the default value is nobody's.</summary>
internal struct EspChild
{
    public const int None = -1;

    public EspSa Sa;
    public EspSelectors Selectors;

    /// <summary>Slot of its tunnel, and the next of the same tunnel: those that packets leave by first, and of them the newest.</summary>
    public int Tunnel;
    public int Next;

    /// <summary>Packets leave by it. What comes is opened in any case.</summary>
    public bool IsUsed;

    /// <summary>IKE was told that it wears out; it is told again then.</summary>
    public Instant AskForNextAt;

    /// <summary>Deleted: what is still on its way is opened until then.</summary>
    public Instant ClosesAt;

    public Instant Since;
    public int Rekeys;

    public readonly bool IsLive => Sa.Exists;
}

/// <summary>
/// All CHILD_SAs of one shard, found by our SPI without a search: structs in chunks of arrays, as tunnels are. One thread.
/// </summary>
internal sealed class EspTable(EspSpis spis)
{
    private const int ChunkShift = 9;
    private const int ChunkSize = 1 << ChunkShift;

    private EspChild[][] _chunks = [];

    public int Count { get; private set; }

    public ref EspChild this[int index] => ref _chunks[index >> ChunkShift][index & (ChunkSize - 1)];

    /// <summary>-1 where no SA here has this SPI now.</summary>
    public int Find(uint spi)
    {
        var place = spis.Place(spi);
        return place >= 0 && place >> ChunkShift < _chunks.Length && this[place].Sa.InboundSpi == spi ? place : EspChild.None;
    }

    /// <summary>Takes the SA over; the caller's copy is dead.</summary>
    public int Add(NewChild child, int tunnel, Instant now)
    {
        var index = spis.Place(child.Sa.InboundSpi);
        Invariant.Check(index >= 0, "an SA is where its SPI says");
        while (_chunks.Length <= index >> ChunkShift)
        {
            Array.Resize(ref _chunks, _chunks.Length + 1);
            _chunks[^1] = new EspChild[ChunkSize];
        }

        ref var place = ref this[index];
        Invariant.Check(!place.IsLive, "a place holds one SA");
        place = new EspChild
        {
            Sa = child.Sa, Selectors = child.Selectors, Tunnel = tunnel, Next = EspChild.None, ClosesAt = Instant.Never, Since = now, Rekeys = child.Rekeys,
        };
        Count++;
        return index;
    }

    /// <summary>Frees the keys and gives the SPI back.</summary>
    public void Remove(int index)
    {
        ref var place = ref this[index];
        spis.Return(place.Sa.InboundSpi);
        place.Sa.Free();
        place = default;
        Count--;
    }

    /// <summary>Puts an SA into its tunnel's list, before all others or behind them.</summary>
    public void Link(ref Tunnel tunnel, int index, bool first)
    {
        if (first || tunnel.FirstChild == EspChild.None)
        {
            this[index].Next = tunnel.FirstChild;
            tunnel.FirstChild = index;
            return;
        }

        var last = tunnel.FirstChild;
        while (this[last].Next != EspChild.None)
        {
            last = this[last].Next;
        }

        this[index].Next = EspChild.None;
        this[last].Next = index;
    }

    public void Unlink(ref Tunnel tunnel, int index)
    {
        if (tunnel.FirstChild == index)
        {
            tunnel.FirstChild = this[index].Next;
            return;
        }

        for (var before = tunnel.FirstChild; before != EspChild.None; before = this[before].Next)
        {
            if (this[before].Next == index)
            {
                this[before].Next = this[index].Next;
                return;
            }
        }
    }
}
