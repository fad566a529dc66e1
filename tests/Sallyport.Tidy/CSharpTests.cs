namespace Sallyport.Tidy;

public sealed class CSharpTests
{
    [Theory]
    [InlineData("a // b\nc", "a \nc")]
    [InlineData("a /* b\n */ c", "a  \n c")]
    [InlineData("a \"unsafe \\\" b\" c", "a   c")]
    [InlineData("a @\"b\"\"c\" d", "a @  d")]
    [InlineData("a \"\"\"\n unsafe \" \n\"\"\" d", "a  \n\n d")]
    [InlineData("a '\"' b '\\'' c", "a   b   c")]
    [InlineData("a \"// b\" c", "a   c")]
    public void Comments_and_literals_are_taken_away_and_the_lines_stay(string source, string bare) => CSharp.Bare(source).ShouldBe(bare);
}
