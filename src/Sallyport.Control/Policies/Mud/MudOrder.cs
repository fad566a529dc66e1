namespace Sallyport.Control.Policies.Mud;

/// <summary>
/// Entries of a MUD file are tried in order, the first that matches decides. Rules have no order: one that denies wins. So an entry that denies
/// becomes a rule only where no entry before it grants a part of it; what no rule allows is denied anyway.
/// </summary>
internal static class MudOrder
{
    public static IReadOnlyList<MudGrant> Apply(IReadOnlyList<MudGrant> grants, List<MudNote> notes)
    {
        var kept = new List<MudGrant>();
        var denied = MudServices.None; // to everybody
        foreach (var grant in grants)
        {
            if (grant.Accepts)
            {
                var left = kept.Where(before => !before.Accepts && before.Peer == grant.Peer).Aggregate(grant.Services.Without(denied), (rest, before) => rest.Without(before.Services));
                Keep(grant with { Services = left }, left.IsEmpty, kept, notes);
            }
            else if (grant.Peer.IsAnybody)
            {
                denied = denied.With(grant.Services);
                notes.Add(MudNote.Of(grant.Ace, MudNote.Covered, "what no rule allows is denied anyway"));
            }
            else if (kept.Find(before => before.Accepts && before.Peer.MayBe(grant.Peer) && before.Services.Meets(grant.Services)) is { } first)
            {
                notes.Add(MudNote.Of(grant.Ace, MudNote.Covered, $"{first.Ace.Place} before it grants a part of it, and a rule that denies would win over that; the rest is denied anyway"));
            }
            else
            {
                kept.Add(grant);
            }
        }

        return [.. kept.Where(grant => !grant.Peer.IsAnybody)];
    }

    private static void Keep(MudGrant grant, bool isNothing, List<MudGrant> kept, List<MudNote> notes)
    {
        if (isNothing)
        {
            notes.Add(MudNote.Of(grant.Ace, MudNote.Cannot, "an entry before it denies all of it"));
            return;
        }

        kept.Add(grant);
        if (grant.Peer.IsAnybody)
        {
            notes.Add(MudNote.Of(
                grant.Ace, MudNote.Decide,
                grant.Opener == MudOpener.Device ? $"it names no peer for {grant.Services}: that would be everybody, here and on the internet" : $"it lets anybody open {grant.Services} of the device",
                "write a rule yourself that says who is meant"));
        }
    }
}
