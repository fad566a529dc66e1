using System.Text;
using Sallyport.Api.Policy;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>MUD files to try, each entry in a line of its own: the first of the packets from the device in line <see cref="FirstLine"/>.</summary>
internal static class MudText
{
    public const int FirstLine = 7;

    /// <param name="from">"name matches" of entries that accept; "!name matches" of those that drop. Matches are JSON without their braces.</param>
    public static byte[] Of(string[] from, string[]? to = null, string container = "", string lists = "acls") => Encoding.UTF8.GetBytes(string.Join('\n',
    [
        "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"https://mud.vendor.example/box\",\"last-update\":\"2026-10-12T08:00:00Z\",\"is-supported\":true,",
        container + "\"from-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"f\"}]}},",
        "\"to-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"t\"}]}}},",
        $"\"ietf-access-control-list:{lists}\":{{\"acl\":[",
        "{\"name\":\"f\",\"type\":\"ipv4-acl-type\",",
        "\"aces\":{\"ace\":[",
        string.Join(",\n", from.Select(Entry)),
        "]}},{\"name\":\"t\",\"type\":\"ipv4-acl-type\",\"aces\":{\"ace\":[",
        string.Join(",\n", (to ?? []).Select(Entry)),
        "]}}]}}",
        "",
    ]));

    public static MudRequest For(string who, byte[] file) => new() { File = file, For = who };

    /// <summary>"tcp/443 at a.example, b.example" and the like, and "deny" or "allow FROM to TO".</summary>
    public static IReadOnlyList<string> Shown(MudPlan plan) =>
    [
        .. plan.Applications.Select(one =>
            $"{one.Name}: {string.Join(' ', one.Services)} on {one.Site ?? one.Device ?? "host:" + one.Host} at {(one.Names.Count > 0 ? string.Join(' ', one.Names) : one.Target ?? "all")}{(one.Groups is [var group] ? $" in {group}" : "")}"),
        .. plan.Rules.Select(rule => $"{(rule.Deny ? "deny " : "")}{rule.From}{(rule.FromNetwork is null ? "" : $" of {rule.FromNetwork}")} > {rule.To}"),
    ];

    /// <summary>"decide from-1", of all entries but those whose answers pass.</summary>
    public static IReadOnlyList<string> Found(MudPlan plan) => [.. plan.Findings.Where(finding => finding.Entry.Length > 0).Select(finding => $"{finding.Kind} {finding.Entry}")];

    /// <summary>A network with three cameras of one maker, a site with two servers, and a device of somebody else.</summary>
    public static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.Client.ApplyFleetAsync(Encoding.UTF8.GetBytes(
            """
            networks:
              plant-a: { prefixes: [10.20.0.0/20] }
            sites:
              hq: { subnets: [192.168.50.0/24, 192.168.51.0/24] }
            devices:
              cam-1: { labels: { model: C1, manufacturer: vendor }, addresses: [10.20.0.11] }
              cam-2: { labels: { model: C1, manufacturer: vendor }, addresses: [10.20.0.12] }
              bell: { labels: { model: B1, manufacturer: vendor }, addresses: [10.20.0.13] }
              pump: { labels: { model: P1 }, addresses: [10.20.0.14] }
            groups:
              doors: [cam-1]
            applications:
              recorder: { site: hq, target: 192.168.50.10, services: [tcp/554] }
              recorder-all: { site: hq, target: 192.168.50.10, services: [tcp/554, tcp/22, udp/5000] }
              panel: { device: pump, services: [tcp/8883, udp/5684] }
            """));
        return world;
    }

    private static string Entry(string text)
    {
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        var (name, matches) = space < 0 ? (text, "") : (text[..space], text[(space + 1)..]);
        var drops = name[0] == '!';
        return $"{{\"name\":\"{name.TrimStart('!')}\",\"matches\":{{{matches}}},\"actions\":{{\"forwarding\":\"{(drops ? "drop" : "accept")}\"}}}}";
    }
}
