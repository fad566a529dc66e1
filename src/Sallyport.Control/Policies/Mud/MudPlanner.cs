using Sallyport.Api.Nodes;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Mud;

/// <summary>
/// From grants to applications and rules that give no more: an application offers just the services of its entries, and a class stands for
/// nobody until the operator says for whom.
/// </summary>
internal sealed class MudPlanner(FleetState fleet, MudSubject subject, MudBindings bindings, MudDraft draft)
{
    private const string Dns = "urn:ietf:params:mud:dns"; // RFC 8520 section 9
    private const string Ntp = "urn:ietf:params:mud:ntp";
    private const string Gateway = "urn:ietf:params:mud:gateway"; // what observers of traffic write for the device's router

    private static readonly MudServices Asking = MudServices.Of(IpProtocol.Udp, [(53, 53)]).With(MudServices.Of(IpProtocol.Tcp, [(53, 53)]));
    private static readonly MudServices Configuring = MudServices.Of(IpProtocol.Udp, [(67, 68), (546, 547)]);

    private readonly List<MudNote> notes = [];
    private readonly HashSet<MudAce> unsaid = new(ReferenceEqualityComparer.Instance); // denials for which no rule could be made

    /// <summary>Who is in the network, and what each carries.</summary>
    private readonly List<(IdentityModel Identity, IReadOnlyList<IpPrefix> Carried)> members =
    [
        .. fleet.Identities.Values.Where(identity => identity.NetworkId == subject.Network.Id).OrderBy(identity => identity.Id)
            .Select(identity => (identity, (IReadOnlyList<IpPrefix>)[.. identity.Subnets.Select(IpPrefix.Parse)])),
    ];

    private readonly IReadOnlyList<IpPrefix> prefixes = [.. subject.Network.Prefixes.Select(IpPrefix.Parse)];

    public IReadOnlyList<MudNote> Notes => notes;

    /// <summary>All that is granted or denied of one peer in one direction.</summary>
    private sealed record Part(MudPeer Peer, bool Accepts, IReadOnlyList<MudGrant> Grants)
    {
        public MudServices Services { get; } = Grants.Select(grant => grant.Services).Aggregate((a, b) => a.With(b));

        public IReadOnlyList<MudAce> Entries { get; } = [.. Grants.Select(grant => grant.Ace)];
    }

    public void Plan(IReadOnlyList<MudGrant> grants)
    {
        // Denials first: what is accepted after one for which no rule could be made is not made either.
        PlanAlike(grants.Where(grant => !grant.Accepts));
        var accepted = new List<MudGrant>();
        foreach (var grant in grants.Where(grant => grant.Accepts))
        {
            if (grant.Behind.FirstOrDefault(denial => unsaid.Contains(denial.Ace)) is { } first)
            {
                notes.Add(MudOrder.BehindOf(grant, first));
            }
            else
            {
                accepted.Add(grant);
            }
        }

        PlanAlike(accepted);
    }

    private void PlanAlike(IEnumerable<MudGrant> grants)
    {
        var parts = grants.GroupBy(grant => (grant.Opener, grant.Peer, grant.Accepts))
            .Select(group => (group.Key.Opener, Part: new Part(group.Key.Peer, group.Key.Accepts, [.. group]))).ToList();
        var opened = parts.Where(one => one.Opener == MudOpener.Device).Select(one => one.Part).ToList();
        PlanNames([.. opened.Where(part => part.Peer.Kind == "name")]);
        foreach (var part in opened.Where(part => part.Peer.Kind == "network"))
        {
            PlanNetwork(part, part.Peer.Network!.Value, mayBeBeyond: true);
        }

        foreach (var part in opened.Where(part => part.Peer.IsClass))
        {
            PlanClass(part);
        }

        foreach (var (_, part) in parts.Where(one => one.Opener == MudOpener.Peer))
        {
            PlanPeer(part);
        }
    }

