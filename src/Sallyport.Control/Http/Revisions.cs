namespace Sallyport.Control.Http;

/// <summary>If-Match: a change made to something that somebody else changed meanwhile is refused.</summary>
internal static class Revisions
{
    public static void Check(string what, long revision, long? expected)
    {
        if (expected is { } known && known != revision)
        {
            throw new ProblemException(Refusal.Changed(what, revision));
        }
    }
}
