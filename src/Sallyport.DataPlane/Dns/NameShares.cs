using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>How much one identity may ask, and how much of the log it may take: sixteen bytes.</summary>
internal struct NameShare
{
    public TokenBucket Queries;
    public TokenBucket Lines;
}

/// <summary>A share per identity, by its dense id. Pages are made when their first identity asks.</summary>
internal sealed class NameShares
{
    private const int PageBits = 10;

    private NameShare[]?[] _pages = new NameShare[16][];

    public ref NameShare this[int id]
    {
        get
        {
            var page = id >> PageBits;
            if (page >= _pages.Length)
            {
                Array.Resize(ref _pages, Math.Max(page + 1, _pages.Length * 2));
            }

            var shares = _pages[page] ??= new NameShare[1 << PageBits];
            return ref shares[id & ((1 << PageBits) - 1)];
        }
    }
}
