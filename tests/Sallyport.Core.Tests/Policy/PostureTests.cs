using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Policy;

public sealed class PostureTests
{
    [Fact]
    public void Versions_have_the_order_of_semantic_versioning_and_numbers_are_versions()
    {
        string[] rising = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "v1.2", "1.10", "2", "18446744073709551615"];
        for (var i = 0; i < rising.Length; i++)
        {
            for (var j = 0; j < rising.Length; j++)
            {
                new PostureValue(rising[i]).TryCompare(new PostureValue(rising[j]), out var order).ShouldBeTrue();
                Math.Sign(order).ShouldBe(i.CompareTo(j), $"{rising[i]} and {rising[j]}");
            }
        }

        new PostureValue("1.0").Is(new PostureValue("1.0.0+build.7")).ShouldBeTrue();
    }

    [Theory]
    [InlineData("firmware>=2.4.1", "2.4.1", true)]
    [InlineData("firmware>=2.4.1", "2.4.0", false)]
    [InlineData("firmware>2.9", "2.10", true)]
    [InlineData("firmware<2.4.1", "2.4.1-rc.1", true)]
    [InlineData("firmware<=7", "7.0.1", false)]
    [InlineData("firmware>=1", "unknown", false)]
    [InlineData("firmware<1", "unknown", false)]
    [InlineData("disk-encrypted=true", "true", true)]
    [InlineData("disk-encrypted=true", "True", false)]
    [InlineData("vendor!=acme", "emca", true)]
    [InlineData("vendor!=acme", "acme", false)]
    [InlineData("note=a>=b", "a>=b", true)]
    public void A_test_compares_versions_as_such_and_text_to_the_letter(string text, string fact, bool isMet)
    {
        PostureTest.TryParse(text, out var test, out var problem).ShouldBeTrue(problem);
        test.IsMet(new PostureValue(fact)).ShouldBe(isMet);
        test.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("firmware")]
    [InlineData(">=2")]
    [InlineData("firmware=")]
    [InlineData("firmware!2")]
    [InlineData("firm ware=2")]
    [InlineData("firmware>=new")]
    [InlineData("firmware=a\nb")]
    public void What_is_no_test_is_said_to_be_none(string text)
    {
        PostureTest.TryParse(text, out _, out var problem).ShouldBeFalse();
        problem.ShouldNotBeEmpty();
    }

    [Fact]
    public void Hostile_texts_neither_throw_nor_compare_inconsistently()
    {
        var random = new SeededEntropy(5);
        const string Letters = "0123456789.-+v<>=!a \n\uffff";
        var texts = Enumerable.Range(0, 3_000).Select(_ => new string([.. Enumerable.Range(0, random.Below(14)).Select(_ => Letters[random.Below(Letters.Length)])])).ToList();
        foreach (var text in texts)
        {
            if (PostureTest.TryParse(text, out var test, out _))
            {
                test.ToString().ShouldBe(text);
            }

            var (a, b) = (new PostureValue(text), new PostureValue(texts[random.Below(texts.Count)]));
            a.Is(a).ShouldBeTrue();
            a.TryCompare(b, out var there).ShouldBe(b.TryCompare(a, out var back));
            Math.Sign(there).ShouldBe(-Math.Sign(back));
        }
    }

    [Fact]
    public void An_address_set_has_what_its_ranges_have()
    {
        var random = new SeededEntropy(3);
        for (var round = 0; round < 300; round++)
        {
            var ranges = Enumerable.Range(0, random.Below(12)).Select(_ =>
            {
                var prefix = random.Below(2) == 0
                    ? IpPrefix.Around(IpAddress.FromV4((uint)random.Below(64)), 26 + random.Below(7))
                    : IpPrefix.Around(new IpAddress((UInt128)random.Below(64)), 122 + random.Below(7));
                return new AddressRange(prefix.First, prefix.Last);
            }).ToList();
            var set = new AddressSet(ranges);
            for (var at = 0; at < 64; at++)
            {
                foreach (var address in (IpAddress[])[IpAddress.FromV4((uint)at), new IpAddress((UInt128)at)])
                {
                    set.Contains(address).ShouldBe(ranges.Exists(range => address >= range.First && address <= range.Last));
                }
            }

            set.Ranges.Length.ShouldBeLessThanOrEqualTo(ranges.Count);
        }

        new AddressSet([new AddressRange(IpAddress.Parse("0.0.0.0"), IpAddress.Parse("255.255.255.255"))]).Contains(IpAddress.Parse("::1:0:0")).ShouldBeFalse();
    }
}
