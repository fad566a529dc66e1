using System.Globalization;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies.Mud;

/// <summary>Whom the operator means by a class of the file.</summary>
/// <param name="From">As a rule names them who open; null where no rule can.</param>
/// <param name="NetworkId">Of the members.</param>
/// <param name="Application">Where it is one; else the <paramref name="Members"/> are meant.</param>
internal sealed record MudBound(string Text, string? From, int NetworkId, ApplicationModel? Application, IReadOnlyList<IdentityModel> Members);

/// <summary>What the operator said of the classes of a file: "controller", "my-controller", "local-networks", …</summary>
internal sealed class MudBindings
{
    private const string Hint = "write application:NAME, device:NAME, site:NAME, host:NETWORK, group:NAME, label:KEY=VALUE or network:NAME";

    private static readonly string[] Kinds = ["application", "device", "site", HostIdentity.Kind, "group", "label", "network"];

    private readonly Dictionary<MudClass, List<MudBound>> bound = [];
    private readonly SqliteConnection sql;
    private readonly Actor actor;
    private readonly FleetState fleet;
    private readonly MudSubject subject;
    private readonly ProblemList problems;

    private MudBindings(SqliteConnection sql, Actor actor, FleetState fleet, MudSubject subject, ProblemList problems)
    {
        this.sql = sql;
        this.actor = actor;
        this.fleet = fleet;
        this.subject = subject;
        this.problems = problems;
    }

    public static MudBindings Read(SqliteConnection sql, Actor actor, FleetState fleet, MudSubject subject, MudRequest request, MudFile file, ProblemList problems)
    {
        var bindings = new MudBindings(sql, actor, fleet, subject, problems);
        bindings.AddAll("controller", "controller", request.Controller, hasValue: true);
        bindings.AddAll("my-controller", "myController", request.MyController, hasValue: false);
        bindings.AddAll("local-networks", "localNetworks", request.LocalNetworks, hasValue: false);
        bindings.AddAll("same-manufacturer", "sameManufacturer", request.SameManufacturer, hasValue: false);
        bindings.AddAll("manufacturer", "manufacturer", request.Manufacturer, hasValue: true);
        bindings.AddAll("model", "model", request.Model, hasValue: true);
        bindings.AddLabels(file, request.ManufacturerLabel ?? "manufacturer", request.ModelLabel ?? "model");
        return bindings;
    }

    /// <summary>Empty where nobody said.</summary>
    public IReadOnlyList<MudBound> Of(MudPeer peer) => bound.GetValueOrDefault(new MudClass(peer.Kind, peer.Value)) ?? [];

    /// <summary>Classes that were bound and that the file does not have.</summary>
    public IEnumerable<MudClass> Without(IEnumerable<MudClass> used) => bound.Keys.Except(used);

    private void AddAll(string kind, string field, IReadOnlyList<string>? texts, bool hasValue)
    {
        foreach (var (i, text) in (texts ?? []).Index().Take(MudLimits.BindingsMax))
        {
            Add(kind, string.Create(CultureInfo.InvariantCulture, $"{field}[{i}]"), text ?? "", hasValue);
        }
    }

    private void Add(string kind, string field, string text, bool hasValue)
    {
        var equals = hasValue ? SplitAt(text) : -1;
        if (hasValue && equals <= 0)
        {
            problems.Add(field, $"'{Label.Shorten(text)}' does not say which {kind} is whom", $"write it like {(kind == "controller" ? "urn:ietf:params:mud:ntp=application:ntp" : "vendor.example=label:manufacturer=vendor")}");
            return;
        }

        if (Read(field, text[(equals + 1)..]) is not { } read)
        {
            return;
        }

        var key = new MudClass(kind, hasValue ? text[..equals] : "");
        if (!bound.TryGetValue(key, out var all))
        {
            bound[key] = all = [];
        }

        all.Add(read);
    }

    /// <summary>A URI may have an equals sign, too: the one counts behind which a kind of ours stands.</summary>
    private static int SplitAt(string text)
    {
        for (var at = text.IndexOf('=', StringComparison.Ordinal); at >= 0; at = text.IndexOf('=', at + 1))
        {
            if (Kinds.Any(kind => text.AsSpan(at + 1).StartsWith($"{kind}:", StringComparison.Ordinal)))
            {
                return at;
            }
        }

        return -1;
    }

