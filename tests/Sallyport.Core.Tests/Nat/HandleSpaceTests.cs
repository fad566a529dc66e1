using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Nat;

public sealed class HandleSpaceTests
{
    [Fact]
    public void A_handle_is_prefix_network_and_address()
    {
        var handle = Handles.Space.Handle(0x1a2b, IpAddress.Parse("10.20.0.1"));
        handle.ShouldBe(IpAddress.Parse("fd12:3456:789a:1a2b::0a14:0001"));
        Handles.Space.TryRead(handle, out var network, out var v4).ShouldBeTrue();
        (network, v4).ShouldBe((0x1a2b, IpAddress.Parse("10.20.0.1")));
    }

    [Fact]
    public void The_same_address_in_two_networks_has_two_handles() =>
        Handles.Handle("192.168.1.10", 1).ShouldNotBe(Handles.Handle("192.168.1.10", 2));

    [Theory]
    [InlineData("fd12:3456:789b:7::a14:1")]
    [InlineData("fd12:3456:789a::a14:1")]
    [InlineData("fd12:3456:789a:7:1::a14:1")]
    [InlineData("fd12:3456:789a:7:0:1:a14:1")]
    [InlineData("2001:db8::1")]
    [InlineData("10.20.0.1")]
    public void Anything_else_is_no_handle(string address) =>
        Handles.Space.TryRead(IpAddress.Parse(address), out _, out _).ShouldBeFalse();

    [Theory]
    [InlineData("fc12:3456:789a::/48")]
    [InlineData("2001:db8:1::/48")]
    [InlineData("fd12:3456:789a:7::/64")]
    [InlineData("10.0.0.0/8")]
    public void Only_a_unique_local_48_is_a_space(string prefix) =>
        HandleSpace.TryCreate(IpPrefix.Parse(prefix), out _).ShouldBeFalse();

    [Fact]
    public void Five_random_bytes_make_a_space() =>
        HandleSpace.FromGlobalId([0x12, 0x34, 0x56, 0x78, 0x9a]).Prefix.ShouldBe(IpPrefix.Parse("fd12:3456:789a::/48"));

    [Fact]
    public void A_space_that_is_not_there_has_no_handles() =>
        default(HandleSpace).TryRead(IpAddress.Parse("::1"), out _, out _).ShouldBeFalse();
}
