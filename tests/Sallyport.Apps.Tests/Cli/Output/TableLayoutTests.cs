using Sallyport.Cli.Output;

namespace Sallyport.Apps.Tests.Cli.Output;

public sealed class TableLayoutTests
{
    private static readonly ColumnShape[] Shapes =
    [
        new("NAME"), new("NETWORK", Rank: 2), new("ADDRESS", Wraps: true), new("CLIENT", Rank: 7), new("COUNT", Right: true), new("REVOKED", Rank: 9),
    ];

    private static readonly string[][] Rows =
    [
        ["pump-17", "plant-a", "10.20.0.2", "2.6.14", "7", ""],
        ["controller-of-the-north-gate-17", "plant-b", "10.30.0.3, fd12:3456:789a::3", "2.4.12", "1024", ""],
    ];

    [Fact]
    public void A_pipe_gets_every_column_and_a_line_for_each_row()
    {
        Text(null).ShouldBe(
        [
            "NAME                             NETWORK  ADDRESS                       CLIENT  COUNT  REVOKED",
            "pump-17                          plant-a  10.20.0.2                     2.6.14      7",
            "controller-of-the-north-gate-17  plant-b  10.30.0.3, fd12:3456:789a::3  2.4.12   1024",
        ]);
    }

    [Fact]
    public void A_column_without_content_goes_first()
    {
        Text(200)[0].ShouldNotContain("REVOKED");
        Text(200)[0].ShouldContain("CLIENT");
    }

    [Fact]
    public void What_does_not_fit_is_left_out_by_rank_and_not_cut()
    {
        Text(80).ShouldBe(
        [
            "NAME                             NETWORK  ADDRESS                       COUNT",
            "pump-17                          plant-a  10.20.0.2                         7",
            "controller-of-the-north-gate-17  plant-b  10.30.0.3, fd12:3456:789a::3   1024",
        ]);
        Text(70)[0].ShouldBe("NAME                             ADDRESS                       COUNT");
    }

    [Fact]
    public void A_list_goes_on_in_the_next_line_between_words()
    {
        Text(58).ShouldBe(
        [
            "NAME                             ADDRESS             COUNT",
            "pump-17                          10.20.0.2               7",
            "controller-of-the-north-gate-17  10.30.0.3,           1024",
            "                                 fd12:3456:789a::3",
        ]);
    }

    [Fact]
    public void A_word_that_is_too_long_shows_both_its_ends()
    {
        var layout = new TableLayout([new("ID"), new("WHAT", Wraps: true)], [["7", "of controller-of-the-north-gate-17 now"]], 24);
        string.Join('|', layout.Row(0).Select(Join)).ShouldBe("7   of|    controlle…th-gate-17|    now");
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(120)]
    public void No_line_is_wider_than_the_terminal_as_long_as_the_name_leaves_room(int width)
    {
        string[][] rows = [["pump-17", "plant-a", string.Join(", ", Enumerable.Range(1, 20).Select(i => $"fd12:3456:789a::{i:x}")), "2.6.14", "7", "x"]];
        var layout = new TableLayout(Shapes, rows, width);
        layout.Row(0).Max(line => WordWrap.WidthOf(Join(line))).ShouldBeLessThanOrEqualTo(width);
    }

    [Fact]
    public void An_ideograph_takes_two_columns()
    {
        WordWrap.WidthOf("ポンプ").ShouldBe(6);
        WordWrap.Elide("ポンプポンプ", 7).ShouldBe("ポ…プ");
    }

    private static string[] Text(int? width)
    {
        var layout = new TableLayout(Shapes, Rows, width);
        return [.. layout.Heading().Concat(Enumerable.Range(0, Rows.Length).SelectMany(layout.Row)).Select(Join)];
    }

    private static string Join(IReadOnlyList<(int Column, string Text)> cells) => string.Concat(cells.Select(cell => cell.Text)).TrimEnd();
}