    private MudBound? Read(string field, string text)
    {
        var (kind, name) = text.Split(':', 2) is [var before, { Length: > 0 } after] ? (before, after) : ("", "");
        switch (kind)
        {
            case "application":
                return ReadApplication(field, name);
            case "device" or "site" or HostIdentity.Kind:
                return ReadIdentity(field, text);
            case "group" when Label.Check(name, field, problems):
                return ReadMembers(field, kind, name);
            case "label" when MudSubject.ReadLabels(name, field, problems) is { } labels:
                return ReadMembers(field, kind, labels);
            case "network":
                return ReadNetwork(field, name);
            case "group" or "label":
                return null;
            default:
                var near = Nearest.Hint(kind, Kinds);
                problems.Add(field, $"'{Label.Shorten(text)}' does not say who is meant", near.Length > 0 ? near : Hint);
                return null;
        }
    }

    private MudBound? ReadApplication(string field, string name)
    {
        if (Lookup.Application(sql, name).OrProblem(field, problems) is not { } row)
        {
            return null;
        }

        actor.Require(Right.See, row.NetworkId);
        if (!fleet.Applications.TryGetValue(row.Id, out var application))
        {
            problems.Add(field, $"application {row.Name} is being made or removed just now", "ask again");
            return null;
        }

        var owner = fleet.Identities[application.OwnerId];
        // Who carries it opens flows in its name only where it is nothing but that: a site is all of its subnets.
        var isOwner = owner.Kind == "device" && (application.Target == owner.AddressV4 || application.Target == owner.AddressV6);
        var from = isOwner || (owner.Kind == HostIdentity.Kind && !EgressNetwork.IsCarrier(owner)) ? FromOf(owner) : null;
        return new MudBound($"application {row.Name}", from, row.NetworkId, application, []);
    }

    private MudBound? ReadIdentity(string field, string text)
    {
        if (OwnerInput.Read(sql, text, field, problems) is not { } row)
        {
            return null;
        }

        actor.Require(Right.See, row.NetworkId);
        if (!fleet.Identities.TryGetValue(row.Id, out var identity))
        {
            problems.Add(field, $"{row.Kind} {row.Name} is being made or removed just now", "ask again");
            return null;
        }

        return new MudBound(
            $"{identity.Kind} {identity.Name}", EgressNetwork.IsCarrier(identity) ? null : FromOf(identity), identity.NetworkId, null, [identity]);
    }

    private MudBound? ReadMembers(string field, string kind, string name)
    {
        var members = MudSubject.MembersOf(sql, fleet, kind, name, subject.Network.Id);
        if (members.Count > 0)
        {
            return new MudBound($"{kind} {name}", $"{kind}:{name}", subject.Network.Id, null, members);
        }

        problems.AddUnknown(
            field, $"nobody in network {subject.Network.Name} {(kind == "label" ? "has the label" : "is in the group")} {Label.Shorten(name)}", "see who there is: sallyport device list");
        return null;
    }

    private MudBound? ReadNetwork(string field, string name)
    {
        if (Lookup.Network(sql, name).OrProblem(field, problems) is not { } row)
        {
            return null;
        }

        actor.Require(Right.See, row.Id);
        return new MudBound($"network {row.Name}", $"network:{row.Name}", row.Id, null, MudSubject.MembersOf(sql, fleet, "network", "", row.Id));
    }

    /// <summary>Manufacturers and models are labels, where somebody has them and nothing else was said.</summary>
    private void AddLabels(MudFile file, string manufacturer, string model)
    {
        foreach (var (field, key) in ((string, string)[])[("manufacturerLabel", manufacturer), ("modelLabel", model)])
        {
            IdentityInput.CheckLabel(field, key, "any", problems);
        }

        var having = MudSubject.MembersOf(sql, fleet, "network", "", subject.Network.Id)
            .SelectMany(member => member.Labels.Where(label => label.Key == manufacturer || label.Key == model).Select(label => (Label: $"{label.Key}={label.Value}", member)))
            .ToLookup(pair => pair.Label, pair => pair.member);
        foreach (var one in file.FromDevice.Concat(file.ToDevice).SelectMany(ace => ace.Match.Classes).Distinct().Where(one => !bound.ContainsKey(one)))
        {
            var label = one.Kind switch
            {
                "same-manufacturer" => $"{manufacturer}={file.Authority}",
                "manufacturer" => $"{manufacturer}={one.Value}",
                "model" => $"{model}={one.Value}",
                _ => "",
            };

            // A value with a comma and an equals sign would be two labels to a rule.
            if (having[label].ToList() is { Count: > 0 } members && LabelSelector.Read(label).Length == 1)
            {
                bound[one] = [new MudBound($"label {label}", $"label:{label}", subject.Network.Id, null, members)];
            }
        }
    }

    private string FromOf(IdentityModel identity) =>
        identity.Kind == HostIdentity.Kind ? $"{identity.Kind}:{identity.Name}" : $"{identity.Kind}:{identity.Name}.{fleet.Networks[identity.NetworkId].Name}";
}
