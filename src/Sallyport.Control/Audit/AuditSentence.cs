using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sallyport.Api.Audit;

namespace Sallyport.Control.Audit;

/// <summary>What a record says, for people: "device pump-17 revoked: stolen".</summary>
internal static class AuditSentence
{
    private const string EnforcedSuffix = ".enforced";

    public static string Of(AuditRecord record)
    {
        var enforced = record.Action.EndsWith(EnforcedSuffix, StringComparison.Ordinal);
        var action = enforced ? record.Action[..^EnforcedSuffix.Length] : record.Action;
        if (Read(record.Detail) is not { } detail)
        {
            // Somebody altered it; verify says so, and the list shows what is there.
            return $"{Subject(record.Subject)}, {action}: {record.Detail}";
        }

        try
        {
            var head = action switch
            {
                "token.create" or "token.replace" => $"token of {Subject(record.Subject)} made",
                "credential.issue" => $"profile issued for {Subject(record.Subject)}",
                "device.posture" or "site.posture" when !enforced => $"facts of {Subject(record.Subject)} reported",
                "device.posture" or "site.posture" => $"facts of {Subject(record.Subject)} enforced",
                "device.posture.age" or "site.posture.age" => $"facts of {Subject(record.Subject)} are too old",
                "credential.revoke" when !enforced => $"{Subject(record.Subject)} of {Subject(Text(detail, "owner") ?? "")} revoked",
                _ => $"{Subject(record.Subject)} {Past(action[(action.LastIndexOf('.') + 1)..])}",
            };
            var parts = string.Join("; ", (enforced ? Enforced(action, detail) : Parts(action, detail)).OfType<string>());
            return parts.Length == 0 ? head : $"{head}: {parts}";
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            return $"{Subject(record.Subject)}, {action}: {record.Detail}";
        }
    }

    private static IEnumerable<string?> Parts(string action, JsonObject detail) => action switch
    {
        "rule.create" or "rule.update" => [Permission(detail, "may"), Text(detail, "time"), Text(detail, "conditions"), Prefixed("at most ", Text(detail, "limit"))],
        "rule.delete" => [Permission(detail, "could")],
        "lock.add" or "lock.remove" or "lock.expire" => [Spaced(Text(detail, "subject")), Text(detail, "reason"), Text(detail, "time")],
        "application.create" or "application.update" =>
            [$"{Place(detail)} {List(detail, "services")} at {Subject(Text(detail, "owner") ?? "")}", Prefixed("groups ", List(detail, "groups")), detail.ContainsKey("management") ? "for management" : null],
        "network.create" => [List(detail, "prefixes"), .. Unusual(detail)],
        "fleet.apply" =>
        [
            .. ((string[])["added", "changed", "removed"]).Select(what => detail[what]?.GetValue<long>() is > 0 and var count ? $"{count} {what}" : null),
            Count(detail, "tests", "test") is { } tests ? tests + " passed" : null,
        ],
        "network.update" =>
        [
            List(detail, "prefixes"),
            Text(detail, "authentication"),
            List(detail, "wrappings"),
            List(detail, "ciphers"),
            Prefixed("TLS ", Text(detail, "minimumTls")),
            Prefixed("services of others in ", List(detail, "serviceRanges")),
            Prefixed("guests in ", List(detail, "guestPools")),
            .. Unusual(detail),
        ],
        "credential.issue" =>
        [
            Counted("credential", detail, "credentials"),
            Text(detail, "wrapping"),
            Prefixed("user name ", Text(detail, "username")),
            Prefixed("valid until ", Text(detail, "notAfter")),
            Counted("replaces credential", detail, "revoked"),
        ],
        "network.reroute" => [$"{Count(detail, "tunnels", "tunnel")} connect{(detail["tunnels"]?.GetValue<long>() == 1 ? "s" : "")} anew{Prefixed(" for routes to ", List(detail, "routes"))}", List(detail, "members")],
        "token.create" or "token.replace" => [Prefixed("in ", Text(detail, "file"))],
        "device.posture" or "site.posture" =>
            [detail["facts"] is JsonObject facts ? string.Join(", ", facts.Select(fact => $"{fact.Key}={fact.Value}")) : null],
        _ =>
        [
            Text(detail, "degree"),
            Prefixed("only to ", Text(detail, "application") is { } left ? Subject(left) : null),
            Text(detail, "rate"),
            Text(detail, "time"),
            Text(detail, "reason"),
            Prefixed("at most ", Text(detail, "limit")),
            Text(detail, "addressV4"),
            Text(detail, "addressV6"),
            Prefixed("carries ", List(detail, "subnets")),
            detail["labels"] is JsonObject { Count: > 0 } labels
                ? "labels " + string.Join(", ", labels.Select(label => $"{label.Key}={label.Value}")) : Without(action, "labels"),
            Prefixed("groups ", List(detail, "groups")) ?? Without(action, "groups"),
            .. Each(detail, "ipsecChosen"),
            .. Each(detail, "ipsecChanged"),
            Prefixed("with it ", Counted("credential", detail, "credentials")),
        ],
    };

