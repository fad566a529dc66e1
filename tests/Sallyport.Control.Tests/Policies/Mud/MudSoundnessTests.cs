using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Policy;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Policies;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>
/// Of many made-up files: whatever the policy that a plan leads to lets somebody open, a firewall that tries the entries of the file packet by packet would
/// let pass as well. So nothing is wider than the file.
/// </summary>
public sealed class MudSoundnessTests
{
    private const int Files = 250;
    private const int OpenerPort = 40_000; // where conversations come from

    private static readonly string[] Peers = ["192.168.50.10", "192.168.50.11", "192.168.51.9", "10.20.0.12", "10.20.0.14", "203.0.113.7", "203.0.113.9", "198.51.100.7"];
    private static readonly string[] Networks = ["192.168.50.10/32", "192.168.50.0/24", "10.20.0.12/32", "10.20.0.14/32", "203.0.113.7/32", "203.0.113.0/24", "203.0.113.0/28", "198.51.100.0/24"];
    private static readonly int[] Ports = [22, 53, 80, 554, 5000, 8883];

    /// <summary>An entry, as the test knows it and as the file has it.</summary>
    private sealed record Entry(bool Accepts, string? Network, bool IsController, string? Protocol, (int From, int To)? Source, (int From, int To)? Destination, string? Initiated)
    {
        public string Text(int number, bool isFrom)
        {
            var parts = new List<string>();
            if (IsController)
            {
                parts.Add("\"ietf-mud:mud\":{\"my-controller\":[null]}");
            }

            if (Network is not null)
            {
                parts.Add($"\"ipv4\":{{\"{(isFrom ? "destination" : "source")}-ipv4-network\":\"{Network}\"}}");
            }

            if (Protocol is not null)
            {
                string?[] members = [Port("source", Source), Port("destination", Destination), Initiated is null ? null : $"\"ietf-mud:direction-initiated\":\"{Initiated}\""];
                parts.Add($"\"{Protocol}\":{{{string.Join(',', members.OfType<string>())}}}");
            }

            return $"{(Accepts ? "" : "!")}e{number} {string.Join(',', parts)}";
        }

        private static string? Port(string end, (int From, int To)? range) => range is { } ports ? $"\"{end}-port\":{{\"lower-port\":{ports.From},\"upper-port\":{ports.To}}}" : null;
    }

    [Fact]
    public async Task What_may_be_opened_is_what_the_entries_let_pass()
    {
        await using var world = await MudText.WorldAsync();
        foreach (var device in new[] { "cam-1", "cam-2", "pump" })
        {
            await world.Client.IssueDeviceProfileAsync(device, new());
        }

        await world.Client.IssueSiteProfileAsync("hq", new());
        var drafts = world.App.Services.GetRequiredService<FleetFileCommands>();
        var (allowed, seed) = (0, 1UL);
        for (var file = 0; file < Files; file++)
        {
            var from = Entries(ref seed, "from-device", "to-device");
            var to = Entries(ref seed, "to-device", "from-device");
            var bytes = MudText.Of([.. from.Select((entry, i) => entry.Text(i, isFrom: true))], [.. to.Select((entry, i) => entry.Text(i + 100, isFrom: false))]);
            var plan = await world.Client.PlanMudAsync(MudText.For("device:cam-1", bytes) with { MyController = ["application:recorder-all", "device:pump"] });
            var state = (await drafts.DraftAsync(Actor.System, System.Text.Encoding.UTF8.GetBytes(plan.FleetFile), prune: false)).After;
            allowed += Check(NetworkPolicy.Of(state, CountryTable.Empty), from, to, $"{System.Text.Encoding.UTF8.GetString(bytes)}\n{plan.FleetFile}");
        }

        allowed.ShouldBeGreaterThan(Files, "the files grant something at all");
    }

