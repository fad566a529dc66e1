using System.Security.Cryptography;
using System.Text;
using Dapper;
using Sallyport.Control.Http;

namespace Sallyport.Control.Changes;

/// <summary>
/// The key that a client sends with a create, so that a repetition after a lost answer makes nothing twice. Stored in the transaction of the
/// create, and only with the id of what was made: an answer may hold a private key, which is stored nowhere.
/// </summary>
internal sealed record Idempotency(string Key, string RequestHash)
{
    public const int KeyLengthMax = 128;

    private static readonly long Kept = 24L * 60 * 60 * 1_000_000_000; // a client that retries after a day means it anew

    public static Idempotency Of(string key, string path, byte[] body) =>
        new(key, Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes(path), 0, .. body])));

    /// <summary>The id of what the same request made before; null where it is the first. Call inside the command, before anything else.</summary>
    public int? FindMade(Change change)
    {
        change.Sql.Execute("DELETE FROM idempotency WHERE at < @before", new { before = change.Now - Kept });
        var row = change.Sql.QuerySingleOrDefault<Row>(
            "SELECT request_hash AS RequestHash, resource_id AS ResourceId FROM idempotency WHERE actor = @actor AND key = @Key",
            new { actor = change.Actor.Name, Key });
        if (row is null)
        {
            return null;
        }

        return row.RequestHash == RequestHash
            ? row.ResourceId
            : throw new ProblemException(Refusal.Invalid(
                [Refusal.Field("Idempotency-Key", "the key was used before with another request", "send a new key for a new request")]));
    }

    public void Remember(Change change, int resourceId) => change.Sql.Execute(
        "INSERT INTO idempotency (key, actor, request_hash, resource_id, at) VALUES (@Key, @actor, @RequestHash, @resourceId, @at)",
        new { Key, actor = change.Actor.Name, RequestHash, resourceId, at = change.Now });

    private sealed class Row
    {
        public string RequestHash { get; init; } = "";

        public int ResourceId { get; init; }
    }
}
