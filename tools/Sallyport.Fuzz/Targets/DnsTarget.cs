using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.Dns;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// Questions of a device, and answers of another server to one. Input: <c>kind 1 | message</c>; kind modulo 3: 0 a question of a device that may
/// reach one application, 1 of the site, 2 an answer of another server to <c>www.corp.example A</c>.
/// </summary>
internal sealed class DnsTarget : FuzzTarget
{
    private const int DeviceId = 1;
    private const int SiteId = 2;

    /// <summary>The name, and what it is compared with and cut into: some copies of it.</summary>
    private const int QueryAllocationMax = 64 * 1024;

    /// <summary>Two names of a record, of each that may be read.</summary>
    private const int AnswerAllocationMax = 64 * 1024 + (DnsLimits.RecordsMax * 2 * ((2 * DnsLimits.NameTextMax) + 64));

    private static readonly FleetModel Fleet = FleetModel.Empty.With(new FleetChange
    {
        Networks =
        [
            new Network(1, "plant-a", [IpPrefix.Parse("10.20.0.0/16"), IpPrefix.Parse("fd00:20::/64")])
            {
                Dns = new NetworkDns("sallyport", "plant-a.sallyport", [new DnsForward("corp.example", [new OuterAddress(IpAddress.Parse("10.0.0.53"), 53)])]),
            },
        ],
        Identities =
        [
            new Identity
            {
                Id = DeviceId, NetworkId = 1, Kind = IdentityKind.Device, Name = "pump-17", Active = true, AddressV4 = IpAddress.Parse("10.20.0.17"),
                AddressV6 = IpAddress.Parse("fd00:20::17"),
            },
            new Identity
            {
                Id = SiteId, NetworkId = 1, Kind = IdentityKind.Site, Name = "router-3", Active = true, AddressV4 = IpAddress.Parse("10.20.0.2"),
                Subnets = [IpPrefix.Parse("192.168.1.0/24")],
            },
        ],
        Applications =
        [
            new Application(1, 1, "historian", SiteId, IpPrefix.Parse("192.168.1.20/32"), [new Service(IpProtocol.Tcp, 8883, 8883)]),
            new Application(2, 1, "camera", SiteId, IpPrefix.Parse("192.168.1.30/32"), [new Service(IpProtocol.Tcp, 554, 554)]),
        ],
        Rules = [new Rule(1, new Subject(SubjectKind.Device, DeviceId, ""), 1)],
    });

    private static readonly byte[] Asked = Question("www.corp.example", DnsType.A, 1232);

    public override string Name => "dns";

    public override int InputMax => 2048;

