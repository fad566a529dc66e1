using Sallyport.Core.Policy;

namespace Sallyport.Core.Tests.Policy;

public sealed class ForwardTextTests
{
    [Theory]
    [InlineData("corp.example=10.0.0.53", "corp.example=10.0.0.53")]
    [InlineData("Corp.Example.=10.0.0.53:53, 10.0.0.54", "corp.example=10.0.0.53,10.0.0.54")]
    [InlineData(".=9.9.9.9:5353,fd00::53,[fd00::54]:5353", ".=9.9.9.9:5353,fd00::53,[fd00::54]:5353")]
    public void What_people_write_is_read_and_has_one_spelling(string text, string canonical)
    {
        ForwardText.TryParse(text, out var forward, out var problem).ShouldBeTrue(problem);
        ForwardText.Write(forward).ShouldBe(canonical);
        ForwardText.TryParse(canonical, out var again, out _).ShouldBeTrue();
        ForwardText.Write(again).ShouldBe(canonical);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.53")]
    [InlineData("=10.0.0.53")]
    [InlineData("corp.example=")]
    [InlineData("corp.example=10.0.0")]
    [InlineData("corp.example=10.0.0.53,")]
    [InlineData("corp.example=10.0.0.53:0")]
    [InlineData("corp.example=10.0.0.53:65536")]
    [InlineData("corp.example=[10.0.0.53]:53")]
    [InlineData("corp.example=fd00::53:5353:99999")]
    [InlineData("corp.example=0.0.0.0")]
    [InlineData("corp.example=224.0.0.251")]
    [InlineData("corp.example=ff02::fb")]
    [InlineData("corp..example=10.0.0.53")]
    [InlineData("corp example=10.0.0.53")]
    [InlineData("a=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5")]
    public void What_cannot_be_is_refused_with_a_reason(string text)
    {
        ForwardText.TryParse(text, out _, out var problem).ShouldBeFalse();
        problem.ShouldNotBeEmpty();
    }
}
