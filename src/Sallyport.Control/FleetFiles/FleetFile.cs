using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Control.Identities;

namespace Sallyport.Control.FleetFiles;

/// <summary>What stands in a file, read and not yet compared with anything. Parts that are not as they should be are marked.</summary>
internal sealed record FleetFile
{
    public IReadOnlyList<FileEntry<NetworkCreate>> Networks { get; init; } = [];

    public IReadOnlyList<FileEntry<IdentityInput>> Sites { get; init; } = [];

    public IReadOnlyList<FileEntry<IdentityInput>> Devices { get; init; } = [];

    public IReadOnlyList<FileGroup> Groups { get; init; } = [];

    public IReadOnlyList<FileEntry<ApplicationCreate>> Applications { get; init; } = [];

    public IReadOnlyList<FileEntry<RuleCreate>> Rules { get; init; } = [];

    public IReadOnlyList<FileTest> Tests { get; init; } = [];

    /// <summary>Sections whose things are removed where the file does not have them.</summary>
    public IReadOnlySet<string> Pruned { get; init; } = new HashSet<string>();

    /// <summary>Sections that are there, be they empty.</summary>
    public IReadOnlySet<string> Sections { get; init; } = new HashSet<string>();

    public int Count => Networks.Count + Sites.Count + Devices.Count + Groups.Count + Applications.Count + Rules.Count + Tests.Count;
}

/// <summary>One network, site, device, application or rule of a file.</summary>
/// <param name="Path">"devices.pump-17", "rules[3]".</param>
/// <param name="Name">Without its network; empty for a rule.</param>
/// <param name="Network">Where the file says it; null where it does not.</param>
/// <param name="Node">Its keys, each with its place.</param>
/// <param name="KeyOf">From a field of the API to its key; null where no key is exactly that.</param>
/// <param name="IsBroken">Something in it could not be read, and was told.</param>
internal sealed record FileEntry<T>(
    string Path, string Name, string? Network, T Input, FileMark At, FileMap Node, Func<string, string?> KeyOf, bool IsBroken)
{
    public int Line => At.Line;
}

/// <summary>A group and everybody who is in it.</summary>
/// <param name="Network">Null for all networks of the file.</param>
internal sealed record FileGroup(string Path, string Name, string? Network, IReadOnlyList<FileText> Members, FileMark At);

/// <summary>What must be so, or must not, for the file to be taken.</summary>
internal sealed record FileTest(string Path, FileMark Mark, FileMap Node)
{
    public required string From { get; init; }

    public required string To { get; init; }

    /// <summary>"tcp/8883" or "icmp"; null for all services of an application.</summary>
    public required string? Service { get; init; }

    public required bool MustReach { get; init; }

    /// <summary>The moment that it is judged for; null for now.</summary>
    public required DateTimeOffset? At { get; init; }

    public required string? Network { get; init; }

    /// <summary>As people read it.</summary>
    public string Text =>
        $"{From} must {(MustReach ? "" : "not ")}reach {To}{(Service is null ? "" : " " + Service)}{(At is { } at ? $" at {FileValue.Time(at)}" : "")}";
}
