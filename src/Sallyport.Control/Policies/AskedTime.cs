using Sallyport.Control.Http;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>The time about which a question of policy is asked, of the rules of today.</summary>
internal static class AskedTime
{
    /// <summary>Now where none is given; adds the problem where it is too far away to be meant.</summary>
    public static Instant Read(DateTimeOffset? at, TimeProvider time, ProblemList problems)
    {
        if (at is { Year: < 2000 or >= 2200 })
        {
            problems.Add("at", $"the year {at.Value.Year} is too far away", "give a time from 2000 to 2199, or leave it out for now");
            return default;
        }

        return new Instant((at ?? time.GetUtcNow()).ToUnixNanoseconds());
    }
}
