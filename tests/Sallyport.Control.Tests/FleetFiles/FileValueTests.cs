using Sallyport.Control.FleetFiles;

namespace Sallyport.Control.Tests.FleetFiles;

public sealed class FileValueTests
{
    /// <summary>A reader of YAML ends lines at some of these, and a terminal turns around at others.</summary>
    [Theory]
    [InlineData("a\u2028--- b", "\"a\\u2028--- b\"")]
    [InlineData("a\u2029b", "\"a\\u2029b\"")]
    [InlineData("a\u202eb", "\"a\\u202eb\"")]
    [InlineData("a\u0085b", "\"a\\u0085b\"")]
    [InlineData("a\"b\\c", "\"a\\\"b\\\\c\"")]
    [InlineData("Halle 3 ä", "\"Halle 3 ä\"")]
    public void Text_is_quoted_so_that_it_comes_back_as_it_was(string text, string quoted) => FileValue.Quoted(text).ShouldBe(quoted);
}
