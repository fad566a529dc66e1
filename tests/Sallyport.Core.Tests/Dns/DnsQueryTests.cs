using Sallyport.Core.Dns;

namespace Sallyport.Core.Tests.Dns;

public sealed class DnsQueryTests
{
    [Fact]
    public void A_question_says_what_is_asked_and_what_fits()
    {
        DnsQuery.Read(Ask.For("HMI.plant-a.sallyport", DnsType.Aaaa, 7), out var plain).ShouldBe(DnsReadResult.Query);
        (plain.Id, plain.Name, plain.Type, plain.Class, plain.HasEdns, plain.AnswerMax).ShouldBe(((ushort)7, "hmi.plant-a.sallyport", DnsType.Aaaa, (ushort)1, false, 512));

        DnsQuery.Read(Ask.For("hmi", DnsType.A, ednsSize: 1000), out var edns).ShouldBe(DnsReadResult.Query);
        (edns.HasEdns, edns.AnswerMax, edns.DnssecOk).ShouldBe((true, 1000, false));
    }

    [Theory]
    [InlineData(0, 512)]
    [InlineData(100, 512)]
    [InlineData(4096, 1232)]
    [InlineData(65535, 1232)]
    public void What_the_asker_takes_is_kept_within_what_passes_every_path(int said, int used)
    {
        DnsQuery.Read(Ask.For("hmi", DnsType.A, ednsSize: said), out var query).ShouldBe(DnsReadResult.Query);
        query.AnswerMax.ShouldBe(used);
    }

    [Fact]
    public void A_response_is_never_answered()
    {
        DnsQuery.Read(Ask.For("hmi", DnsType.A, flags: 0x8100), out _).ShouldBe(DnsReadResult.NotAQuery);
        DnsQuery.Read(new byte[11], out _).ShouldBe(DnsReadResult.NotAQuery);
        DnsQuery.Read([], out _).ShouldBe(DnsReadResult.NotAQuery);
    }

    [Fact]
    public void Other_operations_and_broken_questions_are_told_apart()
    {
        DnsQuery.Read(Ask.For("hmi", DnsType.A, flags: 0x2800), out _).ShouldBe(DnsReadResult.NotImplemented);
        DnsQuery.Read(Ask.Message(1, 0x0100, [], [], [], []), out _).ShouldBe(DnsReadResult.Malformed);
        var whole = Ask.For("hmi.plant-a", DnsType.A, ednsSize: 1232);
        for (var length = 12; length < whole.Length; length++)
        {
            DnsQuery.Read(whole.AsSpan(0, length), out var query).ShouldBe(DnsReadResult.Malformed, $"{length} bytes");
            query.QuestionEnd.ShouldBe(12, "nothing of a broken question is repeated");
        }

        var twice = Ask.Message(1, 0x0100, [.. Ask.Question("hmi", DnsType.A, 1)], [], [], [Ask.Opt(1232), Ask.Opt(1232)]);
        DnsQuery.Read(twice, out _).ShouldBe(DnsReadResult.Malformed);
    }
}
