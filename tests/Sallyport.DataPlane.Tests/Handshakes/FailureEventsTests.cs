using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Nodes;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class FailureEventsTests
{
    private static readonly OuterAddress Peer = new(IpAddress.Parse("203.0.113.5"), 4500);
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    private readonly Uplink _uplink;
    private readonly FailureEvents _failures;

    public FailureEventsTests()
    {
        var clock = new Clock(TimeProvider.System);
        _uplink = new Uplink(clock);
        _failures = new FailureEvents(_uplink, clock);
    }

    [Fact]
    public void The_next_event_of_a_peer_says_how_many_were_left_out()
    {
        foreach (var second in new[] { 0, 4, 11, 29 })
        {
            Raise("wrong pre-shared key", second);
        }

        Told().ShouldBe(["wrong pre-shared key"]);
        Raise("wrong pre-shared key", 31);
        Raise("wrong pre-shared key", 32);
        Told().ShouldBe(["wrong pre-shared key (3 more like it since the last event of it)"]);
        Raise("wrong pre-shared key", 70);
        Told().ShouldBe(["wrong pre-shared key (1 more like it since the last event of it)"]);
        Raise("wrong pre-shared key", 110);
        Told().ShouldBe(["wrong pre-shared key"], "none was left out");
    }

    [Fact]
    public void Another_peer_and_another_thing_are_events_of_their_own()
    {
        Raise("one thing", 0);
        Raise("one thing", 1);
        Raise("another thing", 2);
        Raise("one thing", 3, new OuterAddress(IpAddress.Parse("198.51.100.7"), 500));
        Told().ShouldBe(["one thing", "another thing", "one thing"]);
    }

    [Fact]
    public void Where_too_many_came_at_once_who_was_not_told_of_is_counted_too()
    {
        for (var i = 0; i < 200; i++)
        {
            Raise("flood", 0, Neighbour(i));
        }

        Told().Count.ShouldBe(100);
        Raise("flood", 10, Neighbour(0));
        Raise("flood", 31, Neighbour(0));
        Raise("flood", 32, Neighbour(199));
        Told().ShouldBe(["flood (1 more like it since the last event of it, 100 of others left out: too many at once)", "flood"]);
    }

    [Fact]
    public void A_long_sentence_gives_way_to_the_number()
    {
        var detail = new string('x', 2_000);
        Raise(detail, 0);
        Raise(detail, 1);
        Raise(detail, 40);
        var told = Told();
        told[1].Length.ShouldBe(PeerText.DetailMax);
        told[1].ShouldEndWith("x… (1 more like it since the last event of it)");
    }

    private static OuterAddress Neighbour(int number) => new(IpAddress.Parse($"10.{number}.0.1"), 500);

    private void Raise(string detail, int second, OuterAddress? from = null) =>
        _failures.Raise("handshake.failed", 0, from ?? Peer, detail, Start + TimeSpan.FromSeconds(second));

    private List<string> Told() => [.. _uplink.Take().OfType<EventReport>().SelectMany(report => report.Events).Select(happened => happened.Detail)];
}
