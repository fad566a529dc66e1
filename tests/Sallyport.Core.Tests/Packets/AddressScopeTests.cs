using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Packets;

public sealed class AddressScopeTests
{
    [Theory]
    [InlineData("10.0.0.1", Scope.Unicast)]
    [InlineData("223.255.255.255", Scope.Unicast)]
    [InlineData("224.0.0.1", Scope.Group)]
    [InlineData("240.0.0.1", Scope.Group)]
    [InlineData("255.255.255.255", Scope.Group)]
    [InlineData("0.0.0.0", Scope.NotOnWire)]
    [InlineData("127.0.0.1", Scope.NotOnWire)]
    [InlineData("169.254.1.1", Scope.LinkLocal)]
    [InlineData("169.253.1.1", Scope.Unicast)]
    [InlineData("fe80::1", Scope.LinkLocal)]
    [InlineData("febf::1", Scope.LinkLocal)]
    [InlineData("fec0::1", Scope.Unicast)]
    [InlineData("fd00::1", Scope.Unicast)]
    [InlineData("ff02::1", Scope.Group)]
    [InlineData("::", Scope.NotOnWire)]
    [InlineData("::1", Scope.NotOnWire)]
    [InlineData("2001:db8::1", Scope.Unicast)]
    public void Every_address_has_its_scope(string address, Scope scope) => AddressScope.Of(IpAddress.Parse(address)).ShouldBe(scope);
}
