using Sallyport.Control.Names;

namespace Sallyport.Control.Tests.Names;

public sealed class NearestTests
{
    [Theory]
    [InlineData("pmp-17", "pump-17")]
    [InlineData("pupm-17", "pump-17")]
    [InlineData("Pump-17", "pump-17")]
    [InlineData("historain", "historian")]
    [InlineData("hk", "hq")]
    public void A_slip_finds_what_was_meant(string wanted, string meant) =>
        Nearest.To(wanted, ["pump-17", "valve-3", "historian", "hq"]).ShouldBe(meant);

    [Theory]
    [InlineData("camera")]
    [InlineData("")]
    [InlineData("x")]
    public void Another_word_finds_nothing(string wanted) => Nearest.To(wanted, ["pump-17", "historian", "hq"]).ShouldBeNull();

    [Fact]
    public void A_text_of_any_length_costs_little() => Nearest.To(new string('a', 1_000_000), ["pump-17"]).ShouldBeNull();
}
