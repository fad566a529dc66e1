using Sallyport.Core.Gateway;

namespace Sallyport.DataPlane;

/// <summary>Dropped packets by reason. Written by one thread; others may read and see a slightly older figure.</summary>
internal sealed class DropCounters
{
    public static readonly int Reasons = Enum.GetValues<DropReason>().Length;

    private readonly long[] _counts = new long[Reasons];

    public long this[DropReason reason] => Volatile.Read(ref _counts[(int)reason]);

    public void Count(DropReason reason) => _counts[(int)reason]++;

    public ref long Counter(DropReason reason) => ref _counts[(int)reason];

    public void AddTo(Span<long> sums)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            sums[i] += Volatile.Read(ref _counts[i]);
        }
    }
}
