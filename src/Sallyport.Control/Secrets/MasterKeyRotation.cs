using System.Security.Cryptography;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Credentials;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;

namespace Sallyport.Control.Secrets;

/// <summary>
/// Puts a new master key in the place of the old one. Three steps, each on the disk before the next begins: the new key lies beside the
/// old one (master.key.next); all that is sealed is sealed anew in one transaction; the new key takes the name of the old one. Wherever
/// a crash cuts this short, one of the two files opens the store, and <see cref="Settle"/> keeps that one.
/// </summary>
internal sealed class MasterKeyRotation(string path, Envelope envelope)
{
    private string NextPath => NextOf(path);

    /// <summary>Step 1. What an earlier attempt left is settled before: it may be the only copy of the key in use.</summary>
    public MasterKey Prepare()
    {
        if (File.Exists(NextPath))
        {
            using var left = MasterKey.Load(NextPath);
            if (left.IsSameAs(envelope.Master))
            {
                Finish();
            }
        }

        var next = MasterKey.New();
        next.Save(NextPath);
        return next;
    }

    /// <summary>Step 2, inside a transaction: everything sealed, with new data keys as well. Answers how many secrets there are.</summary>
    public int Reseal(SqliteConnection sql, MasterKey next)
    {
        using var sealing = new Envelope(next.Copy());
        var secrets = sql.Query<SealedRow>("SELECT name AS Key, sealed AS Blob FROM secrets").AsList();
        foreach (var row in secrets)
        {
            sql.Execute(
                "UPDATE secrets SET sealed = @blob WHERE name = @Key", new { row.Key, blob = Reseal(sealing, SecretStore.PurposeOf(row.Key), row.Blob) });
        }

        var networks = sql.Query<SealedRow>("SELECT name AS Key, wrapping_key AS Blob FROM networks WHERE length(wrapping_key) > 0").AsList();
        foreach (var row in networks)
        {
            sql.Execute(
                "UPDATE networks SET wrapping_key = @blob WHERE name = @Key",
                new { row.Key, blob = Reseal(sealing, NetworkRow.WrappingKeyPurpose(row.Key), row.Blob) });
        }

        var credentials = sql.Query<SealedCredential>("SELECT id, secret, ppk FROM credentials WHERE secret IS NOT NULL OR ppk IS NOT NULL").AsList();
        foreach (var row in credentials)
        {
            sql.Execute(
                "UPDATE credentials SET secret = @secret, ppk = @ppk WHERE id = @Id",
                new
                {
                    row.Id,
                    secret = row.Secret is null ? null : Reseal(sealing, CredentialRow.SecretPurpose(row.Id), row.Secret),
                    ppk = row.Ppk is null ? null : Reseal(sealing, CredentialRow.PpkPurpose(row.Id), row.Ppk),
                });
        }

        return secrets.Count + networks.Count + credentials.Sum(row => (row.Secret is null ? 0 : 1) + (row.Ppk is null ? 0 : 1));
    }

    /// <summary>Step 3, after the commit.</summary>
    public void Finish() => SecretFile.Move(NextPath, path);

    /// <summary>Instead of step 3, where nothing was committed.</summary>
    public void Abandon() => File.Delete(NextPath);

    /// <summary>At the start: ends a rotation that was cut short. The key that opens the store is the one, whatever its file is called.</summary>
    public static MasterKey Settle(MasterKey current, string path, Database database)
    {
        if (!File.Exists(NextOf(path)))
        {
            return current;
        }

        var next = MasterKey.Load(NextOf(path));
        if (Opens(database, next))
        {
            SecretFile.Move(NextOf(path), path);
            current.Dispose();
            return next;
        }

        // The transaction was not committed. Where the current one does not open the store either, the start will say so.
        next.Dispose();
        if (Opens(database, current))
        {
            File.Delete(NextOf(path));
        }

        return current;
    }

    private byte[] Reseal(Envelope sealing, string purpose, byte[] blob)
    {
        var secret = envelope.Open(purpose, blob);
        var made = sealing.Seal(purpose, secret);
        CryptographicOperations.ZeroMemory(secret);
        return made;
    }

    private static bool Opens(Database database, MasterKey key)
    {
        var row = database.Read(sql => sql.QueryFirstOrDefault<SealedRow>("SELECT name AS Key, sealed AS Blob FROM secrets ORDER BY name LIMIT 1"));
        if (row is null)
        {
            return false;
        }

        using var envelope = new Envelope(key.Copy());
        try
        {
            CryptographicOperations.ZeroMemory(envelope.Open(SecretStore.PurposeOf(row.Key), row.Blob));
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static string NextOf(string path) => path + ".next";

    private sealed class SealedCredential
    {
        public int Id { get; init; }

        public byte[]? Secret { get; init; }

        public byte[]? Ppk { get; init; }
    }

    private sealed class SealedRow
    {
        public string Key { get; init; } = "";

        public byte[] Blob { get; init; } = [];
    }
}
