using System.Buffers.Binary;
using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Dns;

public sealed class DnsRelayTests
{
    [Fact]
    public void The_question_goes_on_under_another_number_with_our_own_size()
    {
        var message = Ask.For("www.corp.example", DnsType.A, 0x1111);
        DnsQuery.Read(message, out var asked).ShouldBe(DnsReadResult.Query);
        var query = new byte[DnsRelay.QueryMax];
        var length = DnsRelay.WriteQuery(message, asked, 0x2222, query);
        DnsQuery.Read(query.AsSpan(0, length), out var sent).ShouldBe(DnsReadResult.Query);
        (sent.Id, sent.Name, sent.Type, sent.HasEdns, sent.AnswerMax).ShouldBe(((ushort)0x2222, "www.corp.example", DnsType.A, true, 1232));
        (sent.Flags & DnsFlags.RecursionDesired).ShouldBe(DnsFlags.RecursionDesired);
    }

    [Fact]
    public void Only_the_answer_to_this_question_under_this_number_is_one()
    {
        DnsQuery.Read(Ask.For("www.corp.example", DnsType.A), out var asked);
        bool Answers(byte[] message) => DnsAnswer.TryRead(message, out var read) && read.Answers(asked, 9);
        Answers(Ask.Answer("WWW.corp.example", DnsType.A, 9, [])).ShouldBeTrue("letters may change their case");
        Answers(Ask.Answer("www.corp.example", DnsType.A, 10, [])).ShouldBeFalse();
        Answers(Ask.Answer("www2.corp.example", DnsType.A, 9, [])).ShouldBeFalse();
        Answers(Ask.Answer("www.corp.example", DnsType.Aaaa, 9, [])).ShouldBeFalse();
        Answers(Ask.For("www.corp.example", DnsType.A, 9)).ShouldBeFalse("a question is no answer");
        Answers(Ask.Message(9, 0x8180, [], [], [], [])).ShouldBeFalse();
    }

