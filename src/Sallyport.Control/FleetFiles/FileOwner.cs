using Sallyport.Api.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;

namespace Sallyport.Control.FleetFiles;

/// <summary>Who carries an application of a file, and in which network that is.</summary>
/// <param name="Name">As the file has it; null where it names nobody.</param>
/// <param name="Network">Null where the name alone does not say.</param>
internal sealed record FileOwner(string Kind, string? Name, string? Network)
{
    public static FileOwner Of(Change change, FleetFile file, FileEntry<ApplicationCreate> entry)
    {
        if (entry.Input.Host is { } host)
        {
            return new FileOwner(HostIdentity.Kind, host, host);
        }

        var (kind, name) = entry.Input.Device is { } device ? ("device", device) : ("site", entry.Input.Site);
        var dot = name?.IndexOf('.', StringComparison.Ordinal) ?? -1;
        var network = dot >= 0 ? name![(dot + 1)..] : entry.Network ?? (name is null ? null : NetworkOf(change, file, kind, name));
        return new FileOwner(kind, name, network);
    }

    /// <summary>The input with the owner's name made whole.</summary>
    public ApplicationCreate In(ApplicationCreate input)
    {
        var full = Name is null || Network is null || Kind == HostIdentity.Kind || Name.Contains('.', StringComparison.Ordinal) ? Name : $"{Name}.{Network}";
        return input with { Site = input.Site is null ? null : full, Device = input.Device is null ? null : full };
    }

    /// <summary>The only one that has such a member, in the file or already.</summary>
    private static string? NetworkOf(Change change, FleetFile file, string kind, string name)
    {
        var candidates = file.Sites.Concat(file.Devices).Where(member => member.Input.Kind == kind && member.Name == name).Select(member => member.Network)
            .OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        if (candidates.Count == 0)
        {
            candidates = [.. IdentityRow.FindByName(change.Sql, kind, name, null).Select(row => row.Network)];
        }

        return candidates is [var only] ? only : null;
    }
}
