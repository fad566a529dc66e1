using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Control.Changes;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;

namespace Sallyport.Control.Users;

/// <summary>
/// Tokens of the API: 256 random bits, of which the database has the SHA-256. The local administrator's is in a file of the data
/// directory that only its owner may read; whoever can delete that file owns the installation, and gets a new one at the next start.
/// </summary>
internal sealed class Tokens
{
    private const string AdministratorName = "administrator";
    private const string Prefix = "spt_";

    private readonly IReadOnlyList<(byte[] Hash, Actor Actor)> known;

    private Tokens(IReadOnlyList<(byte[] Hash, Actor Actor)> known) => this.known = known;

    public static Tokens Open(Database database, Commands commands, string file)
    {
        var stored = database.Read(sql => sql.ExecuteScalar<byte[]?>("SELECT hash FROM tokens WHERE name = @AdministratorName", new { AdministratorName }));
        if (stored is null || !IsTokenOf(file, stored))
        {
            var token = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
            commands.Run(Actor.System, change =>
            {
                change.Sql.Execute(
                    """
                    INSERT INTO tokens (name, role, hash, created_at) VALUES (@AdministratorName, @role, @hash, @Now)
                    ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at
                    """,
                    new { AdministratorName, role = nameof(Role.Administrator), hash = HashOf(token), change.Now });
                change.Audit(
                    stored is null ? "token.create" : "token.replace",
                    "user:" + AdministratorName,
                    new JsonObject { ["file"] = Path.GetFileName(file) });
                SecretFile.Write(file, Encoding.ASCII.GetBytes(token + "\n"));
                return true;
            });
        }

        return new Tokens(database.Read<IReadOnlyList<(byte[], Actor)>>(sql =>
            [.. sql.Query<TokenRow>("SELECT name, role, hash FROM tokens").Select(row => (row.Hash, new Actor(row.Name, Enum.Parse<Role>(row.Role))))]));
    }

    /// <summary>Every token is compared, in constant time.</summary>
    public Actor? Find(string? authorization)
    {
        const string Scheme = "Bearer ";
        if (authorization is null || authorization.Length > 256 || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var hash = HashOf(authorization[Scheme.Length..].Trim());
        Actor? found = null;
        foreach (var (candidate, actor) in known)
        {
            if (CryptographicOperations.FixedTimeEquals(candidate, hash))
            {
                found = actor;
            }
        }

        return found;
    }

    /// <summary>False also where a crash came between the file and the commit.</summary>
    private static bool IsTokenOf(string file, byte[] hash) =>
        File.Exists(file) && CryptographicOperations.FixedTimeEquals(HashOf(File.ReadAllText(file).Trim()), hash);

    private static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    private sealed class TokenRow
    {
        public string Name { get; init; } = "";

        public string Role { get; init; } = "";

        public byte[] Hash { get; init; } = [];
    }
}
