namespace Sallyport.Core.Flows;

/// <summary>What one identity takes of what is shared.</summary>
internal struct IdentityShare
{
    /// <summary>Flows that it opened.</summary>
    public int Allowed;
    public int Denied;

    /// <summary>Allowed ones to beyond the gateway host.</summary>
    public int Beyond;

    /// <summary>When its next refusal would be due if refusals were spaced evenly, in nanoseconds.</summary>
    public long NextRefusal;
}

/// <summary>A share per identity of something, by its dense id. Pages are made when their first identity shows up, never per packet.</summary>
public sealed class IdentityShares<T>
    where T : struct
{
    private const int PageBits = 10;

    private T[]?[] _pages = new T[16][];

    public ref T this[int id]
    {
        get
        {
            var page = id >> PageBits;
            if (page >= _pages.Length || _pages[page] is not { } shares)
            {
                shares = Add(page);
            }

            return ref shares[id & ((1 << PageBits) - 1)];
        }
    }

    private T[] Add(int page)
    {
        if (page >= _pages.Length)
        {
            Array.Resize(ref _pages, Math.Max(page + 1, _pages.Length * 2));
        }

        return _pages[page] = new T[1 << PageBits];
    }
}
