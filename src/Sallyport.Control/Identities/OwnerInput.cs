using Microsoft.Data.Sqlite;
using Sallyport.Control.Http;
using Sallyport.Control.Names;

namespace Sallyport.Control.Identities;

/// <summary>Reads "device:pump-17" and "site:hq".</summary>
internal static class OwnerInput
{
    public static IdentityRow? Read(SqliteConnection sql, string? text, string field, ProblemList problems)
    {
        var colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        var kind = colon < 0 ? "" : text![..colon];
        if (kind is "device" or "site")
        {
            return Lookup.Identity(sql, kind, text![(colon + 1)..]).OrProblem(field, problems);
        }

        var hint = string.IsNullOrEmpty(text) || colon >= 0 ? "write device:NAME or site:NAME" : Lookup.HintOfKind(sql, text);
        problems.Add(field, $"'{Label.Shorten(text ?? "")}' names neither a device nor a site", hint);
        return null;
    }
}
