using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>How much one identity may ask, and how much of the log it may take: sixteen bytes.</summary>
internal struct NameShare
{
    public TokenBucket Queries;
    public TokenBucket Lines;
}
