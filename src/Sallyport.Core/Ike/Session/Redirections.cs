using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>How often we follow where a peer sends us: gateways that send us to one another would keep us going for ever (RFC 5685 section 4).</summary>
public sealed class Redirections
{
    private const int Most = 5;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(300);

    private readonly Queue<Instant> _followed = new();

    /// <summary>False where it has been enough for now.</summary>
    public bool TryFollow(Instant now)
    {
        while (_followed.TryPeek(out var first) && now - first >= Period)
        {
            _followed.Dequeue();
        }

        if (_followed.Count >= Most)
        {
            return false;
        }

        _followed.Enqueue(now);
        return true;
    }
}
