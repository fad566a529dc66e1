using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>Between addresses, which IKE knows, and sockets, which shards know.</summary>
public sealed class IkeRoadsTests
{
    private static readonly IpAddress OwnV4 = IpAddress.Parse("198.51.100.1");
    private static readonly IpAddress OwnV6 = IpAddress.Parse("2001:db8::1");
    private static readonly OuterAddress Peer = new(IpAddress.Parse("203.0.113.5"), 500);

    private static readonly BoundSocket[] All =
    [
        Socket(SocketKind.OpenVpn, "0.0.0.0", 1194), Socket(SocketKind.Ike, "0.0.0.0", 500), Socket(SocketKind.Ike, "::", 500),
        Socket(SocketKind.IkeNat, "0.0.0.0", 4500), Socket(SocketKind.IkeNat, "::", 4500), Socket(SocketKind.Esp, "0.0.0.0", 0), Socket(SocketKind.Esp, "::", 0),
    ];

    [Fact]
    public void What_came_by_a_socket_is_answered_by_it()
    {
        var roads = new IkeRoads(All);
        for (var i = 1; i <= 4; i++)
        {
            var from = new OuterPath { Peer = Peer, Local = i % 2 == 1 ? OwnV4 : OwnV6, Shard = 1, Socket = i };
            var path = roads.Of(from);
            path.ShouldBe(new IkePath(new OuterAddress(from.Local, All[i].Bound.Port), Peer, All[i].Kind == SocketKind.IkeNat));
            roads.For(path, 1).ShouldBe(from);
        }
    }

    [Fact]
    public void Plain_ESP_goes_without_ports_and_ESP_in_UDP_by_the_port_for_NAT()
    {
        var roads = new IkeRoads(All);
        roads.HasRaw.ShouldBeTrue();
        var path = new IkePath(new OuterAddress(OwnV4, 500), Peer, IsNatPort: false);
        roads.ForEsp(path, isEncapsulated: false, 1).ShouldBe(new OuterPath { Peer = Peer with { Port = 0 }, Local = OwnV4, Shard = 1, Socket = 5 });
        roads.ForEsp(path, isEncapsulated: true, 1).ShouldBe(new OuterPath { Peer = Peer with { Port = 4500 }, Local = OwnV4, Shard = 1, Socket = 3 });

        // Behind a NAT the peer's port is whatever the NAT has made of it.
        var natted = new IkePath(new OuterAddress(OwnV4, 4500), Peer with { Port = 23_456 }, IsNatPort: true);
        roads.ForEsp(natted, isEncapsulated: true, 0)!.Value.Peer.Port.ShouldBe((ushort)23_456);
    }

    [Fact]
    public void Where_ESP_has_no_socket_in_each_family_that_is_listened_in_it_goes_in_UDP()
    {
        new IkeRoads([.. All.Where(socket => socket.Kind != SocketKind.Esp)]).HasRaw.ShouldBeFalse();
        var roads = new IkeRoads(All[..6]);
        roads.HasRaw.ShouldBeFalse();
        roads.ForEsp(new IkePath(new OuterAddress(OwnV6, 500), Peer, IsNatPort: false), isEncapsulated: false, 0).ShouldBeNull();
        roads.ForEsp(new IkePath(new OuterAddress(OwnV6, 500), new OuterAddress(IpAddress.Parse("2001:db8::7"), 500), IsNatPort: false), isEncapsulated: true, 0).ShouldNotBeNull();
    }

    [Fact]
    public void A_call_leaves_from_port_500_or_where_that_is_not_ours_from_the_port_for_NAT()
    {
        new IkeRoads(All).ForCall(OwnV4, Peer.Ip).ShouldBe(new IkePath(new OuterAddress(OwnV4, 500), Peer, IsNatPort: false));
        var without = new IkeRoads([Socket(SocketKind.IkeNat, "0.0.0.0", 14_500)]);
        without.NatPort.ShouldBe((ushort)14_500);
        without.ForCall(OwnV4, Peer.Ip).ShouldBe(new IkePath(new OuterAddress(OwnV4, 14_500), Peer with { Port = 4500 }, IsNatPort: true));
        without.ForCall(OwnV6, IpAddress.Parse("2001:db8::7")).ShouldBeNull("nothing listens in that family");
    }

    [Fact]
    public void A_socket_of_one_address_does_not_speak_for_another()
    {
        var roads = new IkeRoads([Socket(SocketKind.Ike, "198.51.100.1", 500)]);
        roads.For(new IkePath(new OuterAddress(OwnV4, 500), Peer, IsNatPort: false), 0).ShouldNotBeNull();
        roads.For(new IkePath(new OuterAddress(IpAddress.Parse("198.51.100.2"), 500), Peer, IsNatPort: false), 0).ShouldBeNull();
        roads.For(new IkePath(new OuterAddress(OwnV4, 501), Peer, IsNatPort: false), 0).ShouldBeNull();
    }

    private static BoundSocket Socket(SocketKind kind, string address, ushort port) => new(kind, new OuterAddress(IpAddress.Parse(address), port));
}
