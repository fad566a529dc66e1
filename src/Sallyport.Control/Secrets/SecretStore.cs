using System.Security.Cryptography;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Sallyport.Control.Secrets;

/// <summary>Named secrets of the installation, sealed.</summary>
internal sealed class SecretStore(Envelope envelope)
{
    /// <summary>The secret, made by <paramref name="make"/> where there is none yet. The caller zeroes it.</summary>
    public byte[] GetOrCreate(SqliteConnection sql, string name, Func<byte[]> make)
    {
        if (Find(sql, name) is { } known)
        {
            return known;
        }

        var secret = make();
        Set(sql, name, secret);
        return secret;
    }

    public byte[]? Find(SqliteConnection sql, string name)
    {
        var blob = sql.ExecuteScalar<byte[]?>("SELECT sealed FROM secrets WHERE name = @name", new { name });
        return blob is null ? null : envelope.Open(PurposeOf(name), blob);
    }

    public void Set(SqliteConnection sql, string name, byte[] secret) => sql.Execute(
        "INSERT INTO secrets (name, sealed) VALUES (@name, @blob) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
        new { name, blob = envelope.Seal(PurposeOf(name), secret) });

    public static void Remove(SqliteConnection sql, string name) => sql.Execute("DELETE FROM secrets WHERE name = @name", new { name });

    public static string PurposeOf(string name) => "secret:" + name;

    public static byte[] Random(int length) => RandomNumberGenerator.GetBytes(length);
}
