using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>Networks without wrapping: answers go to whoever a packet says it is from, so they are rationed.</summary>
public class PlainResetTests
{
    private readonly DoorFixture _fixture = DoorFixture.WithPlain();

    [Fact]
    public void One_address_that_confirms_nothing_gets_so_many_answers_and_no_more()
    {
        Answered(Enumerable.Repeat(Address(7), 300)).ShouldBe(OpenVpnLimits.PlainResetsPerAddress);
        _fixture.ShouldDrop(_fixture.Visit("plain").Reset(), DropReason.ResetRateLimited, from: Address(7));
        Answered([Address(8)]).ShouldBe(1);
        Answered([Address(7)], DoorFixture.Start + OpenVpnLimits.PlainResetWindow).ShouldBe(1);
    }

    [Fact]
    public void One_prefix_that_confirms_nothing_gets_so_many_answers_and_no_more()
    {
        Answered(Flood(3000)).ShouldBe(OpenVpnLimits.PlainResetsPerPrefix);
        _fixture.ShouldDrop(_fixture.Visit("plain").Reset(), DropReason.ResetRateLimited, from: Address(7));
        Answered([new OuterAddress(IpAddress.Parse("198.51.101.7"), 1)]).ShouldBe(1);
        Answered([Address(7)], DoorFixture.Start + OpenVpnLimits.PlainResetWindow).ShouldBe(1);
    }

    [Fact]
    public void Ipv6_sources_are_limited_by_the_prefix_of_a_site()
    {
        var site = Enumerable.Range(0, 3000).Select(i => new OuterAddress(IpAddress.Parse($"2001:db8:0:a{i % 10}::{i:x}"), 9));
        Answered(site).ShouldBe(OpenVpnLimits.PlainResetsPerPrefix);
        Answered([new OuterAddress(IpAddress.Parse("2001:db8:0:b00::1"), 9)]).ShouldBe(1);
    }

    [Fact]
    public void Ten_spoofed_resets_a_second_keep_nobody_of_the_prefix_out()
    {
        for (var second = 0; second < 120; second++)
        {
            var now = DoorFixture.Start + TimeSpan.FromSeconds(second);
            Answered(Flood(10), now);
            ComeIn(Address(33), now);
        }
    }

    [Fact]
    public void Who_was_here_before_comes_in_while_its_prefix_is_flooded()
    {
        ComeIn(Address(33), DoorFixture.Start);
        var later = DoorFixture.Start + OpenVpnLimits.PlainResetProof - TimeSpan.FromMinutes(1);
        Answered(Flood(5000).Where(from => from.Ip != Address(33).Ip), later).ShouldBe(OpenVpnLimits.PlainResetsPerPrefix);
        Answered([Address(34)], later).ShouldBe(0);
        for (var i = 0; i < 10; i++)
        {
            ComeIn(Address(33), later);
        }
    }

    [Fact]
    public void Who_was_here_long_ago_is_a_newcomer_again()
    {
        ComeIn(Address(33), DoorFixture.Start);
        var later = DoorFixture.Start + OpenVpnLimits.PlainResetProof;
        Answered(Flood(5000), later);
        Answered([Address(33)], later).ShouldBe(0);
    }

    [Fact]
    public void An_address_that_was_here_before_is_limited_as_well()
    {
        ComeIn(Address(33), DoorFixture.Start);
        Answered(Enumerable.Repeat(Address(33), 300)).ShouldBe(OpenVpnLimits.PlainResetsPerAddress);
    }

    [Fact]
    public void Restart_storm_behind_one_address_is_answered_whole_where_each_confirms()
    {
        for (var i = 0; i < 20 * OpenVpnLimits.PlainResetsPerAddress; i++)
        {
            ComeIn(Address(33) with { Port = (ushort)(1000 + i) }, DoorFixture.Start);
        }
    }

    /// <summary>As many addresses of one /24 as there are, from changing ports.</summary>
    private static IEnumerable<OuterAddress> Flood(int count) => Enumerable.Range(0, count).Select(i => Address(i & 0xff) with { Port = (ushort)(1000 + i) });

    private static OuterAddress Address(int last) => new(IpAddress.FromV4(0xc6336400 + (uint)last), 40_000);

    private int Answered(IEnumerable<OuterAddress> sources, Instant? now = null) =>
        sources.Count(from => _fixture.Handle(_fixture.Visit("plain").Reset(), now, from).Action == DoorAction.Reply);

    private void ComeIn(OuterAddress from, Instant now)
    {
        var visitor = _fixture.Visit("plain");
        _fixture.Handle(visitor.Reset(), now, from).Action.ShouldBe(DoorAction.Reply);
        visitor.Read(_fixture.LastReply);
        _fixture.ShouldAdmit(visitor.Ack(), now, from).Dispose();
    }
}
