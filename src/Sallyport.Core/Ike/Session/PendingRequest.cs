using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>A request of ours that is not answered yet.</summary>
internal sealed class PendingRequest
{
    public required uint MessageId { get; init; }

    public required Exchange Exchange { get; set; }

    /// <summary>One, or the fragments of it.</summary>
    public required IReadOnlyList<byte[]> Datagrams { get; set; }

    public required Instant Begun { get; init; }

    public required Instant Due { get; set; }

    public required TimeSpan Pause { get; set; }
}

/// <summary>An answer that its peer may not have got.</summary>
internal sealed class CachedResponse(uint messageId, IReadOnlyList<byte[]> datagrams)
{
    public uint MessageId => messageId;

    public IReadOnlyList<byte[]> Datagrams => datagrams;

    /// <summary>How often it went to elsewhere than where the peer is.</summary>
    public int TimesElsewhere { get; set; }
}