    /// <summary>Names with the same services are one application.</summary>
    private void PlanNames(IReadOnlyList<Part> parts)
    {
        var byV4 = parts.Where(part =>
        {
            // The same entry is often there for both families; what is there for IPv6 alone has no way out.
            var isReached = part.Entries.Any(entry => !entry.Match.IsV6);
            if (!isReached)
            {
                Note(part, MudNote.Cannot, "beyond the gateway host there is IPv4 only");
            }

            return isReached;
        });
        foreach (var alike in byV4.GroupBy(part => (part.Accepts, Services: part.Services.ToString())))
        {
            foreach (var chunk in alike.OrderBy(part => part.Peer.Value, StringComparer.Ordinal).Chunk(MudLimits.NamesMax))
            {
                var services = chunk[0].Services;
                var entries = chunk.SelectMany(part => part.Entries).ToList();
                var stem = chunk is [var one] ? $"{MudDraft.Plain(one.Peer.Value)}-{MudDraft.Slug(services)}" : MudDraft.Slug(services);
                var to = draft.Application(MudOwner.Beyond(fleet), null, [.. chunk.Select(part => part.Peer.Value)], services, stem, entries);
                Rule(to, alike.Key.Accepts, entries);
            }
        }

        if (parts.Any(part => part.Accepts) && !subject.Network.DefaultRoute)
        {
            notes.Add(new MudNote(
                MudNote.Remark, "", null, $"names lie at any address, and devices of network {subject.Network.Name} send only what has a route to the gateway",
                $"sallyport network update {subject.Network.Name} --default-route on"));
        }
    }

    private void PlanNetwork(Part part, IpPrefix target, bool mayBeBeyond)
    {
        var address = ApplicationInput.Show(target);
        var carrier = members.Find(one => one.Carried.Any(subnet => subnet.Contains(target)) || one.Identity.AddressV4 == address || one.Identity.AddressV6 == address).Identity;
        if (carrier is not null)
        {
            AddAt(part, MudOwner.Of(fleet, carrier), carrier.Kind == HostIdentity.Kind ? null : address);
        }
        else if (HostIdentity.AddressIn(prefixes) is { } host && target == IpPrefix.Host(host))
        {
            AddAt(part, new MudOwner(0, HostIdentity.Kind, subject.Network.Name, subject.Network.Id, subject.Network.Name), null);
        }
        else if (!IsBeyond(target))
        {
            Note(part, MudNote.Decide, $"{address} lies in network {subject.Network.Name}, and no one device or site carries all of it", "name an application there, and write the rule yourself");
        }
        else if (!mayBeBeyond)
        {
            Note(part, MudNote.Cannot, $"{address} is in no local network: nobody in network {subject.Network.Name} carries it");
        }
        else if (!target.IsV4)
        {
            Note(part, MudNote.Cannot, "beyond the gateway host there is IPv4 only");
        }
        else if (!Egress.Means(Egress.Everything, target.First))
        {
            Note(
                part, MudNote.Decide, $"{address} is private: the manufacturer cannot know what is there in your network",
                $"if it is meant: sallyport application add NAME --egress --target {address}, and a rule");
        }
        else
        {
            AddAt(part, MudOwner.Beyond(fleet), address);
        }
    }

    private void AddAt(Part part, MudOwner owner, string? target) =>
        Rule(draft.Application(owner, target, [], part.Services, $"{MudDraft.Plain(target ?? owner.Name)}-{MudDraft.Slug(part.Services)}", part.Entries), part.Accepts, part.Entries);

    private void PlanClass(Part part)
    {
        if (part.Peer.Network is { } within)
        {
            PlanNetwork(part, within, mayBeBeyond: false);
            return;
        }

        var bound = bindings.Of(part.Peer);
        if (bound.Count == 0)
        {
            NoteUnbound(part, isAsked: true);
            return;
        }

        foreach (var one in bound)
        {
            if (one.Application is { } application)
            {
                ReachApplication(part, one, application);
            }
            else
            {
                ReachMembers(part, one);
            }
        }
    }

