using Sallyport.Control.FleetFiles;
using Sallyport.Control.Policies.Mud;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Manufacturers' usage descriptions, up to what they grant; whom they mean is looked up later. Input: the bytes of the file.</summary>
internal sealed class MudTarget : FuzzTarget
{
    public override string Name => "mud";

    public override int InputMax => 8192;

    public override IReadOnlyList<byte[]> Words => WordsOf(
        "\"ietf-mud:mud\":", "\"ietf-access-control-list:acls\":", "\"access-lists\":", "\"acl\":[", "\"aces\":{\"ace\":[", "\"name\":\"", "\"matches\":{", "\"actions\":{\"forwarding\":\"drop\"}",
        "\"ipv4\":{", "\"ipv6\":{", "\"tcp\":{", "\"udp\":{", "\"icmp\":{\"type\":8}", "\"eth\":{\"ethertype\":\"0x0800\"}", "\"protocol\":17", "\"ietf-acldns:dst-dnsname\":\"a.example\"", "\"src-dnsname\":",
        "\"destination-ipv4-network\":\"0.0.0.0/0\"", "\"source-ipv6-network\":\"2001:db8::/32\"", "\"source-port\":{\"operator\":\"neq\",\"port\":1}", "\"destination-port\":{\"lower-port\":1,\"upper-port\":65535}",
        "\"ietf-mud:direction-initiated\":\"to-device\"", "\"my-controller\":[null]", "\"local-networks\":[null]", "\"same-manufacturer\":[null]", "\"controller\":\"urn:x\"", "\"model\":", "null", "true", "{", "}", "[", "]", ",", ":",
        "\\u0000", "\\ud800", "\\\"", "1e9", "-0", "65536", "\n", "\r\n", "\t", "\u00e9", "\u2028", "\ufeff");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("box", [.. """
            {"ietf-mud:mud":{"mud-version":1,"mud-url":"https://a.example/box.json","last-update":"2026-10-12T08:00:00+02:00","cache-validity":48,"is-supported":true,"systeminfo":"Box",
            "x:y":{},"from-device-policy":{"access-lists":{"access-list":[{"name":"f"}]}},"to-device-policy":{"access-lists":{"access-list":[{"name":"t"}]}}},
            "ietf-access-control-list:acls":{"acl":[{"name":"f","type":"ipv4-acl-type","aces":{"ace":[
            {"name":"a","matches":{"ipv4":{"ietf-acldns:dst-dnsname":"a.example","protocol":6},"tcp":{"ietf-mud:direction-initiated":"from-device","destination-port":{"operator":"eq","port":443}}},"actions":{"forwarding":"accept"}},
            {"name":"b","matches":{"ietf-mud:mud":{"controller":"urn:ietf:params:mud:dns"},"ipv4":{"protocol":17},"udp":{"destination-port":{"operator":"neq","port":53}}},"actions":{"forwarding":"accept"}},
            {"name":"c","matches":{"ietf-mud:mud":{"local-networks":[null]},"eth":{"ethertype":"0x0806"}},"actions":{"forwarding":"drop"}},
            {"name":"d","matches":{"ipv4":{"destination-ipv4-network":"203.0.113.0/24"},"icmp":{"type":8,"code":0}},"actions":{"forwarding":"reject"}}]}},
            {"name":"t","type":"ipv4-acl-type","aces":{"ace":[
            {"name":"a-back","matches":{"ipv4":{"ietf-acldns:src-dnsname":"a.example","protocol":6},"tcp":{"source-port":{"lower-port":443,"upper-port":444}}},"actions":{"forwarding":"accept"}},
            {"name":"page","matches":{"ietf-mud:mud":{"my-controller":[null]},"tcp":{"ietf-mud:direction-initiated":"to-device","destination-port":{"port":80}}},"actions":{"forwarding":"accept"}}]}}]}}

            """u8]);
        yield return ("draft", [.. "{\"ietf-mud:mud\":{\"mud-version\":1},\"ietf-access-control-list:access-lists\":{\"acl\":[{\"name\":\"f\",\"access-list-entries\":{}}]}}"u8]);
        yield return ("deep", [.. "[[[[[[[[[[[[[[[[[[[[[[[[[["u8]);
        yield return ("twice", [.. "{\"a\":1,\r\n\"a\":\"\\udc00\"}"u8]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var problems = new FileProblems();
        var meter = Probe.StartMeter();
        var file = MudReader.Read(input, problems);
        probe.AllocatedAtMost(meter, (1 << 20) + (2048L * input.Length), "reading a MUD file");
        probe.That(file is null == problems.Any, "what cannot be read has a reason, and what has one is not used");
        foreach (var problem in problems.Sorted)
        {
            probe.That(problem.Field.Length > 0 && problem.Message.Length is > 0 and < 1000 && problem.Hint.Length > 0, "a problem says what, where and how to mend it");
            probe.That(problem.Line >= 1 && problem.Line <= input.Count((byte)'\n') + 1 && problem.Column >= 1 && problem.Column <= input.Length + 2, "it is somewhere in the file");
            probe.Reach(problem.Message.Length % 97);
        }

        if (file is null)
        {
            return;
        }

        var (grants, notes) = MudConversations.Of(file);
        probe.Size(grants.Count);
        probe.Size(notes.Count);
        foreach (var grant in grants)
        {
            probe.That(!grant.Peer.IsAnybody && !grant.Services.IsEmpty && grant.Services.Texts.Count > 0, "a grant is somebody's, and for something");
            probe.That(grant.Services.IsIn(MudServices.Everything) && grant.Services.Without(grant.Services).IsEmpty && grant.Services.And(grant.Services).Texts.SequenceEqual(grant.Services.Texts), "services are sets");
        }

        // No entry is lost: each leads to a grant or to a word about it.
        foreach (var ace in file.FromDevice.Concat(file.ToDevice))
        {
            probe.That(grants.Any(grant => ReferenceEquals(grant.Ace, ace)) || notes.Any(note => note.Line == ace.At.Line), "every entry is told of");
        }
    }
}
