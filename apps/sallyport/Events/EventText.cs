using Sallyport.Api.Events;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Events;

/// <summary>An event as a sentence.</summary>
internal static class EventText
{
    /// <summary>What control did is a sentence already; what a gateway saw says about whom, and from where.</summary>
    public static string What(EventInfo e)
    {
        if (e.Source == "control")
        {
            return e.Detail;
        }

        var from = e.OuterAddress is null ? "" : $"from {e.OuterAddress}";
        var who = string.Join(' ', ((string?[])[SubjectOf(e), from]).Where(part => !string.IsNullOrEmpty(part)));
        return who.Length == 0 ? Named(e) : e.Detail.Length == 0 ? who : $"{who}: {e.Detail}";
    }

    /// <summary>As what control did names it: with the network, which other ones of the name do not have.</summary>
    private static string? SubjectOf(EventInfo e) =>
        e.Network is null || e.Subject?.Split(':', 2) is not ["device" or "site", var name] || name.Contains('.', StringComparison.Ordinal) ? e.Subject : $"{e.Subject}.{e.Network}";

    public static string Line(EventInfo e) => $"{Human.Time(e.At)}  {e.Kind}  {What(e)}";

    private static string Named(EventInfo e) => e.Detail.Length == 0 ? $"gateway {e.Source}" : $"gateway {e.Source}: {e.Detail}";
}