    private void ReachApplication(Part part, MudBound bound, ApplicationModel application)
    {
        var offered = MudServices.Read(application.Services);
        var both = offered.And(part.Services);
        if (both.IsEmpty)
        {
            Note(part, MudNote.Decide, $"{bound.Text} offers {offered}, and the file asks {part.Peer.Text} for {part.Services}", "name another application, or mend this one");
            return;
        }

        if (!part.Services.IsIn(offered) && !part.Services.NamesNone)
        {
            Note(part, MudNote.Remark, $"{bound.Text} does not offer {part.Services.Without(offered)}, which the file asks for");
        }

        var owner = MudOwner.Of(fleet, fleet.Identities[application.OwnerId]);
        var isWhole = owner.Kind == HostIdentity.Kind && (owner.Network != Egress.Name || ApplicationInput.ParseTarget(application.Target) == Egress.Everything);
        IReadOnlyList<string> names = [.. (application.Names ?? []).Order(StringComparer.Ordinal)];
        var to = offered.IsIn(part.Services)
            ? $"application:{application.Name}.{owner.Network}"
            : draft.Application(owner, isWhole ? null : application.Target, names, both, $"{application.Name}-{MudDraft.Slug(both)}", part.Entries);
        if (owner.Kind == "device" && subject.Members is [var only] && only.Id == owner.Id)
        {
            Note(part, MudNote.Covered, "the device carries it itself: that does not pass the gateway");
            return;
        }

        Rule(to, part.Accepts, part.Entries);
    }

    private void ReachMembers(Part part, MudBound bound)
    {
        if (part is { Accepts: true, Services.NamesNone: true })
        {
            Note(part, MudNote.Decide, $"the entry names no service, and {bound.Text} would be open as a whole", "name an application instead: it says which services are meant");
            return;
        }

        var isAlone = subject.Text.StartsWith("device:", StringComparison.Ordinal);
        var others = bound.Members.Where(member => !isAlone || member.Id != subject.Members[0].Id).ToList();
        if (PlacesOf(part, others, $"{bound.Text} has") is { } places)
        {
            Rule(Offer(places, part, MudDraft.Plain(part.Peer.Kind)), part.Accepts, part.Entries);
        }
    }

    /// <summary>The peer opens, and what it opens is on the device.</summary>
    private void PlanPeer(Part part)
    {
        if (part.Peer.Kind == "name" || (part.Peer.Network is { } prefix && IsBeyond(prefix)))
        {
            Note(part, part.Accepts ? MudNote.Cannot : MudNote.Covered, $"nobody beyond the gateway host opens anything here, and {part.Peer.Text} lies there");
            return;
        }

        if (part is { Accepts: true, Services.NamesNone: true })
        {
            Note(part, MudNote.Decide, $"it lets {part.Peer.Text} open any service of the device", "name what is meant as an application on the device, and write the rule yourself");
            return;
        }

        if (PlacesOf(part, subject.Members, $"{subject.Text} has") is not { } places)
        {
            return;
        }

        var froms = FromOf(part).ToList();
        if (froms.Count > 0)
        {
            var to = Offer(places, part, "own");
            foreach (var (from, networkId) in froms)
            {
                draft.Rule(from, networkId, to, !part.Accepts, part.Entries);
            }
        }
    }

    private IEnumerable<(string From, int NetworkId)> FromOf(Part part)
    {
        if (part.Peer.Network is { } prefix)
        {
            var address = ApplicationInput.Show(prefix);
            var exact = members.Find(one => one.Identity.AddressV4 == address || one.Identity.AddressV6 == address || (one.Carried is [var subnet] && subnet == prefix)).Identity;
            if (exact is null)
            {
                Note(part, MudNote.Decide, $"no one device or site of network {subject.Network.Name} is {address}", "write the rule yourself, from who is meant");
                yield break;
            }

            yield return (exact.Kind == HostIdentity.Kind ? $"host:{subject.Network.Name}" : $"{exact.Kind}:{exact.Name}.{subject.Network.Name}", subject.Network.Id);
            yield break;
        }

        var bound = bindings.Of(part.Peer);
        if (bound.Count == 0)
        {
            NoteUnbound(part, isAsked: false);
        }

        foreach (var one in bound)
        {
            if (one.From is { } from)
            {
                yield return (from, one.NetworkId);
            }
            else
            {
                Note(part, MudNote.Decide, $"{one.Text} opens nothing by itself: who carries it is more than it", "name a device, site, group or label that opens");
            }
        }
    }

    private bool IsBeyond(IpPrefix prefix) => !prefixes.Concat(members.SelectMany(one => one.Carried)).Any(own => own.Overlaps(prefix));

