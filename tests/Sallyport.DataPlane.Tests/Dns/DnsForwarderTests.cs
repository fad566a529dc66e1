using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Dns;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Tests.Dns;

public sealed class DnsForwarderTests : IDisposable
{
    private readonly Mailbox _shard = new();
    private readonly NameTies _ties = new();
    private readonly DnsForwarder _forwarder;

    public DnsForwarderTests()
    {
        _forwarder = new DnsForwarder(new Clock(TimeProvider.System), new SystemEntropy(), _ties, new GatewayLog(TextWriter.Null, TimeProvider.System));
        _forwarder.Start([_shard]);
    }

    [Fact]
    public void The_answer_comes_back_with_the_addresses_in_it()
    {
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180, Questions.Address("10.1.2.3"), Questions.Address("10.1.2.4"))]);
        Ask("www.corp.example", server.Address);
        var delivery = Next();
        delivery.Question.IdentityId.ShouldBe(1);
        Questions.Read(delivery.Answer!.Message).ShouldBe("0 10.1.2.3");
        delivery.Answer!.Addresses.ShouldBe([IpAddress.Parse("10.1.2.3"), IpAddress.Parse("10.1.2.4")]);
    }

    [Fact]
    public void What_a_name_stands_for_is_remembered_before_its_answer_is_delivered_where_names_lead_anywhere()
    {
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180, Questions.Address("203.0.113.7"))]);
        Ask("www.vendor.example", [server.Address], identityId: 7, isTied: true);
        Next();
        var tie = _ties.Of(7).ShouldHaveSingleItem();
        (tie.Name, tie.Address).ShouldBe(("www.vendor.example", IpAddress.Parse("203.0.113.7")));
        Ask("www.vendor.example", [server.Address], identityId: 8);
        Next();
        _ties.Of(8).ShouldBeEmpty();
    }

    [Fact]
    public void Of_a_broken_answer_nothing_is_remembered()
    {
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180, Questions.Address("203.0.113.7"), Questions.Address("203.0.113.8"))[..^3]]);
        Ask("www.vendor.example", [server.Address], identityId: 7, isTied: true);
        Next().Answer!.IsWhole.ShouldBeFalse();
        _ties.Of(7).ShouldBeEmpty();
    }

    [Fact]
    public void Numbers_and_ports_cannot_be_foretold()
    {
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180)]);
        for (var i = 0; i < 100; i++)
        {
            Ask($"{i}.corp.example", server.Address);
            Next().Answer.ShouldNotBeNull();
        }

        server.Seen.Select(seen => seen.Id).Distinct().Count().ShouldBeGreaterThan(90);
        server.Seen.Select(seen => seen.Port).Distinct().Count().ShouldBeGreaterThan(50);
        var steps = server.Seen.Zip(server.Seen.Skip(1), (one, next) => (next.Port - one.Port, next.Id - one.Id)).Distinct().Count();
        steps.ShouldBeGreaterThan(80, "the next does not follow from the one before");
    }

    [Fact]
    public void An_answer_to_another_question_or_under_another_number_is_not_taken()
    {
        using var server = new TestDnsServer((query, _) =>
        [
            Questions.Answer(WithId(query, (byte)(query[1] + 1)), 0x8180, Questions.Address("6.6.6.6")),
            Questions.Answer(Questions.For("www.other.example", id: (ushort)((query[0] << 8) | query[1])), 0x8180, Questions.Address("6.6.6.6")),
            [1, 2, 3],
            Questions.Answer(query, 0x8180, Questions.Address("10.1.2.3")),
        ]);
        Ask("www.corp.example", server.Address);
        Questions.Read(Next().Answer!.Message).ShouldBe("0 10.1.2.3");
    }

    [Fact]
    public void Another_address_than_the_server_s_is_not_heard()
    {
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        TestDnsServer? server = null;
        using var made = server = new TestDnsServer((query, _) =>
        {
            // It knows the question, its number and its port, and comes before the server's own answer.
            stranger.SendTo(Questions.Answer(query, 0x8180, Questions.Address("6.6.6.6")), new IPEndPoint(IPAddress.Loopback, server!.Seen[^1].Port));
            return [Questions.Answer(query, 0x8180, Questions.Address("10.1.2.3"))];
        });
        Ask("www.corp.example", server.Address);
        Questions.Read(Next().Answer!.Message).ShouldBe("0 10.1.2.3");
    }

    [Fact]
    public void A_silent_server_s_question_goes_to_the_next_one()
    {
        using var silent = new TestDnsServer((_, _) => []);
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180, Questions.Address("10.1.2.3"))]);
        Ask("www.corp.example", silent.Address, server.Address);
        Questions.Read(Next().Answer!.Message).ShouldBe("0 10.1.2.3");
        silent.Seen.Count.ShouldBe(1);
    }

    [Fact]
    public void A_server_that_is_not_there_costs_no_time()
    {
        using var gone = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        gone.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var address = new OuterAddress(IpAddress.Parse("127.0.0.1"), (ushort)((IPEndPoint)gone.LocalEndPoint!).Port);
        gone.Dispose();
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180)]);
        var watch = Stopwatch.StartNew();
        Ask("www.corp.example", address, server.Address);
        Next().Answer.ShouldNotBeNull();
        watch.Elapsed.ShouldBeLessThan(DnsServiceLimits.AttemptTime);
    }

    [Fact]
    public void Where_nobody_answers_the_asker_is_told_so_in_time()
    {
        using var silent = new TestDnsServer((_, _) => []);
        var watch = Stopwatch.StartNew();
        Ask("www.corp.example", silent.Address);
        Next().Answer.ShouldBeNull();
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5), "glibc gives up after five");
        silent.Seen.Count.ShouldBe(DnsServiceLimits.AttemptsMax);
        silent.Seen.Select(seen => seen.Port).Distinct().Count().ShouldBe(DnsServiceLimits.AttemptsMax);
    }

    [Fact]
    public void What_does_not_fit_a_datagram_is_fetched_over_a_stream()
    {
        var many = Enumerable.Range(0, 200).Select(i => Questions.Address($"10.1.0.{i}"));
        using var server = new TestDnsServer((query, isStream) => [isStream ? Questions.Answer(query, 0x8180, many) : Questions.Answer(query, 0x8380)]);
        Ask("many.corp.example", server.Address);
        var delivery = Next();
        delivery.Answer!.Message.Length.ShouldBeGreaterThan(3000);
        delivery.Answer!.Addresses.Length.ShouldBe(DnsServiceLimits.LogAddressesMax);
    }

    [Fact]
    public void Where_the_stream_fails_what_fitted_is_the_answer()
    {
        using var server = new TestDnsServer((query, isStream) => isStream ? [] : [Questions.Answer(query, 0x8380, Questions.Address("10.1.2.3"))]);
        Ask("many.corp.example", server.Address);
        Questions.Read(Next().Answer!.Message).ShouldBe("0 cut 10.1.2.3");
    }

    [Fact]
    public void One_identity_takes_no_place_of_the_others()
    {
        using var silent = new TestDnsServer((_, _) => []);
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180)]);
        for (var i = 0; i < DnsServiceLimits.OutstandingPerIdentityMax + 5; i++)
        {
            var asked = Math.Min(i, DnsServiceLimits.OutstandingPerIdentityMax);
            SpinWait.SpinUntil(() => silent.Seen.Count >= asked, TimeSpan.FromSeconds(5)).ShouldBeTrue();
            Ask($"{i}.corp.example", silent.Address);
        }

        for (var i = 0; i < 5; i++)
        {
            var refused = Next();
            (refused.Question.IdentityId, refused.Answer).ShouldBe((1, null));
        }

        Ask("www.corp.example", [server.Address], identityId: 2);
        var delivery = Next();
        delivery.Question.IdentityId.ShouldBe(2);
        delivery.Answer.ShouldNotBeNull();
    }

    [Fact]
    public void Many_who_take_all_places_together_make_room_for_who_has_none()
    {
        using var silent = new TestDnsServer((_, _) => []);
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180)]);
        const int hoarders = DnsServiceLimits.OutstandingMax / DnsServiceLimits.OutstandingPerIdentityMax;
        var asked = 0;
        for (var identity = 1; identity <= hoarders; identity++)
        {
            for (var i = 0; i < DnsServiceLimits.OutstandingPerIdentityMax; i++, asked++)
            {
                // Each has been taken out of the inbox before the next comes: only the places are to be short.
                Ask($"{i}.corp.example", [silent.Address], identity);
                SpinWait.SpinUntil(() => silent.Seen.Count > asked, TimeSpan.FromSeconds(5)).ShouldBeTrue();
            }
        }

        Ask("www.corp.example", [server.Address], identityId: 99);
        var gaveUp = Next();
        (gaveUp.Question.IdentityId, gaveUp.Answer).ShouldNotBe((99, null));
        gaveUp.Question.IdentityId.ShouldBeInRange(1, hoarders);
        DeliverAnswer delivery;
        do
        {
            delivery = Next();
        }
        while (delivery.Question.IdentityId != 99);
        delivery.Answer.ShouldNotBeNull();
    }

    [Fact]
    public void On_the_way_to_who_asks_nobody_takes_the_places_of_the_others()
    {
        var inbox = new UpstreamInbox();
        int Add(int identity, int count) => Enumerable.Range(0, count).Count(_ => inbox.TryAdd(Question("www.corp.example", [], identity)));
        Add(1, 2000).ShouldBe(DnsServiceLimits.InboxPerIdentityMax);
        for (var identity = 2; identity <= DnsServiceLimits.InboxMax / 2 / DnsServiceLimits.InboxPerIdentityMax; identity++)
        {
            Add(identity, 2000).ShouldBe(DnsServiceLimits.InboxPerIdentityMax);
        }

        Add(100, 2000).ShouldBe(DnsServiceLimits.InboxPerIdentityWhenScarce);
        Add(1, 10).ShouldBe(0);
        Add(101, 1).ShouldBe(1);
        var taken = 0;
        while (inbox.TryTake(out _))
        {
            taken++;
        }

        taken.ShouldBe((DnsServiceLimits.InboxMax / 2) + DnsServiceLimits.InboxPerIdentityWhenScarce + 1);
        Add(1, 2000).ShouldBe(DnsServiceLimits.InboxPerIdentityMax, "what was taken is forgotten");
    }

    public void Dispose()
    {
        _forwarder.Dispose();
        _shard.Dispose();
    }

    private static byte[] WithId(byte[] query, byte low)
    {
        byte[] other = [.. query];
        other[1] = low;
        return other;
    }

    private void Ask(string name, params OuterAddress[] servers) => Ask(name, servers, identityId: 1);

    private void Ask(string name, OuterAddress[] servers, int identityId, bool isTied = false) =>
        _forwarder.TryAsk(Question(name, servers, identityId, isTied)).ShouldBeTrue();

    private static UpstreamQuestion Question(string name, OuterAddress[] servers, int identityId, bool isTied = false)
    {
        var message = Questions.For(name);
        DnsQuery.Read(message, out var query).ShouldBe(DnsReadResult.Query);
        return new UpstreamQuestion(identityId, 1, 0, message[..query.QuestionEnd], query, default, new DnsForward("", [.. servers]), isTied);
    }

    private DeliverAnswer Next()
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(10); Thread.Yield())
        {
            if (_shard.TryTake(out var command))
            {
                return command.ShouldBeOfType<DeliverAnswer>();
            }
        }

        throw new TimeoutException("no answer was delivered");
    }
}
