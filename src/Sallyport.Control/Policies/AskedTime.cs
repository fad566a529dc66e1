using Sallyport.Api.Times;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>The time about which a question of policy is asked, of the rules of today.</summary>
internal static class AskedTime
{
    /// <summary>Now where none is given; adds the problem where it is no time, or too far away to be meant.</summary>
    public static Instant Read(string? text, TimeProvider time, ProblemList problems)
    {
        var at = time.GetUtcNow();
        if (text is not null && !TimeText.TryRead(text, out at))
        {
            problems.Add("at", $"'{Label.Shorten(text)}' is no time", TimeText.Form);
        }
        else if (at is { Year: < 2000 or >= 2200 })
        {
            problems.Add("at", $"the year {at.Year} is too far away", "give a time from 2000 to 2199, or leave it out for now");
        }

        return new Instant(at.ToUnixNanoseconds());
    }
}
