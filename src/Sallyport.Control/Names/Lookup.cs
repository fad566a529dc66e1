using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Applications;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;

namespace Sallyport.Control.Names;

/// <summary>What a name stands for, or why it stands for nothing.</summary>
internal readonly record struct Found<T>(T? Value, string Message, string Hint, bool IsUnknown = false)
    where T : class
{
    /// <summary>The thing, or null after adding the problem under <paramref name="field"/>.</summary>
    public T? OrProblem(string field, ProblemList problems)
    {
        if (Value is null)
        {
            if (IsUnknown)
            {
                problems.AddUnknown(field, Message, Hint);
            }
            else
            {
                problems.Add(field, Message, Hint);
            }
        }

        return Value;
    }

    /// <summary>The thing that a URL names, or an answer of 404.</summary>
    public T OrNotFound() =>
        Value ?? throw new ProblemException(Refusal.NotFound("name", Message, Hint));
}

/// <summary>Finds things by the names that people use: "pump-17", or "pump-17.plant-a" where two networks have one.</summary>
internal static class Lookup
{
    private const int CandidatesMax = 20_000; // a suggestion is a courtesy; it may not cost a scan of a million devices

    public static Found<NetworkRow> Network(SqliteConnection sql, string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return new Found<NetworkRow>(null, "no network is named", "give the name of a network");
        }

        return NetworkRow.Find(sql, name) is { } row
            ? new Found<NetworkRow>(row, "", "")
            : new Found<NetworkRow>(
                null,
                $"there is no network '{Label.Shorten(name)}'",
                HintOf(sql, "network", name, "SELECT name FROM networks LIMIT @CandidatesMax"),
                IsUnknown: true);
    }

    /// <summary><paramref name="kind"/> is "device" or "site".</summary>
    public static Found<IdentityRow> Identity(SqliteConnection sql, string kind, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return new Found<IdentityRow>(null, $"no {kind} is named", $"give the name of a {kind}");
        }

        var (name, network) = Split(text);
        var rows = IdentityRow.FindByName(sql, kind, name, network);
        return rows.Count switch
        {
            1 => new Found<IdentityRow>(rows[0], "", ""),
            0 => new Found<IdentityRow>(
                null,
                $"there is no {kind} '{Label.Shorten(text)}'",
                OfOtherKind(sql, kind, name, network) ?? HintOf(sql, kind, name, "SELECT name FROM identities WHERE kind = @kind LIMIT @CandidatesMax"),
                IsUnknown: true),
            _ => new Found<IdentityRow>(
                null, $"{rows.Count} networks have a {kind} '{name}'", "say which: " + string.Join(" or ", rows.Select(row => $"{row.Name}.{row.Network}"))),
        };
    }

    public static Found<ApplicationRow> Application(SqliteConnection sql, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return new Found<ApplicationRow>(null, "no application is named", "give the name of an application");
        }

        var (name, network) = Split(text);
        var rows = ApplicationRow.FindByName(sql, name, network);
        return rows.Count switch
        {
            1 => new Found<ApplicationRow>(rows[0], "", ""),
            0 => new Found<ApplicationRow>(
                null,
                $"there is no application '{Label.Shorten(text)}'",
                HintOf(sql, "application", name, "SELECT name FROM applications LIMIT @CandidatesMax"),
                IsUnknown: true),
            _ => new Found<ApplicationRow>(
                null,
                $"{rows.Count} networks have an application '{name}'",
                "say which: " + string.Join(" or ", rows.Select(row => $"{row.Name}.{row.Network}"))),
        };
    }

    /// <summary>For a name without its kind: "did you mean site:hq?".</summary>
    public static string HintOfKind(SqliteConnection sql, string text)
    {
        var (name, network) = Split(text);
        var isSite = IdentityRow.FindByName(sql, "device", name, network).Count == 0 && IdentityRow.FindByName(sql, "site", name, network).Count > 0;
        return $"did you mean {(isSite ? "site" : "device")}:{Label.Shorten(text)}?";
    }

    /// <summary>Where it is a site, and not a device: "it is a site: sallyport site show dc"; null where it is neither.</summary>
    private static string? OfOtherKind(SqliteConnection sql, string kind, string name, string? network)
    {
        var other = kind == "device" ? "site" : "device";
        var rows = IdentityRow.FindByName(sql, other, name, network);
        return rows.Count == 0 ? null : $"it is a {other}: sallyport {other} show {name}{(rows.Count == 1 && network is null ? "" : $".{rows[0].Network}")}";
    }

    private static (string Name, string? Network) Split(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? (text, null) : (text[..dot], text[(dot + 1)..]);
    }

    private static string HintOf(SqliteConnection sql, string kind, string name, string query)
    {
        var known = sql.Query<string>(query, new { kind, CandidatesMax }).AsList();
        return known.Count == 0 ? $"there is none yet: sallyport {kind} add"
            : Nearest.Hint(name, known) is { Length: > 0 } near ? near
            : $"see which there are: sallyport {kind} list";
    }
}
