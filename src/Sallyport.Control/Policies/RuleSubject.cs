using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies;

/// <summary>
/// Whom a rule or a question speaks of. Whoever has to know in control whether somebody is among them asks here, so that all say what the
/// gateways' engine says.
/// </summary>
internal sealed class RuleSubject
{
    private const int LabelsMax = 8;

    private readonly string kind;
    private readonly int identityId;
    private readonly string name;
    private readonly int? networkId;
    private readonly ImmutableArray<string> labels;

    /// <param name="kind">"device", "site", "host", "group", "label" or "network".</param>
    /// <param name="identityId">Of a single identity.</param>
    /// <param name="name">The group, or the labels.</param>
    /// <param name="networkId">Whose members are meant; null for those of all networks.</param>
    public RuleSubject(string kind, int identityId, string name, int? networkId)
    {
        this.kind = kind;
        this.identityId = identityId;
        this.name = name;
        this.networkId = networkId;
        labels = kind == "label" ? LabelSelector.Read(name) : [];
    }

    /// <summary>"key=value" texts that one must have all of; empty but for a selector.</summary>
    public IReadOnlyList<string> Labels => labels;

    /// <summary>Whose members are meant; null for those of all networks.</summary>
    public int? NetworkId => networkId;

    /// <param name="targetNetworkId">Of what the rule leads to: its members are meant where the rule names no other network.</param>
    public static RuleSubject Of(RuleModel rule, int targetNetworkId) =>
        new(rule.SubjectKind, rule.SubjectId, rule.Subject, rule.NetworkId == 0 ? targetNetworkId : rule.NetworkId);

    public bool Speaks(IdentityModel identity) => kind switch
    {
        "network" => IsMember(identity) && identity.Kind != HostIdentity.Kind,
        "group" => IsMember(identity) && identity.Groups.Contains(name),
        "label" => IsMember(identity) && labels.All(label => Has(identity, label)),
        _ => identity.Id == identityId && identity.Kind == kind,
    };

    public static bool Has(IdentityModel identity, string label)
    {
        var equals = label.IndexOf('=', StringComparison.Ordinal);
        return equals >= 0 && identity.Labels.TryGetValue(label[..equals], out var value) && value == label[(equals + 1)..];
    }

    /// <summary>"model=P200,region=eu": all of them, in the one way in which they are said.</summary>
    public static string ReadLabels(string text, string field, ProblemList problems)
    {
        var labels = LabelSelector.Read(text);
        if (labels.Length > LabelsMax)
        {
            problems.Add(field, $"{labels.Length} labels are too many", $"use at most {LabelsMax}, or a group");
            return "";
        }

        foreach (var label in labels)
        {
            var equals = label.IndexOf('=', StringComparison.Ordinal);
            IdentityInput.CheckLabel(field, equals < 0 ? label : label[..equals], equals < 0 ? null : label[(equals + 1)..], problems);
        }

        return LabelSelector.Write(labels);
    }

    private bool IsMember(IdentityModel identity) => networkId is null || identity.NetworkId == networkId;
}
