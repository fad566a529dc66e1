using Sallyport.Core.Policy;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Policy;

public sealed class WindowTextTests
{
    [Theory]
    [InlineData("mon-fri 08:00-17:00 Europe/Vienna", "mon-fri 08:00-17:00 Europe/Vienna")]
    [InlineData("  Mon,tue,WED  22:00-06:00   Etc/UTC ", "mon-wed 22:00-06:00 Etc/UTC")]
    [InlineData("sun,sat 00:00-24:00 Asia/Kolkata", "sat,sun 00:00-24:00 Asia/Kolkata")]
    [InlineData("fri-mon 06:30-06:30 Etc/UTC", "mon,fri-sun 06:30-06:30 Etc/UTC")]
    [InlineData("mon-sun 00:00-00:00 Etc/UTC", "daily 00:00-00:00 Etc/UTC")]
    [InlineData("daily 00:00-23:59 Etc/UTC", "daily 00:00-23:59 Etc/UTC")]
    public void What_people_write_is_understood_and_said_in_one_way(string written, string said)
    {
        WindowText.TryParse(written, out var window, out _).ShouldBeTrue();
        window.ToString().ShouldBe(said);
        WindowText.TryParse(said, out var again, out _).ShouldBeTrue();
        again.ShouldBe(window);
    }

    [Theory]
    [InlineData("", "it wants days, times and a time zone")]
    [InlineData("mon-fri 08:00-17:00", "it wants days, times and a time zone")]
    [InlineData("mun-fri 08:00-17:00 Etc/UTC", "'mun' is no day of the week")]
    [InlineData("mon-wed-fri 08:00-17:00 Etc/UTC", "'mon-wed-fri' is no range of days")]
    [InlineData("mon, 08:00-17:00 Etc/UTC", "'' is no day of the week")]
    [InlineData("mon 8:00-17:00 Etc/UTC", "'8:00-17:00' is not two times of a day")]
    [InlineData("mon 08:00-24:01 Etc/UTC", "'08:00-24:01' is not two times of a day")]
    [InlineData("mon 24:00-08:00 Etc/UTC", "'24:00-08:00' is not two times of a day")]
    [InlineData("mon 08:60-17:00 Etc/UTC", "'08:60-17:00' is not two times of a day")]
    [InlineData("mon -8:00-17:00 Etc/UTC", "'-8:00-17:00' is not two times of a day")]
    [InlineData("mon 08:00 Etc/UTC", "'08:00' is not two times of a day")]
    public void What_cannot_be_understood_is_said(string written, string problem)
    {
        WindowText.TryParse(written, out _, out var said).ShouldBeFalse();
        said.ShouldBe(problem);
    }

    [Fact]
    public void No_text_is_too_strange()
    {
        var random = new SeededEntropy(5);
        const string Letters = "mondaily-frisu, 08:1724Etc/UTC\0é";
        for (var i = 0; i < 20_000; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Below(40)).Select(_ => Letters[random.Below(Letters.Length)])]);
            if (WindowText.TryParse(text, out var window, out var problem))
            {
                WindowText.TryParse(window.ToString(), out var again, out _).ShouldBeTrue(text);
                again.ShouldBe(window);
            }
            else
            {
                problem.ShouldNotBeEmpty();
            }
        }
    }
}
