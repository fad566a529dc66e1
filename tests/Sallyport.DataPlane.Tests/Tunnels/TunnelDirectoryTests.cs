using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Tunnels;

public sealed class TunnelDirectoryTests
{
    private readonly TunnelDirectory _directory = new();

    [Theory]
    [InlineData(1)]
    [InlineData(70_000)]
    [InlineData(3_000_000)]
    public void An_identity_is_where_it_was_registered_last(int identity)
    {
        _directory.TryFind(identity, out _).ShouldBeFalse();
        _directory.Register(identity, new TunnelPlace(0, 5)).Exists.ShouldBeFalse();
        _directory.Register(identity, new TunnelPlace(3, 9)).ShouldBe(new TunnelPlace(0, 5));

        _directory.TryFind(identity, out var place).ShouldBeTrue();
        (place.Shard, place.TunnelId).ShouldBe((3, 9));
        _directory.TryFind(identity + 1, out _).ShouldBeFalse();
    }

    [Fact]
    public void The_end_of_an_older_tunnel_does_not_take_the_newer_one_away()
    {
        _directory.Register(7, new TunnelPlace(0, 5));
        _directory.Register(7, new TunnelPlace(1, 6));

        _directory.Remove(7, new TunnelPlace(0, 5));
        _directory.TryFind(7, out _).ShouldBeTrue();
        _directory.Remove(7, new TunnelPlace(1, 6));
        _directory.TryFind(7, out _).ShouldBeFalse();
    }

    [Fact]
    public void An_address_is_one_identity_s_until_it_leaves()
    {
        var here = AddressKey.Of(PathFixture.At("198.51.100.1", 1000));
        _directory.TryTakeAddress(here, 1).ShouldBeTrue();
        _directory.TryTakeAddress(here, 1).ShouldBeTrue();
        _directory.TryTakeAddress(here, 2).ShouldBeFalse();

        _directory.LeaveAddress(here, 2);
        _directory.TryTakeAddress(here, 2).ShouldBeFalse();
        _directory.LeaveAddress(here, 1);
        _directory.TryTakeAddress(here, 2).ShouldBeTrue();
    }

    [Fact]
    public void Connections_of_two_shards_are_different_places()
    {
        var path = new OuterPath { Peer = new OuterAddress(IpAddress.Parse("198.51.100.1"), 443), Socket = -1, Connection = 3 };
        AddressKey.Of(path).ShouldNotBe(AddressKey.Of(path with { Shard = 1 }));
    }
}
