using Microsoft.Data.Sqlite;
using Sallyport.Control.Http;
using Sallyport.Control.Names;

namespace Sallyport.Control.Users;

/// <summary>Which network a list is limited to: by the question and by who asks.</summary>
internal static class Scope
{
    /// <summary>Null stands for all.</summary>
    public static int? NetworkOf(SqliteConnection sql, Actor actor, string? network)
    {
        if (network is null)
        {
            return actor.NetworkId;
        }

        var problems = new ProblemList();
        var row = Lookup.Network(sql, network).OrProblem("network", problems);
        problems.ThrowIfAny();
        actor.Require(Right.See, row!.Id);
        return row.Id;
    }
}
