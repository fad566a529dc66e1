using Sallyport.Control.Users;

namespace Sallyport.Control.Changes;

/// <summary>The fleet as it is, and as it would be after a command.</summary>
/// <param name="Change">What makes the one of the other.</param>
internal sealed record Draft(FleetState Before, FleetState After, ChangeSet Change);

/// <summary>Tries a command out: everything that it checks is checked, and nothing of it ever was.</summary>
internal sealed class Drafts(Commands commands)
{
    public Draft Of(Actor actor, Action<Change> act) => commands.RunOrDrop(
        actor,
        change =>
        {
            act(change);
            return commands.Foresee(change);
        },
        _ => false).Value;
}
