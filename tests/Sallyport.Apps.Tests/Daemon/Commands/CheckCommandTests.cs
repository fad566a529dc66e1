using Sallyport.Daemon.Commands;

namespace Sallyport.Apps.Tests.Daemon.Commands;

public sealed class CheckCommandTests
{
    [Theory]
    [InlineData(0, "0s")]
    [InlineData(10, "10s")]
    [InlineData(90, "90s")]
    [InlineData(60, "1m")]
    [InlineData(3600, "1h")]
    [InlineData(86_400 * 30, "30d")]
    [InlineData(86_400 + 3600, "25h")]
    public void Durations_are_shown_as_one_writes_them(int seconds, string expected) =>
        CheckCommand.Show(TimeSpan.FromSeconds(seconds)).ShouldBe(expected);
}