    public override IReadOnlyList<byte[]> Words =>
    [
        .. WordsOf("\u0009historian", "\u0006camera", "\u0007plant-a", "\u0009sallyport", "\u0007in-addr", "\u0003ip6", "\u0004arpa", "\u000c192-168-1-20", "\u0008router-3", "\u0007gateway"),
        [0xc0, 12], [0xc0, 0], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1], [0, 28, 0, 1], [0, 12, 0, 1], [0, 255, 0, 1],
    ];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("application", [0, .. Question("historian.plant-a.sallyport", DnsType.A, 1232)]);
        yield return ("hidden", [0, .. Question("camera.plant-a.sallyport", DnsType.A, 0)]);
        yield return ("dash", [0, .. Question("192-168-1-20.router-3.plant-a.sallyport", DnsType.A, 512)]);
        yield return ("own-v6", [0, .. Question("pump-17.plant-a.sallyport", DnsType.Aaaa, 4096)]);
        yield return ("any", [0, .. Question("gateway.plant-a.sallyport", DnsType.Any, 0)]);
        yield return ("reverse", [1, .. Question("17.0.20.10.in-addr.arpa", DnsType.Ptr, 0)]);
        yield return ("reverse-v6", [0, .. Question($"{string.Join('.', Enumerable.Repeat('0', 25))}.2.0.0.0.0.d.f.ip6.arpa", DnsType.Ptr, 0)]);
        yield return ("elsewhere", [0, .. Asked]);
        yield return ("refused", [1, .. Question("example.org", DnsType.Mx, 0)]);
        byte[] alias = [3, .. "web"u8, 0xc0, 16];
        byte[][] records =
        [
            [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, (byte)alias.Length, .. alias],
            [.. alias, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3],
            [0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16, .. new byte[16]],
        ];
        yield return ("answer", [2, .. Answer(records, withOpt: true)]);
        yield return ("answer-without-edns", [2, .. Answer(records, withOpt: false)]);
        yield return ("long-answer", [2, .. Answer([.. Enumerable.Repeat(records[1], 60)], withOpt: true)]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        if (input[0] % 3 == 2)
        {
            RunAnswer(input[1..], probe);
        }
        else
        {
            RunQuery(input[0] % 3 == 0 ? DeviceId : SiteId, input[1..], probe);
        }
    }

    private static void RunQuery(int askerId, ReadOnlySpan<byte> message, Probe probe)
    {
        Span<byte> answer = stackalloc byte[DnsLimits.PlainAnswerMax];
        var meter = Probe.StartMeter();
        var resolution = Resolver.Resolve(Fleet, Fleet.Identity(askerId)!, default, message, answer);
        probe.AllocatedAtMost(meter, QueryAllocationMax, "answering a question");
        probe.Reach((long)resolution.Kind << 8 | (long)resolution.Rcode);
        probe.Reach((long)resolution.Query.Type << 1 | (resolution.Query.HasEdns ? 1L : 0L));
        if (resolution.Kind != ResolveKind.Answer)
        {
            probe.That(resolution.Kind == ResolveKind.Ignore || resolution.Query.Name.EndsWith("corp.example", StringComparison.Ordinal), "only names of the domain are asked elsewhere");
            return;
        }

        answer = answer[..resolution.Length];
        probe.That((answer[2] & 0x80) != 0 && BinaryPrimitives.ReadUInt16BigEndian(answer) == BinaryPrimitives.ReadUInt16BigEndian(message), "an answer is one, to this question");
        probe.That((answer[3] & 0xf) == (int)resolution.Rcode, "the code is what the log says");
        probe.That(resolution.Length <= resolution.Query.AnswerMax, "an answer fits who asked");
        var facts = CheckRecords(answer, resolution.Query.QuestionEnd, probe);
        foreach (var fact in facts)
        {
            probe.That(MayKnow(askerId, fact.Address), $"{askerId} learns of {fact.Address}");
        }
    }

    /// <summary>The device: itself, the gateway and the historian. The site: itself, its hosts and the gateway.</summary>
    private static bool MayKnow(int askerId, IpAddress address)
    {
        string[] known = askerId == DeviceId
            ? ["10.20.0.17", "fd00:20::17", "10.20.0.1", "fd00:20::1", "192.168.1.20"]
            : ["10.20.0.2", "10.20.0.1", "fd00:20::1"];
        return known.Contains(address.ToString()) || (askerId == SiteId && IpPrefix.Parse("192.168.1.0/24").Contains(address));
    }

    private static void RunAnswer(ReadOnlySpan<byte> upstream, Probe probe)
    {
        DnsQuery.Read(Asked, out var asked);
        var meter = Probe.StartMeter();
        if (!DnsAnswer.TryRead(upstream, out var read))
        {
            return;
        }

        probe.Reach(read.Answers(asked, read.Id) ? 1 : 0);
        Span<byte> answer = stackalloc byte[DnsLimits.AnswerMax];
        var length = DnsRelay.WriteAnswer(upstream, read, Asked, asked, 700, answer);
        List<DnsFact> facts = [];
        var isWhole = DnsAnswer.TryReadFacts(upstream, read.QuestionEnd, facts);
        probe.AllocatedAtMost(meter, AnswerAllocationMax, "reading an answer");
        probe.Reach((isWhole ? 1 : 0) | (length > 0 ? 2 : 0));
        probe.Size(facts.Count);
        probe.That(facts.Count <= DnsLimits.RecordsMax, "what is read of an answer is bounded");
        probe.That(facts.TrueForAll(fact => fact.Name.Length <= DnsLimits.NameTextMax && !fact.Name.AsSpan().ContainsAnyExceptInRange('!', '~')), "names can be shown");
        if (length == 0)
        {
            return;
        }

        answer = answer[..length];
        probe.That(length <= 700, "an answer that is passed on fits");
        probe.That(answer[..2].SequenceEqual(Asked.AsSpan(0, 2)) && answer[12..asked.QuestionEnd].SequenceEqual(Asked.AsSpan(12, asked.QuestionEnd - 12)), "it is to the question that was asked");
        if (read.QuestionEnd == asked.QuestionEnd)
        {
            CheckRecords(answer, asked.QuestionEnd, probe);
        }
    }

    /// <summary>Our own reader can read it to its end.</summary>
    private static List<DnsFact> CheckRecords(ReadOnlySpan<byte> message, int questionEnd, Probe probe)
    {
        var records = new DnsRecordReader(message, questionEnd);
        var end = questionEnd;
        while (records.TryNext(out var record))
        {
            end = record.End;
        }

        probe.That(!records.IsBroken && end == message.Length, "what is written can be read");
        List<DnsFact> facts = [];
        DnsAnswer.TryReadFacts(message, questionEnd, facts);
        return facts;
    }

    private static byte[] Question(string name, DnsType type, int edns)
    {
        byte[] opt = edns > 0 ? [0, 0, 41, (byte)(edns >> 8), (byte)edns, 0, 0, 0, 0, 0, 0] : [];
        return
        [
            0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, (byte)(edns > 0 ? 1 : 0),
            .. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0, 0, (byte)type, 0, 1, .. opt,
        ];
    }

    private static byte[] Answer(byte[][] records, bool withOpt)
    {
        var question = Question("www.corp.example", DnsType.A, 0);
        question[2] = 0x81;
        question[3] = 0x80;
        question[7] = (byte)records.Length;
        question[11] = (byte)(withOpt ? 1 : 0);
        byte[] opt = withOpt ? [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] : [];
        return [.. question, .. records.SelectMany(record => record), .. opt];
    }
}
