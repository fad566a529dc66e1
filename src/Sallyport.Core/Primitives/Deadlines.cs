namespace Sallyport.Core.Primitives;

/// <summary>
/// When each session wants to be looked at next. It knows numbers, not sessions: one that is forgotten leaves nothing behind but an entry
/// of some bytes, and of those there are never many more than sessions.
/// </summary>
public sealed class Deadlines
{
    private const int StaleMin = 1024;

    private readonly Dictionary<long, Instant> _wanted = [];
    private readonly PriorityQueue<long, Instant> _queue = new();

    /// <summary>Entries in the queue, those of sessions that are gone among them.</summary>
    public int Entries => _queue.Count;

    /// <summary>When to look again; may be early.</summary>
    public Instant Next => _queue.TryPeek(out _, out var next) ? next : Instant.Never;

    /// <summary>An earlier deadline replaces a later one. Where it moves later, the session is looked at too early, and asked again.</summary>
    public void Want(long number, Instant deadline)
    {
        if (_wanted.TryGetValue(number, out var before) ? deadline >= before : deadline == Instant.Never)
        {
            return;
        }

        _wanted[number] = deadline;
        _queue.Enqueue(number, deadline);
        DropStale();
    }

    public void Forget(long number)
    {
        if (_wanted.Remove(number))
        {
            DropStale();
        }
    }

    public bool TryTakeDue(Instant now, out long number)
    {
        while (_queue.TryPeek(out number, out var at) && at <= now)
        {
            _queue.Dequeue();
            if (_wanted.TryGetValue(number, out var wanted) && wanted == at)
            {
                _wanted.Remove(number);
                return true;
            }
        }

        return false;
    }

    /// <summary>Costs as much as there are sessions, once for as many changes.</summary>
    private void DropStale()
    {
        if (_queue.Count <= StaleMin + (2 * _wanted.Count))
        {
            return;
        }

        _queue.Clear();
        _queue.EnqueueRange(_wanted.Select(pair => (pair.Key, pair.Value)));
    }
}