    /// <summary>What the gateways measured.</summary>
    private static IEnumerable<string?> Enforced(string action, JsonObject detail)
    {
        var moment = detail.ContainsKey("dueAt") ? "that moment" : "the commit";
        if (detail["enforced"]?.GetValue<bool>() != true)
        {
            var silent = detail["gateways"] is JsonArray gateways
                ? gateways.OfType<JsonObject>().Where(gateway => gateway["confirmed"]?.GetValue<bool>() != true).Select(gateway => Text(gateway, "gateway"))
                : [];
            var names = string.Join(", ", silent);
            yield return names.Length == 0 ? "no gateway was connected to enforce it" : $"not confirmed yet by {names}";
            yield break;
        }

        if (detail["late"]?.GetValue<bool>() == true)
        {
            yield return "confirmed late";
        }

        var last = detail["millisecondsToLastPacket"]?.GetValue<double>();
        string?[] cut = [Count(detail, "tunnelsCut", "tunnel"), Count(detail, "flowsCut", "flow")];
        yield return cut.Any(what => what is not null) ? "cut " + string.Join(" and ", cut.OfType<string>())
            : action.StartsWith("rule.", StringComparison.Ordinal) ? "no flow had to be cut" : "nothing of it was live";
        if (last is { } milliseconds)
        {
            yield return milliseconds == 0 ? $"no packet after {moment}" : $"last packet {Milliseconds(milliseconds)} after {moment}";
        }

        if (detail["rulesAtOnce"]?.GetValue<int>() is > 1 and var rules)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"together with {rules - 1} other rule{(rules == 2 ? "" : "s")} of that moment");
        }

        if (detail["millisecondsToEnforced"]?.GetValue<double>() is { } all)
        {
            yield return $"enforced after {Milliseconds(all)}";
        }
    }

    /// <summary>What an application of names means is the names, in its target where that is not everything.</summary>
    private static string? Place(JsonObject detail) => (List(detail, "names"), Text(detail, "target")) switch
    {
        (null, var target) => target,
        (var names, "0.0.0.0/0") => names,
        (var names, var target) => $"{names} in {target}",
    };

    /// <summary>Of a network what is not as with most.</summary>
    private static IEnumerable<string?> Unusual(JsonObject detail)
    {
        yield return Prefixed("guests ", Text(detail, "guests"));
        yield return Prefixed("topology ", Text(detail, "topology"));
        yield return detail.ContainsKey("defaultRoute") ? "everything goes into the tunnel" : null;
        foreach (var change in Each(detail, "ipsecChanged"))
        {
            yield return change;
        }

        if (!detail.ContainsKey("ipsecChanged"))
        {
            yield return detail["ipsec"] is JsonObject ipsec ? ipsec["Off"]?.GetValue<bool>() == true ? "no IPsec" : "IPsec as it was chosen" : null;
        }

        if (detail["dns"] is JsonObject dns)
        {
            yield return dns["serve"]?.GetValue<bool>() == false ? "names are not answered" : null;
            yield return Prefixed("other names are asked of ", List(dns, "forward"));
        }
    }

    /// <summary>"group pumps of network plant-a may reach application historian": the network where it is not the application's.</summary>
    private static string Permission(JsonObject detail, string may) =>
        $"{Spaced(Text(detail, "from"))}{FromNetwork(detail)} {may}{(Text(detail, "effect") == "deny" ? " not" : "")} reach {Subject(Text(detail, "to") ?? "")}";

    private static string? FromNetwork(JsonObject detail) =>
        Text(detail, "from")?.StartsWith("network:", StringComparison.Ordinal) == true ? null : Prefixed(" of network ", Text(detail, "fromNetwork"));

    private static JsonObject? Read(string detail)
    {
        try
        {
            return JsonNode.Parse(detail) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>"device:pump-17.plant-a" is "device pump-17": the record's own subject has the network.</summary>
    private static string Subject(string subject)
    {
        var colon = subject.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? subject : $"{subject[..colon]} {WithoutNetwork(subject[(colon + 1)..])}";
    }

    /// <summary>The subject of a rule has no network, and a label may have dots: "label:version=2.1" is "label version=2.1".</summary>
    private static string? Spaced(string? subject)
    {
        var colon = subject?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        return colon < 0 ? subject : $"{subject![..colon]} {subject[(colon + 1)..]}";
    }

    /// <summary>An update says what is so now, and what is not.</summary>
    private static string? Without(string action, string what) =>
        action is "device.update" or "site.update" ? "no " + what : null;

    private static string? WithoutNetwork(string? name) => name?.Split('.')[0];

    private static string Past(string verb) => verb switch
    {
        "create" => "added",
        "update" => "changed",
        "delete" => "removed",
        "apply" => "file applied",
        "reroute" => "sends other routes to some of its members",
        _ => verb + (verb.EndsWith('e') ? "d" : "ed"),
    };

    private static string? Text(JsonObject detail, string name) =>
        detail[name] is JsonValue value && value.ToString() is { Length: > 0 } text ? text : null;

    private static string? List(JsonObject detail, string name) =>
        detail[name] is JsonArray { Count: > 0 } list ? string.Join(", ", list.Select(item => item?.ToString())) : null;

    /// <summary>Texts that are parts of the sentence themselves.</summary>
    private static IEnumerable<string?> Each(JsonObject detail, string name) => detail[name] is JsonArray list ? list.Select(item => item?.ToString()) : [];

    private static string? Prefixed(string prefix, string? text) => text is null ? null : prefix + text;

    private static string? Counted(string noun, JsonObject detail, string name) =>
        List(detail, name) is { } list ? $"{noun}{(detail[name]!.AsArray().Count == 1 ? "" : "s")} {list}" : null;

    private static string? Count(JsonObject detail, string name, string noun)
    {
        var count = detail[name]?.GetValue<long>() ?? 0;
        return count == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
    }

    private static string Milliseconds(double value) => value.ToString(value >= 10 ? "0" : "0.0", CultureInfo.InvariantCulture) + " ms";
}
