using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Dns;

/// <summary>Which addresses of an answer belong to the name that was asked for.</summary>
public sealed class DnsChainTests
{
    [Fact]
    public void Aliases_count_for_the_name_that_was_asked_for_with_the_shortest_time_on_the_way()
    {
        List<DnsFact> facts =
        [
            Address("cdn.example", 300, "203.0.113.1"), Alias("www.vendor.example", 60, "edge.vendor.example"), Alias("edge.vendor.example", 900, "cdn.example"),
            Address("cdn.example", 20, "203.0.113.2"),
        ];
        DnsChain.AddressesOf("www.vendor.example", facts).ShouldBe([(IpAddress.Parse("203.0.113.1"), 60u), (IpAddress.Parse("203.0.113.2"), 20u)]);
    }

    [Fact]
    public void What_else_an_answer_says_is_not_believed_and_circles_end()
    {
        List<DnsFact> facts =
        [
            Address("other.example", 60, "203.0.113.9"), Alias("a.example", 60, "b.example"), Alias("b.example", 60, "a.example"),
            Address("b.example", 60, "203.0.113.3"),
        ];
        DnsChain.AddressesOf("a.example", facts).Select(one => one.Address).Distinct().ShouldBe([IpAddress.Parse("203.0.113.3")]);
        DnsChain.AddressesOf("c.example", facts).ShouldBeEmpty();
    }

    [Fact]
    public void A_chain_is_followed_so_far_and_no_further()
    {
        List<DnsFact> Chain(int aliases) => [.. Enumerable.Range(0, aliases).Select(i => Alias($"{i}.example", 60, $"{i + 1}.example")), Address($"{aliases}.example", 60, "203.0.113.3")];
        DnsChain.AddressesOf("0.example", Chain(DnsLimits.ChainMax)).ShouldHaveSingleItem();
        DnsChain.AddressesOf("0.example", Chain(DnsLimits.ChainMax + 1)).ShouldBeEmpty();
    }

    private static DnsFact Address(string name, uint ttl, string address) => new(name, DnsType.A, ttl, IpAddress.Parse(address), "");

    private static DnsFact Alias(string name, uint ttl, string target) => new(name, DnsType.Cname, ttl, default, target);
}