    /// <summary>Where applications on members are; null after the note that says why there are none.</summary>
    private List<(MudOwner Owner, string? Target)>? PlacesOf(Part part, IReadOnlyList<IdentityModel> members, string who)
    {
        var places = members.SelectMany(member => (member.Kind == "site" ? member.Subnets : [member.AddressV4 ?? member.AddressV6 ?? ""])
            .Where(at => at.Length > 0).Select(at => (MudOwner.Of(fleet, member), member.Kind == HostIdentity.Kind ? null : (string?)at))).ToList();
        if (places.Count is > 0 and <= MudLimits.DevicesMax)
        {
            return places;
        }

        Note(
            part, MudNote.Decide, places.Count == 0 ? $"{who} no device yet for which an application could be made" : $"{who} {places.Count} places, and an application for each would be needed",
            places.Count == 0 ? "ask again when there is one" : $"at most {MudLimits.DevicesMax} are made at once: name fewer, or applications");
        return null;
    }

    private string Offer(List<(MudOwner Owner, string? Target)> places, Part part, string stem)
    {
        if (places is [var one])
        {
            return draft.Application(one.Owner, one.Target, [], part.Services, $"{stem}-{one.Owner.Name}-{MudDraft.Slug(part.Services)}", part.Entries);
        }

        Note(part, MudNote.Remark, $"an application for each of the {places.Count} that there are now", "ask again when more come");
        return draft.Group(places, part.Services, stem, part.Entries);
    }

    private void Rule(string to, bool accepts, IEnumerable<MudAce> entries) => draft.Rule(subject.Text, subject.Network.Id, to, !accepts, entries);

    /// <param name="isAsked">The device asks; else it is asked.</param>
    private void NoteUnbound(Part part, bool isAsked)
    {
        foreach (var grant in part.Grants)
        {
            if (isAsked && IsThere(grant) is { } why)
            {
                notes.Add(MudNote.Of(grant.Ace, MudNote.Covered, why));
                continue;
            }

            var (field, hint) = FieldOf(part.Peer);
            if (!part.Accepts)
            {
                unsaid.Add(grant.Ace);
            }

            notes.Add(MudNote.Of(
                grant.Ace, MudNote.Decide, isAsked ? $"who is {part.Peer.Text}, whom the device asks for {grant.Services}?" : $"who is {part.Peer.Text}, who asks the device for {grant.Services}?", $"say it with {field}{hint}"));
        }
    }

    /// <summary>What every device has from the gateway; null where it is not that.</summary>
    private string? IsThere(MudGrant grant) => grant.Peer switch
    {
        { Kind: "controller", Value: Dns } when grant.Accepts && subject.Network.Dns is not null && grant.Services.IsIn(Asking) => $"the gateway answers names in network {subject.Network.Name}, over UDP",
        { Kind: "controller", Value: Gateway } when grant.Services.IsIn(Configuring) => "a device has its address from its credential; DHCP stays on its own link",
        _ => null,
    };

    private (string Field, string Hint) FieldOf(MudPeer peer)
    {
        var value = Names.Label.Shorten(peer.Value);
        return peer.Kind switch
        {
            "controller" => ($"controller={value}={(value == Gateway ? $"host:{subject.Network.Name}" : "application:NAME")}", value == Ntp ? "; one beyond the host is made by: sallyport application add ntp --egress --name pool.ntp.org --udp 123" : ""),
            "my-controller" => ("myController=application:NAME", ""),
            "local-networks" => ($"localNetworks=site:NAME, group:NAME or network:{subject.Network.Name}", ""),
            "same-manufacturer" => ("sameManufacturer=label:KEY=VALUE", ", or give the devices the label"),
            _ => ($"{peer.Kind}={value}=label:KEY=VALUE", ", or give the devices the label"),
        };
    }

    private void Note(Part part, string kind, string why, string? hint = null)
    {
        notes.AddRange(part.Entries.Select(entry => MudNote.Of(entry, kind, why, hint)));
        if (!part.Accepts && kind is (MudNote.Decide or MudNote.Cannot))
        {
            unsaid.UnionWith(part.Entries);
        }
    }
}
