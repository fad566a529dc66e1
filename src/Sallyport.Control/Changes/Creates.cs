using Sallyport.Control.Http;
using Sallyport.Control.Users;

namespace Sallyport.Control.Changes;

/// <summary>Creates that may be repeated.</summary>
internal static class Creates
{
    /// <summary>
    /// Runs a create; a repetition with the same key answers what the first made, by <paramref name="read"/>, which answers null where
    /// that is gone or cannot be shown again. <paramref name="isFirst"/> for what shuts somebody out.
    /// </summary>
    public static Committed<T> RunCreate<T>(
        this Commands commands, Actor actor, Idempotency? idempotency, Func<Change, (int Id, T Info)> create, Func<Change, int, T?> read, bool isFirst = false)
        where T : class
    {
        Func<Actor, Func<Change, T>, Committed<T>> run = isFirst ? commands.RunFirst : commands.Run;
        try
        {
            return run(actor, change =>
            {
                if (idempotency?.FindMade(change) is { } made)
                {
                    throw new MadeBeforeException<T>(read(change, made));
                }

                var (id, info) = create(change);
                idempotency?.Remember(change, id);
                return info;
            });
        }
        catch (MadeBeforeException<T> before)
        {
            var made = before.Made ?? throw new ProblemException(Refusal.Conflict(
                "Idempotency-Key",
                "this request was done before, and its answer cannot be given again: it held a private key that is stored nowhere, or what it made "
                + "is gone",
                "issue a new profile, or repeat it with a new Idempotency-Key"));
            return new Committed<T>(made, 0, 0);
        }
    }

    /// <summary>Leaves the transaction without a trace: nothing is done a second time.</summary>
    private sealed class MadeBeforeException<T>(T? made) : Exception
    {
        public T? Made { get; } = made;
    }
}
