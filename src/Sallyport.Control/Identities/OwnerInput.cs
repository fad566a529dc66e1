using Microsoft.Data.Sqlite;
using Sallyport.Control.Http;
using Sallyport.Control.Names;

namespace Sallyport.Control.Identities;

/// <summary>Reads "device:pump-17", "site:hq" and "host:plant-a".</summary>
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

        if (kind == HostIdentity.Kind)
        {
            return ReadHost(sql, text![(colon + 1)..], field, problems);
        }

        var hint = string.IsNullOrEmpty(text) || colon >= 0 ? "write device:NAME, site:NAME or host:NETWORK" : Lookup.HintOfKind(sql, text);
        problems.Add(field, $"'{Label.Shorten(text ?? "")}' names neither a device nor a site", hint);
        return null;
    }

    private static IdentityRow? ReadHost(SqliteConnection sql, string name, string field, ProblemList problems)
    {
        var network = Lookup.Network(sql, name).OrProblem(field, problems);
        if (network is null)
        {
            return null;
        }

        var host = HostIdentity.Find(sql, network);
        if (host is null)
        {
            problems.Add(
                field, $"the gateway host has no part in network {network.Name}",
                $"name what it offers there: sallyport application add NAME --host --network {network.Name} --tcp PORT");
        }

        return host;
    }
}
