namespace Sallyport.Control.Policies.Mud;

/// <summary>
/// Entries of a MUD file are tried in order, the first that matches decides. Rules have no order: one that denies wins. So an entry that denies
/// becomes a rule only where no entry before it grants a part of it; what no rule allows is denied anyway. And what is accepted after a denial is
/// made less by it, or left out where nobody can say by how much.
/// </summary>
internal sealed class MudOrder
{
    private readonly List<MudGrant> kept = [];
    private readonly List<MudGrant> denials = [];
    private readonly HashSet<MudGrant> unsaid = new(ReferenceEqualityComparer.Instance); // among those, without a rule that keeps them
    private readonly List<MudNote> notes;

    private MudOrder(List<MudNote> notes) => this.notes = notes;

    /// <summary>Grants of one opener, in the order of the file.</summary>
    public static IReadOnlyList<MudGrant> Apply(IReadOnlyList<MudGrant> grants, List<MudNote> notes)
    {
        var order = new MudOrder(notes);
        foreach (var grant in grants)
        {
            if (grant.Accepts)
            {
                order.Accept(grant);
            }
            else
            {
                order.Deny(grant);
            }
        }

        return [.. order.kept.Where(grant => !grant.Peer.IsAnybody)];
    }

    private void Deny(MudGrant grant)
    {
        denials.Add(grant);
        if (grant.IsUnsayable)
        {
            unsaid.Add(grant);
        }
        else if (grant.Peer.IsAnybody)
        {
            notes.Add(MudNote.Of(grant.Ace, MudNote.Covered, "what no rule allows is denied anyway"));
        }
        else if (kept.Find(before => before.Accepts && before.Peer.MayBe(grant.Peer) && before.Services.Meets(grant.Services)) is { } first)
        {
            unsaid.Add(grant);
            notes.Add(MudNote.Of(grant.Ace, MudNote.Covered, $"{first.Ace.Place} before it grants a part of it, and a rule that denies would win over that; the rest is denied anyway"));
        }
        else
        {
            kept.Add(grant);
        }
    }

    private void Accept(MudGrant grant)
    {
        var before = denials.ToLookup(denial => !denial.IsUnsayable && denial.Peer.Covers(grant.Peer));
        var left = before[true].Aggregate(grant.Services, (rest, denial) => rest.Without(denial.Services));
        var behind = before[false].Where(denial => denial.Peer.MayBe(grant.Peer) && denial.Services.Meets(left)).ToList();
        if (left.IsEmpty)
        {
            notes.Add(MudNote.Of(grant.Ace, MudNote.Cannot, "an entry before it denies all of it"));
        }
        else if (grant.Peer.IsAnybody)
        {
            kept.Add(grant);
            notes.Add(MudNote.Of(
                grant.Ace, MudNote.Decide,
                grant.Opener == MudOpener.Device ? $"it names no peer for {left}: that would be everybody, here and on the internet" : $"it lets anybody open {left} of the device",
                "write a rule yourself that says who is meant"));
        }
        else if (behind.Find(unsaid.Contains) is { } first)
        {
            notes.Add(BehindOf(grant, first));
        }
        else
        {
            kept.Add(grant with { Services = left, Behind = behind });
        }
    }

    /// <summary>That it is left out for what was denied before.</summary>
    public static MudNote BehindOf(MudGrant grant, MudGrant denial) => MudNote.Of(
        grant.Ace, MudNote.Decide, $"{denial.Ace.Place} before it denies what may be a part of it, and no rule says that here: allowing it would allow that part as well", "write a rule yourself for what is meant");
}
