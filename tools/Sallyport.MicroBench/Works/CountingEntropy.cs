using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>The same bytes at every run.</summary>
internal sealed class CountingEntropy : IEntropy
{
    private byte next;

    public void Fill(Span<byte> bytes)
    {
        foreach (ref var one in bytes)
        {
            one = ++next;
        }
    }
}