    [Fact]
    public void An_answer_comes_back_under_the_number_and_in_the_letters_of_who_asked()
    {
        var (answer, facts) = Relay(Ask.For("WWW.corp.Example", DnsType.A, 0x1111), [Ask.A("10.1.2.3"), Ask.A("10.1.2.4")]);
        BinaryPrimitives.ReadUInt16BigEndian(answer).ShouldBe((ushort)0x1111);
        answer.AsSpan(12, 18).ToArray().ShouldBe(Ask.Name("WWW.corp.Example"));
        DnsAnswer.TryRead(answer, out var read).ShouldBeTrue();
        read.Flags.ShouldBe(DnsFlags.Response | DnsFlags.RecursionDesired | DnsFlags.RecursionAvailable);
        facts.Select(fact => (fact.Address, fact.TtlSeconds)).ShouldBe([(IpAddress.Parse("10.1.2.3"), 60u), (IpAddress.Parse("10.1.2.4"), 60u)]);
        BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(10)).ShouldBe((ushort)0, "who knows no EDNS gets none");
    }

    [Theory]
    [InlineData(null, 512)]
    [InlineData(700, 700)]
    [InlineData(4096, 1232)]
    public void What_does_not_fit_is_left_out_whole_and_said(int? edns, int limit)
    {
        var (answer, facts) = Relay(Ask.For("many.corp.example", DnsType.A, ednsSize: edns), [.. Enumerable.Range(0, 100).Select(i => Ask.A($"10.0.0.{i}"))]);
        answer.Length.ShouldBeLessThanOrEqualTo(limit);
        answer.Length.ShouldBeGreaterThan(limit - 16);
        DnsAnswer.TryRead(answer, out var read).ShouldBeTrue();
        read.IsTruncated.ShouldBeTrue();
        facts.Count.ShouldBe(BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6)));
        facts.Count.ShouldBeGreaterThan(20);
    }

    [Fact]
    public void What_is_beside_the_answer_may_go_unsaid()
    {
        var message = Ask.For("www.corp.example", DnsType.A);
        var upstream = Ask.Answer(
            "www.corp.example", DnsType.A, 9, [Ask.A("10.1.2.3")], [Ask.Record(DnsType.Ns, 60, new byte[300])], [Ask.Record(DnsType.Txt, 60, new byte[300])]);
        var answer = Write(message, upstream);
        DnsAnswer.TryRead(answer, out var read).ShouldBeTrue();
        read.IsTruncated.ShouldBeFalse();
        (BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(8)), BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(10))).ShouldBe(((ushort)1, (ushort)0));
    }

    [Fact]
    public void Edns_of_the_other_hop_is_not_passed_on()
    {
        var upstream = Ask.Answer("www.corp.example", DnsType.A, 9, [Ask.A("10.1.2.3")], additionals: [Ask.A("10.9.9.9"), Ask.Opt(4096)]);
        var plain = Write(Ask.For("www.corp.example", DnsType.A), upstream);
        BinaryPrimitives.ReadUInt16BigEndian(plain.AsSpan(10)).ShouldBe((ushort)1);
        var edns = Write(Ask.For("www.corp.example", DnsType.A, ednsSize: 4096), upstream);
        BinaryPrimitives.ReadUInt16BigEndian(edns.AsSpan(10)).ShouldBe((ushort)2);
        BinaryPrimitives.ReadUInt16BigEndian(edns.AsSpan(edns.Length - 8)).ShouldBe((ushort)1232, "ours");

        var badVersion = Ask.Answer("www.corp.example", DnsType.A, 9, [], additionals: [Ask.Opt(4096, ttl: 0x0100_0000)]);
        Write(Ask.For("www.corp.example", DnsType.A), badVersion).ShouldBeEmpty();
    }

    [Fact]
    public void A_broken_answer_is_none()
    {
        var whole = Ask.Answer("www.corp.example", DnsType.A, 9, [Ask.A("10.1.2.3")]);
        Write(Ask.For("www.corp.example", DnsType.A), whole[..^1]).ShouldBeEmpty();
    }

    [Fact]
    public void Facts_are_addresses_and_names_that_stand_for_others()
    {
        byte[] alias = [.. "\x03web"u8, 0xc0, 12 + 4];
        var message = Ask.Answer(
            "www.corp.example", DnsType.A, 9,
            [
                Ask.Record(DnsType.Cname, 300, alias), Ask.Record(alias, DnsType.A, 0x8000_0001, [10, 1, 2, 3]),
                Ask.Record(alias, DnsType.Aaaa, 20, [.. IpAddress.Parse("fd00::7").Bytes()]), Ask.Record(DnsType.A, 20, [1, 2, 3]),
                Ask.Record([0xc0, 12], DnsType.A, 20, [1, 2, 3, 4], @class: 3),
            ],
            additionals: [Ask.A("10.9.9.9")]);
        DnsAnswer.TryRead(message, out var read).ShouldBeTrue();
        List<DnsFact> facts = [];
        DnsAnswer.TryReadFacts(message, read.QuestionEnd, facts).ShouldBeTrue();
        facts.ShouldBe(
        [
            new DnsFact("www.corp.example", DnsType.Cname, 300, default, "web.corp.example"),
            new DnsFact("web.corp.example", DnsType.A, 0, IpAddress.Parse("10.1.2.3"), ""),
            new DnsFact("web.corp.example", DnsType.Aaaa, 20, IpAddress.Parse("fd00::7"), ""),
        ]);
    }

    private static (byte[] Answer, List<DnsFact> Facts) Relay(byte[] message, byte[][] records)
    {
        DnsQuery.Read(message, out var asked).ShouldBe(DnsReadResult.Query);
        var answer = Write(message, Ask.Answer(asked.Name, asked.Type, 9, records));
        List<DnsFact> facts = [];
        DnsAnswer.TryReadFacts(answer, asked.QuestionEnd, facts).ShouldBeTrue();
        return (answer, facts);
    }

    private static byte[] Write(byte[] message, byte[] upstream)
    {
        DnsQuery.Read(message, out var asked).ShouldBe(DnsReadResult.Query);
        DnsAnswer.TryRead(upstream, out var read).ShouldBeTrue();
        var answer = new byte[DnsLimits.AnswerMax];
        return answer[..DnsRelay.WriteAnswer(upstream, read, message, asked, DnsLimits.AnswerMax, answer)];
    }
}

internal static class AddressBytes
{
    public static byte[] Bytes(this IpAddress address)
    {
        var bytes = new byte[16];
        return bytes[..address.Write(bytes)];
    }
}
