using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Changes;

/// <summary>The fleet as it is, and as it would be after a command.</summary>
/// <param name="Change">What makes the one of the other.</param>
internal sealed record Draft(FleetState Before, FleetState After, ChangeSet Change);

/// <summary>
/// Tries commands out on a copy of the store, in memory: everything that they check is checked, nothing of it ever was, and nobody who really changes
/// something waits for it.
/// </summary>
internal sealed class Drafts(Database database, Commands commands, ChangeFeed feed, TimeProvider time) : IDisposable
{
    private const int AtOnceMax = 2; // a copy of a hundred thousand devices with their certificates is some 200 MB

    /// <summary>
    /// What no command reads that can be tried out: the trail, which may be larger than all the rest, and what opens or signs anything. Of the changes
    /// the version is known without them.
    /// </summary>
    private static readonly IReadOnlySet<string> LeftOut = new HashSet<string>(StringComparer.Ordinal)
    {
        "audit", "audit_checkpoints", "changes", "idempotency", "secrets", "certificates", "tokens",
    };

    private readonly SemaphoreSlim places = new(AtOnceMax);

    public Task<Draft> OfAsync(Actor actor, Action<Change> act, CancellationToken cancel = default) => TryAsync(
        actor,
        (change, before) =>
        {
            act(change);
            return commands.Foresee(change, before);
        },
        cancel);

    /// <param name="act">Is given the fleet as it is; its version is that of the copy.</param>
    public async Task<T> TryAsync<T>(Actor actor, Func<Change, FleetState, T> act, CancellationToken cancel = default)
    {
        await places.WaitAsync(cancel);
        try
        {
            using var copy = database.OpenCopy(LeftOut, () => feed.State, out var before);
            return act(new Change(copy, actor, audit: null, time), before);
        }
        finally
        {
            places.Release();
        }
    }

    public void Dispose() => places.Dispose();
}
