using System.Text.Json.Serialization;

namespace Sallyport.Api.Devices;

/// <summary>How far to shut a device or site out, until when, and why.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record QuarantineRequest
{
    public string? Reason { get; init; }

    /// <summary>
    /// "throttled" (what rules allow, slowly), "management" (applications for management alone), "forensic" (one application) or "dark"
    /// (nothing, not even a tunnel), the default.
    /// </summary>
    public string? Degree { get; init; }

    /// <summary>When it ends by itself; null for never.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Instead of <see cref="Until"/>: how long from now, "90m", "8h", "7d".</summary>
    public string? For { get; init; }

    /// <summary>With "forensic": the one application that is left, if rules allow it.</summary>
    public string? Application { get; init; }

    /// <summary>With "throttled": how much a second; 64kbit where nothing is said.</summary>
    public string? Rate { get; init; }
}

/// <summary>How far a device or site is shut out.</summary>
public sealed record QuarantineInfo
{
    public required string Degree { get; init; }

    /// <summary>Null where somebody has to release it.</summary>
    public DateTimeOffset? Until { get; init; }

    public string? Application { get; init; }

    public string? Rate { get; init; }
}

/// <summary>Facts of a device or site, such as "firmware": "2.4.1". Null takes a fact away; what is not named stays.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record PostureUpdate
{
    public IReadOnlyDictionary<string, string?>? Facts { get; init; }
}

/// <summary>A fact as it was last reported, and when.</summary>
public sealed record PostureInfo(string Name, string Value, DateTimeOffset At);
