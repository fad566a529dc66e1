using System.Net;
using Sallyport.Simulator.Scenarios;

namespace Sallyport.Simulator.Tests.Scenarios;

public sealed class TargetGuardTests
{
    private static readonly IPEndPoint Local = new(IPAddress.Loopback, 1194);
    private static readonly IPEndPoint LocalV6 = new(IPAddress.IPv6Loopback, 1194);
    private static readonly IPEndPoint Own = new(IPAddress.Parse("198.51.100.7"), 1194);
    private static readonly IPEndPoint Remote = new(IPAddress.Parse("192.0.2.1"), 1194);
    private static readonly IReadOnlySet<IPAddress> Addresses = new HashSet<IPAddress> { Own.Address };

    [Fact]
    public void This_machine_is_always_allowed() =>
        TargetGuard.Refused([Local, LocalV6, Own], Addresses, allowsRemote: false, inOwnNamespace: false).ShouldBeNull();

    [Fact]
    public void One_remote_server_among_many_is_refused() =>
        TargetGuard.Refused([Local, Own, Remote], Addresses, allowsRemote: false, inOwnNamespace: false).ShouldBe(Remote);

    [Fact]
    public void The_machines_own_addresses_are_those_of_its_interfaces()
    {
        TargetGuard.OwnAddresses().ShouldContain(IPAddress.Loopback);
        TargetGuard.OwnAddresses().ShouldNotContain(Remote.Address);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_namespace_of_its_own_or_the_operators_word_allows_it(bool allowsRemote, bool inOwnNamespace) =>
        TargetGuard.Refused([Remote], Addresses, allowsRemote, inOwnNamespace).ShouldBeNull();

    [Theory]
    [InlineData("net:[4026532898]", true)]
    [InlineData("net:[4026531833]", false)]
    [InlineData("net:[4026532000]", false)]
    public void A_namespace_is_our_own_where_it_has_a_name(string own, bool expected) => TargetGuard.IsNamed(
        own,
        [
            "22 1 0:21 / / rw,relatime - overlay overlay rw",
            "301 22 0:4 net:[4026532898] /run/netns/field rw shared:1 - nsfs nsfs rw",
            "302 22 0:4 net:[4026532000] /elsewhere/field rw shared:1 - nsfs nsfs rw",
            "",
        ]).ShouldBe(expected);
}
