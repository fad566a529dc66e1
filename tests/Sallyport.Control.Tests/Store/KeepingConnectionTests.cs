using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Store;

namespace Sallyport.Control.Tests.Store;

public class KeepingConnectionTests
{
    [Fact]
    public void Statement_answers_anew_each_time()
    {
        using var sql = Open();
        for (var i = 1; i <= 20; i++)
        {
            sql.Execute("INSERT INTO things (name, size) VALUES (@name, @size)", new { name = $"thing-{i}", size = i % 2 == 0 ? (int?)i : null });
            sql.ExecuteScalar<int?>("SELECT size FROM things WHERE name = @name", new { name = $"thing-{i}" }).ShouldBe(i % 2 == 0 ? i : null);
        }

        sql.ExecuteScalar<int>("SELECT count(*) FROM things").ShouldBe(20);
    }

    [Fact]
    public void Same_text_may_be_asked_while_its_rows_are_read()
    {
        using var sql = Open();
        sql.Execute("INSERT INTO things VALUES ('a', 1), ('b', 2), ('c', 3)");
        const string All = "SELECT name FROM things WHERE size >= @least ORDER BY name";
        var pairs = sql.Query<string>(All, new { least = 1 }, buffered: false)
            .SelectMany(outer => sql.Query<string>(All, new { least = 2 }, buffered: false).Select(inner => outer + inner)).ToList();
        pairs.ShouldBe(["ab", "ac", "bb", "bc", "cb", "cc"]);
        sql.Query<string>(All, new { least = 3 }, buffered: false).First().ShouldBe("c", "and who stops early leaves nothing behind");
        sql.Execute("DROP TABLE things");
    }

    [Fact]
    public void Lists_among_the_parameters_are_whole()
    {
        using var sql = Open();
        sql.Execute("INSERT INTO things VALUES ('a', 1), ('b', 2), ('c', 3)");
        foreach (var names in (string[][])[["a"], ["a", "c"], ["b"], ["a", "b", "c"], []])
        {
            sql.Query<string>("SELECT name FROM things WHERE name IN @names AND size < @most ORDER BY name", new { names, most = 10 }).ShouldBe(names);
        }
    }

    [Fact]
    public void Statement_that_failed_can_be_tried_again_and_leaves_no_transaction()
    {
        using var sql = Open();
        sql.Execute("BEGIN IMMEDIATE");
        Add("a");
        Should.Throw<SqliteException>(() => Add("a"));
        Add("b");
        sql.Execute("ROLLBACK TRANSACTION");
        Add("a");
        sql.ExecuteScalar<int>("SELECT count(*) FROM things").ShouldBe(1);
        Should.Throw<SqliteException>(() => sql.Execute("SELECT nonsense FROM things"));
        Should.Throw<SqliteException>(() => sql.Execute("SELECT nonsense FROM things"));

        void Add(string name) => sql.Execute("INSERT INTO things (name) VALUES (@name)", new { name });
    }

    [Fact]
    public void Schema_may_change_beneath()
    {
        using var sql = Open();
        sql.Execute("INSERT INTO things VALUES ('a', 1)");
        sql.QuerySingle<(string, int)>("SELECT * FROM things").ShouldBe(("a", 1));
        sql.Execute("ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'");
        sql.QuerySingle<(string, int, string)>("SELECT * FROM things").ShouldBe(("a", 1, "red"));
    }

    private static KeepingConnection Open()
    {
        SqliteLibrary.Ensure();
        var sql = new KeepingConnection("Data Source=:memory:;Pooling=False");
        sql.Open();
        sql.Execute("CREATE TABLE things (name TEXT NOT NULL UNIQUE, size INTEGER) STRICT");
        return sql;
    }
}
