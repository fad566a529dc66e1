using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class WaitingRoomTests
{
    private readonly WaitingRoom _room = new(capacity: 5);
    private readonly byte[] _packet = new byte[100];

    [Fact]
    public void Who_came_first_leaves_first_with_the_packet_and_the_path_that_it_came_with()
    {
        Put(client: 1, filling: 11).ShouldBeTrue();
        Put(client: 2, filling: 22, length: 7).ShouldBeTrue();

        Take().ShouldBe((1, 11, 40));
        Take().ShouldBe((2, 22, 7));
        Take().ShouldBeNull();
        _room.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void A_client_that_repeats_itself_takes_no_more_places_than_a_first_flight_needs()
    {
        for (var i = 0; i < 10; i++)
        {
            Put(client: 1, filling: i).ShouldBeTrue("nothing is lost by it");
        }

        Put(client: 2, filling: 99).ShouldBeTrue();
        Drain().ShouldBe([0, 1, 2, 99]);
    }

    [Fact]
    public void Who_has_left_has_a_place_again()
    {
        Put(client: 1, filling: 1);
        _room.Holds(Key(1)).ShouldBeTrue();
        Take();
        _room.Holds(Key(1)).ShouldBeFalse();
        Put(client: 1, filling: 2).ShouldBeTrue();
        Drain().ShouldBe([2]);
    }

    [Fact]
    public void A_full_room_refuses_and_keeps_what_it_has()
    {
        for (var client = 1; client <= 5; client++)
        {
            Put(client, filling: client).ShouldBeTrue();
        }

        Put(client: 6, filling: 6).ShouldBeFalse();
        _room.Holds(Key(6)).ShouldBeFalse();
        Drain().ShouldBe([1, 2, 3, 4, 5]);
        Put(client: 6, filling: 6).ShouldBeTrue();
    }

    private static OuterPath Path(int client) => new() { Peer = new OuterAddress(IpAddress.FromV4((uint)client), 1194) };

    private static SessionKey Key(int client) => SessionKey.Of(Path(client), remote: 7);

    private bool Put(int client, int filling, int length = 40) =>
        _room.TryPut(Key(client), Path(client), [.. Enumerable.Repeat((byte)filling, length)]);

    private (int Client, int Filling, int Length)? Take() =>
        _room.TryTake(_packet, out var from, out var length) ? ((int)from.Peer.Ip.V4, _packet[0], length) : null;

    private List<int> Drain()
    {
        List<int> fillings = [];
        while (Take() is { } taken)
        {
            fillings.Add(taken.Filling);
        }

        return fillings;
    }
}