    /// <summary>How much is allowed, all of which the entries let pass.</summary>
    private static int Check(FleetModel fleet, List<Entry> from, List<Entry> to, string shown)
    {
        var model = fleet.At(Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
        var camera = Resolve("10.20.0.11").Carrier!;
        var allowed = 0;
        foreach (var peer in Peers)
        {
            foreach (var (protocol, number) in ((string, IpProtocol)[])[("tcp", IpProtocol.Tcp), ("udp", IpProtocol.Udp), ("icmp", IpProtocol.Icmp)])
            {
                foreach (var port in protocol == "icmp" ? [0] : Ports)
                {
                    var (carrier, inside) = Resolve(peer);
                    if (model.Decide(camera, carrier, inside, number, (ushort)port, default).Allowed)
                    {
                        allowed++;
                        Passes(from, peer, protocol, port, "from-device").ShouldBeTrue($"cam-1 opens {protocol}/{port} of {peer}\n{shown}");
                    }

                    if (carrier is { Kind: not IdentityKind.Host } && model.Decide(carrier, camera, Address("10.20.0.11"), number, (ushort)port, default).Allowed)
                    {
                        allowed++;
                        Passes(to, peer, protocol, port, "to-device").ShouldBeTrue($"{peer} opens {protocol}/{port} of cam-1\n{shown}");
                    }
                }
            }
        }

        return allowed;

        Place Resolve(string address) => model.Resolve(fleet.Networks.Single(network => network.Name == "plant-a").Id, Address(address));
    }

    /// <summary>The first entry that matches the first packet decides; none lets it pass.</summary>
    private static bool Passes(List<Entry> entries, string peer, string protocol, int port, string opener) => entries.Find(entry =>
        (entry.Network is null || IpPrefix.Parse(entry.Network).Contains(Address(peer)))
        && (!entry.IsController || IsController(peer, protocol, port, opener))
        && (entry.Protocol is null || entry.Protocol == protocol)
        && (entry.Initiated is null || entry.Initiated == opener)
        && (entry.Destination is not { } ports || (port >= ports.From && port <= ports.To))

        // The plan says that it does not look at the port that who opens comes from.
        && (entry.Source is not { } source || entry.Accepts || (OpenerPort >= source.From && OpenerPort <= source.To))) is { Accepts: true };

    /// <summary>The recorder with what it offers, and the pump.</summary>
    private static bool IsController(string peer, string protocol, int port, string opener) =>
        peer == "10.20.0.14" || (opener == "from-device" && peer == "192.168.50.10" && (protocol, port) is ("tcp", 554) or ("tcp", 22) or ("udp", 5000));

    private static List<Entry> Entries(ref ulong seed, string opener, string other)
    {
        var entries = new List<Entry>();
        for (var n = Next(ref seed, 5) + 1; n > 0; n--)
        {
            var protocol = new[] { null, "tcp", "udp", "tcp", "udp", "icmp" }[Next(ref seed, 6)];
            var hasPorts = protocol is "tcp" or "udp";
            var isController = Next(ref seed, 3) == 0;
            entries.Add(new Entry(
                Next(ref seed, 4) > 0, isController || Next(ref seed, 8) == 0 ? null : Networks[Next(ref seed, Networks.Length)], isController, protocol,
                hasPorts && Next(ref seed, 5) == 0 ? Range(ref seed) : null, hasPorts && Next(ref seed, 4) > 0 ? Range(ref seed) : null,
                protocol == "tcp" ? new[] { null, opener, opener, other }[Next(ref seed, 4)] : null));
        }

        return entries;
    }

    private static (int From, int To) Range(ref ulong seed)
    {
        var (a, b) = (Ports[Next(ref seed, Ports.Length)], Ports[Next(ref seed, Ports.Length)]);
        return Next(ref seed, 2) == 0 ? (a, a) : (Math.Min(a, b), Math.Max(a, b));
    }

    /// <summary>The same at every run: xorshift.</summary>
    private static int Next(ref ulong seed, int below)
    {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (int)(seed % (ulong)below);
    }

    private static IpAddress Address(string text) => IpAddress.Parse(text);
}
