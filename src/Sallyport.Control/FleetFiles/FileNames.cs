using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// What a name without its network means in a file: what the file itself makes under that name, else what its only network has. Where neither says, all
/// networks are looked at, as everywhere else.
/// </summary>
internal sealed class FileNames
{
    private readonly Change change;
    private readonly string? only;
    private readonly ILookup<(string Kind, string Name), string> declared;

    /// <param name="scope">The networks of the file.</param>
    public FileNames(Change change, FleetFile file, IReadOnlySet<string> scope)
    {
        this.change = change;
        only = scope.Where(network => network != Core.Policy.Egress.Name).ToList() is [var one] ? one : null;
        declared = file.Sites.Concat(file.Devices).Select(member => (member.Input.Kind, member.Name, member.Network))
            .Concat(file.Applications.Select(application => ("application", application.Name, FileOwner.Of(change, file, application).Network)))
            .Where(one => one.Network is not null).ToLookup(one => (one.Item1, one.Item2), one => one.Network!);
    }

    /// <summary>"application:historian.plant-a" of "application:historian"; as it is where it says its network, or the file does not.</summary>
    public string? Whole(string? reference) =>
        reference?.Split(':', 2) is [("device" or "site" or "application") and var kind, var name] && !name.Contains('.', StringComparison.Ordinal)
        && NetworkOf(kind, name) is { } network ? $"{reference}.{network}" : reference;

    private string? NetworkOf(string kind, string name) => declared[(kind, name)].Distinct(StringComparer.Ordinal).ToList() switch
    {
        [var network] => network,
        [] when only is not null && Has(kind, name, only) => only,
        _ => null,
    };

    private bool Has(string kind, string name, string network) => kind == "application"
        ? ApplicationRow.FindByName(change.Sql, name, network).Count > 0
        : IdentityRow.FindByName(change.Sql, kind, name, network).Count > 0;
}
