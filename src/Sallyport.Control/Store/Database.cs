using Dapper;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sallyport.Control.Store;

/// <summary>How much a lost power line may cost.</summary>
internal enum Durability
{
    /// <summary>A commit is on the disk before it is answered.</summary>
    Full,

    /// <summary>A crash of the process loses nothing; a crash of the machine may lose the last moments.</summary>
    Normal,
}

/// <summary>
/// One SQLite file in WAL mode: one writer at a time, any number of readers beside it.
/// </summary>
internal sealed class Database : IDisposable
{
    private const int BusyTimeoutMs = 5_000; // somebody's sqlite3 shell may hold the file for a moment

    private readonly Lock writing = new();
    private readonly SqliteConnection writer;
    private readonly string path;
    private readonly string readerText;
    private readonly object hurry = new();
    private int hurried; // writers that wait or write, before whom long ones step aside; changed under the lock of its own
    private long hurriedDone;

    private Database(SqliteConnection writer, string path, string readerText)
    {
        this.writer = writer;
        this.path = path;
        this.readerText = readerText;
    }

    /// <summary>Whether somebody in a hurry waits for who writes now.</summary>
    public bool IsAskedFor => Volatile.Read(ref hurried) > 0;

    /// <summary>Opens or makes the file (mode 0600) and brings it to the newest of <paramref name="migrations"/>.</summary>
    public static Database Open(string path, Durability durability, IReadOnlyList<string> migrations)
    {
        SqliteLibrary.Ensure();
        if (!File.Exists(path))
        {
            using var made = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }

        var writer = new KeepingConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
        }.ToString());
        try
        {
            writer.Open();
            writer.Execute($"PRAGMA busy_timeout = {BusyTimeoutMs}");
            writer.ExecuteScalar<string>("PRAGMA journal_mode = WAL");
            writer.Execute(durability == Durability.Full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
            writer.Execute("PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON");
            Migrate(writer, path, migrations);
            writer.Execute("PRAGMA foreign_keys = ON");
        }
        catch
        {
            writer.Dispose();
            throw;
        }

        var readerText = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite, // a WAL reader has to be able to make the shared-memory file
            Pooling = true,
        }.ToString();
        return new Database(writer, path, readerText);
    }

    /// <summary>A connection that sees what is committed and cannot write. The caller disposes it.</summary>
    public SqliteConnection OpenReader()
    {
        var reader = new SqliteConnection(readerText);
        reader.Open();
        if (raw.sqlite3_get_autocommit(reader.Handle) == 0)
        {
            // Whoever had it before us did not finish: its snapshot would show us the past.
            reader.Execute("ROLLBACK TRANSACTION");
        }

        reader.Execute($"PRAGMA busy_timeout = {BusyTimeoutMs}; PRAGMA query_only = ON");
        return reader;
    }

    /// <summary>
    /// A reader that stays at one moment between two commits, and what <paramref name="beside"/> was at that moment. The caller rolls back
    /// and disposes it.
    /// </summary>
    public SqliteConnection OpenSnapshot<T>(Func<T> beside, out T seen)
    {
        var reader = OpenReader();
        lock (writing)
        {
            reader.Execute("BEGIN DEFERRED");
            reader.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema"); // SQLite takes the snapshot at the first read
            seen = beside();
        }

        return reader;
    }

    /// <summary>
    /// Everything as it was at one moment between two commits, but for the rows of <paramref name="without"/>, and what <paramref name="beside"/> was at
    /// that moment. It is in memory and nowhere else: whoever changes it changes nothing, and keeps nobody from writing. The caller disposes it.
    /// </summary>
    public SqliteConnection OpenCopy<T>(IReadOnlySet<string> without, Func<T> beside, out T seen)
    {
        var copy = new KeepingConnection(new SqliteConnectionStringBuilder { DataSource = ":memory:", Pooling = false }.ToString());
        try
        {
            copy.Open();
            copy.Execute($"PRAGMA busy_timeout = {BusyTimeoutMs}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF");
            copy.Execute("ATTACH DATABASE @path AS source", new { path });
            copy.Execute("BEGIN DEFERRED");
            lock (writing)
            {
                copy.ExecuteScalar<long>("SELECT count(*) FROM source.sqlite_schema"); // SQLite takes the snapshot at the first read
                seen = beside();
            }

            CopyFrom(copy, "source", without);
            copy.Execute("COMMIT TRANSACTION");
            copy.Execute("DETACH DATABASE source");
            copy.Execute("PRAGMA foreign_keys = ON");
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    public T Read<T>(Func<SqliteConnection, T> read)
    {
        using var reader = OpenReader();
        return read(reader);
    }

    /// <summary>
    /// Runs <paramref name="act"/> in one transaction: all of it is committed, or nothing where it throws.
    /// <paramref name="committed"/> runs after the commit and before the next writer, so that observers see commits in their order.
    /// </summary>
    public T Write<T>(Func<SqliteConnection, T> act, Action<T>? committed = null)
    {
        lock (writing)
        {
            writer.Execute("BEGIN IMMEDIATE");
            T result;
            try
            {
                result = act(writer);
                writer.Execute("COMMIT TRANSACTION");
            }
            catch
            {
                writer.Execute("ROLLBACK TRANSACTION");
                throw;
            }

            committed?.Invoke(result);
            return result;
        }
    }

    /// <summary>The same, before whoever writes for long and asks <see cref="IsAskedFor"/> between the parts of it.</summary>
    public T WriteFirst<T>(Func<SqliteConnection, T> act, Action<T>? committed = null)
    {
        lock (hurry)
        {
            hurried++;
        }

        try
        {
            return Write(act, committed);
        }
        finally
        {
            lock (hurry)
            {
                hurried--;
                hurriedDone++;
                Monitor.PulseAll(hurry);
            }
        }
    }

    /// <summary>For who stepped aside: returns when as many are done as were in a hurry, so that those who come without end keep nobody away for ever.</summary>
    public void LetPass()
    {
        lock (hurry)
        {
            var enough = hurriedDone + hurried;
            while (hurried > 0 && hurriedDone < enough)
            {
                Monitor.Wait(hurry);
            }
        }
    }

    /// <summary>Moves what is committed into the file and empties the write-ahead log, where no reader is in the way.</summary>
    public void EmptyLog()
    {
        lock (writing)
        {
            writer.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }

    public void Dispose()
    {
        lock (writing)
        {
            writer.Dispose();
        }

        using var reader = new SqliteConnection(readerText);
        SqliteConnection.ClearPool(reader);
    }

    /// <summary>Rows come before indexes and triggers: so they are copied as they are, and nothing follows from them.</summary>
    private static void CopyFrom(SqliteConnection copy, string source, IReadOnlySet<string> without)
    {
        var made = copy.Query<(string Type, string Name, string Sql)>(
            $"SELECT type, name, sql FROM {source}.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY type <> 'table'").AsList();
        foreach (var (type, name, sql) in made)
        {
            copy.Execute(sql);
            if (type == "table" && !without.Contains(name))
            {
                copy.Execute($"INSERT INTO main.\"{name}\" SELECT * FROM {source}.\"{name}\"");
            }
        }

        // What is made in the copy gets the numbers that it would have got.
        copy.Execute($"DELETE FROM main.sqlite_sequence; INSERT INTO main.sqlite_sequence SELECT * FROM {source}.sqlite_sequence");
    }

    private static void Migrate(SqliteConnection connection, string path, IReadOnlyList<string> migrations)
    {
        var version = connection.ExecuteScalar<int>("PRAGMA user_version");
        if (version > migrations.Count)
        {
            throw new InvalidOperationException(
                $"{path} was written by a newer Sallyport (schema {version}; this one knows {migrations.Count}). Install that version again.");
        }

        for (; version < migrations.Count; version++)
        {
            connection.Execute("BEGIN IMMEDIATE");
            try
            {
                // A table that is made anew takes its old name at the end: until then what refers to it refers to nothing.
                connection.Execute(migrations[version]);
                if (connection.ExecuteScalar<string?>("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1") is { } table)
                {
                    throw new InvalidOperationException($"{path}: after schema {version + 1} something in {table} would refer to nothing.");
                }

                connection.Execute($"PRAGMA user_version = {version + 1}");
                connection.Execute("COMMIT TRANSACTION");
            }
            catch
            {
                connection.Execute("ROLLBACK TRANSACTION");
                throw;
            }
        }
    }
}
