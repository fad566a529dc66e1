using System.Globalization;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Credentials;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Locks;

/// <summary>What is locked, read from "device:pump-17".</summary>
/// <param name="Id">Null for a group or label.</param>
/// <param name="Name">As it is called from now on, whatever happens to the thing.</param>
/// <param name="NetworkId">Null for a group or label of all networks.</param>
internal sealed record LockSubject(string Kind, int? Id, string Name, int? NetworkId)
{
    /// <summary>"key=value" texts of which one must have all to be locked; empty but for labels.</summary>
    public IReadOnlyList<string> Labels => Kind == "label" ? LabelSelector.Read(Name) : [];

    private const string Hint =
        "write device:NAME, site:NAME, network:NAME, application:NAME, rule:ID, credential:ID, group:NAME, label:KEY=VALUE or label:KEY=VALUE,KEY=VALUE";

    private static readonly string[] Kinds = ["device", "site", "network", "application", "rule", "credential", "group", "label"];

    /// <param name="networkId">Of a group or label.</param>
    public static LockSubject? Read(SqliteConnection sql, string? text, int? networkId, ProblemList problems)
    {
        var colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        if (string.IsNullOrEmpty(text) || colon < 0)
        {
            problems.Add(
                "subject",
                string.IsNullOrEmpty(text) ? "the subject is missing" : $"'{Label.Shorten(text)}' does not say what it is",
                string.IsNullOrEmpty(text) ? Hint : Lookup.HintOfKind(sql, text));
            return null;
        }

        var (kind, name) = (text[..colon], text[(colon + 1)..]);
        switch (kind)
        {
            case "device" or "site":
                return Lookup.Identity(sql, kind, name).OrProblem("subject", problems) is { } identity
                    ? new LockSubject(kind, identity.Id, $"{identity.Name}.{identity.Network}", identity.NetworkId) : null;
            case "network":
                return Lookup.Network(sql, name).OrProblem("subject", problems) is { } network
                    ? new LockSubject(kind, network.Id, network.Name, network.Id) : null;
            case "application":
                return Lookup.Application(sql, name).OrProblem("subject", problems) is { } application
                    ? new LockSubject(kind, application.Id, $"{application.Name}.{application.Network}", application.NetworkId) : null;
            case "rule" when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var ruleId) && RuleRow.Find(sql, ruleId) is { Effect: "deny" }:
                problems.Add("subject", $"rule {name} denies: locking it would open what it closes", $"to end it: sallyport rule remove {name}");
                return null;
            case "rule":
                return Numbered(kind, name, id => RuleRow.Find(sql, id)?.NetworkId, problems);
            case "credential":
                return Numbered(kind, name, id => CredentialRow.Find(sql, id)?.NetworkId, problems);
            case "group":
                return Label.Check(name, "subject", problems) ? new LockSubject(kind, null, name, networkId) : null;
            case "label":
                return new LockSubject(kind, null, RuleSubject.ReadLabels(name, "subject", problems), networkId);
            default:
                var near = Nearest.Hint(kind, Kinds);
                problems.Add("subject", $"'{Label.Shorten(kind)}' cannot be locked", near.Length > 0 ? near : Hint);
                return null;
        }
    }

    private static LockSubject? Numbered(string kind, string text, Func<int, int?> networkOf, ProblemList problems)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && networkOf(id) is { } networkId)
        {
            return new LockSubject(kind, id, id.ToString(CultureInfo.InvariantCulture), networkId);
        }

        problems.Add("subject", $"there is no {kind} {Label.Shorten(text)}", $"see which there are: sallyport {kind} list");
        return null;
    }
}
