using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Sallyport.Control.Store;

/// <summary>
/// Keeps the statements that it prepared: a command of a fleet runs the same dozen for each device, and to read and plan one costs more than to run it.
/// For one thread at a time, as a connection is.
/// </summary>
internal sealed class KeepingConnection(string text) : SqliteConnection(text)
{
    private const int KeptMax = 300; // we have fewer; a list in a text makes others, which are not worth it

    private readonly Dictionary<string, SqliteCommand> kept = new(StringComparer.Ordinal);

    protected override DbCommand CreateDbCommand() => new KeptCommand(this);

    /// <summary>Whoever takes it has it alone until it is given back: the same text may be asked again while rows of the first answer are read.</summary>
    internal SqliteCommand Take(string text)
    {
        if (kept.Remove(text, out var command))
        {
            return command;
        }

        command = CreateCommand();
        SetText(command, text);
        return command;
    }

    internal void GiveBack(SqliteCommand command)
    {
        command.Parameters.Clear();
        if (kept.Count >= KeptMax || !kept.TryAdd(command.CommandText, command))
        {
            command.Dispose();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var command in kept.Values)
            {
                command.Dispose();
            }

            kept.Clear();
        }

        base.Dispose(disposing);
    }

    [SuppressMessage("Security", "CA2100:Review SQL queries for security vulnerabilities", Justification = "The text is the caller's, who has none of outside in it.")]
    private static void SetText(SqliteCommand command, string text) => command.CommandText = text;
}

/// <summary>One use of a kept statement, which is looked for when the text is whole: a list among the parameters changes it.</summary>
internal sealed class KeptCommand(KeepingConnection connection) : DbCommand
{
    private readonly SqliteCommand own = new(); // for its parameters
    private SqliteCommand? inner;
    private bool failed;

    [AllowNull]
    public override string CommandText { get; set; } = "";

    public override int CommandTimeout { get; set; }

    public override CommandType CommandType { get => CommandType.Text; set { } }

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource { get; set; }

    protected override DbConnection? DbConnection { get => connection; set => throw new NotSupportedException(); }

    protected override DbParameterCollection DbParameterCollection => own.Parameters;

    protected override DbTransaction? DbTransaction { get; set; }

    public override void Cancel()
    {
    }

    public override void Prepare()
    {
    }

    public override int ExecuteNonQuery() => Try(command => command.ExecuteNonQuery());

    public override object? ExecuteScalar() => Try(command => command.ExecuteScalar());

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => Try(command => command.ExecuteReader(behavior));

    protected override DbParameter CreateDbParameter() => new SqliteParameter();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Release();
            own.Dispose();
        }

        base.Dispose(disposing);
    }

    private T Try<T>(Func<SqliteCommand, T> run)
    {
        Release();
        failed = true;
        inner = connection.Take(CommandText);
        inner.Parameters.AddRange(own.Parameters.Cast<SqliteParameter>());
        var answer = run(inner);
        failed = false;
        return answer;
    }

    /// <summary>A statement that failed may stand in the middle: it is not used again.</summary>
    private void Release()
    {
        if (failed)
        {
            inner?.Dispose();
        }
        else if (inner is not null)
        {
            connection.GiveBack(inner);
        }

        inner = null;
    }
}
