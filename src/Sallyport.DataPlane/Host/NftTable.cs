using Sallyport.Core.Flows;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Host;

/// <summary>
/// The table of nftables for what passes the gateway host's device from and to beyond: guests are masqueraded, only their conversations
/// come back, and nothing of theirs is for the host itself. Written whole, in one transaction.
/// </summary>
/// <param name="listening">Ports of ours that no guest may be given: a connection that the kernel remembers under one of them would take
/// our own clients' packets (CVE-2021-3773, "port shadow").</param>
internal sealed class NftTable(string device, NftProgram nft, IReadOnlyCollection<int>? listening = null)
{
    /// <summary>Where guests' ports on the host's address come from: the first range without a listener of ours. The host's other services are below.</summary>
    private static readonly (int First, int Last)[] PortRanges = [(32_768, 60_999), (10_240, 32_767), (61_000, 65_535)];

    /// <summary>How long the kernel remembers guests' conversations: no longer than we do, or it had more of them than we have counted.</summary>
    private static readonly FlowLimits Times = new();

    /// <summary>A chain without rules, so that the gateway after this one knows it, too, if this one dies.</summary>
    private const string WasOff = "forwarding_was_off";

    public string Name { get; } = "sallyport_egress_" + string.Concat(device.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    /// <summary>Whether one is there, and whether whoever wrote it turned forwarding on.</summary>
    /// <exception cref="HostSetupException">That cannot be told.</exception>
    public async Task<(bool IsThere, bool ForwardingWasOff)> FindAsync(CancellationToken cancel)
    {
        var listed = await nft.RunAsync(["list", "table", "ip", Name], "", cancel).ConfigureAwait(false);
        return (listed.Succeeded, listed.Succeeded && listed.Output.Contains(WasOff, StringComparison.Ordinal));
    }

    /// <summary>False where the kernel keeps its own times for guests' conversations (it was built without CONFIG_NF_CONNTRACK_TIMEOUT).</summary>
    /// <exception cref="HostSetupException">It cannot be written.</exception>
    public async Task<bool> WriteAsync(IReadOnlyList<IpPrefix> pools, bool forwardingWasOff, CancellationToken cancel)
    {
        foreach (var isAnew in (bool[])[false, true])
        {
            try
            {
                await TakeAsync(Text(pools, forwardingWasOff, isAnew), cancel).ConfigureAwait(false);
                return true;
            }
            catch (NftRefusalException)
            {
                // A table of another version, whose chains are hooked in elsewhere; or no times.
            }
        }

        await TakeAsync(Text(pools, forwardingWasOff, isAnew: true, hasTimes: false), cancel).ConfigureAwait(false);
        return false;
    }

    /// <summary>Whether it was there or not, it is gone.</summary>
    /// <exception cref="HostSetupException">It cannot be deleted.</exception>
    public Task DeleteAsync(CancellationToken cancel) => TakeAsync($"add table ip {Name}\ndelete table ip {Name}\n", cancel);

    /// <summary>
    /// As <c>nft -f</c> takes it, in one transaction: what was there goes. Rules alone go, where it can be: with its times conversations that are under way
    /// would lose theirs, and be remembered for days.
    /// </summary>
    public string Text(IReadOnlyList<IpPrefix> pools, bool forwardingWasOff, bool isAnew = false, bool hasTimes = true)
    {
        var cleared = isAnew ? $"delete table ip {Name}" : $"flush table ip {Name}\nadd chain ip {Name} {WasOff}\ndelete chain ip {Name} {WasOff}";
        var guests = $"{{ {string.Join(", ", pools)} }}";

        var ports = PortsBeside(listening ?? []);
        var given = $" to :{ports.First}-{ports.Last} fully-random";

        // A machine that was no router is none for others, either.
        var marker = forwardingWasOff ? $"\n    chain {WasOff} {{ }}" : "";
        var others = forwardingWasOff ? $"\n        iifname != \"{device}\" oifname != \"{device}\" drop" : "";
        return $$"""
            add table ip {{Name}}
            {{cleared}}
            table ip {{Name}} {{{marker}}{{(hasTimes ? TimesText() : "")}}
                chain input {
                    type filter hook input priority -10; policy accept;
                    iifname "{{device}}" reject with icmp type admin-prohibited
                }
                chain forward {
                    type filter hook forward priority -10; policy accept;
                    iifname "{{device}}" oifname "{{device}}" drop
                    iifname "{{device}}" ip saddr != {{guests}} drop
                    iifname "{{device}}" ct status dnat reject with icmp type admin-prohibited
                    oifname "{{device}}" ct state != { established, related } drop{{others}}{{(hasTimes ? UseOfTimes() : "")}}
                }
                chain postrouting {
                    type nat hook postrouting priority 100; policy accept;
                    meta l4proto { tcp, udp } ip saddr {{guests}} oifname != "{{device}}" masquerade{{given}}
                    ip saddr {{guests}} oifname != "{{device}}" masquerade
                }
            }

            """;
    }

    /// <summary>A range without a listener, or where each has one the widest gap between them.</summary>
    private static (int First, int Last) PortsBeside(IReadOnlyCollection<int> listeners)
    {
        var free = Array.Find(PortRanges, range => !listeners.Any(port => port >= range.First && port <= range.Last));
        if (free != default)
        {
            return free;
        }

        var (lowest, highest) = (PortRanges.Min(range => range.First), PortRanges.Max(range => range.Last));
        var ends = listeners.Where(port => port >= lowest).Append(lowest - 1).Append(highest + 1).Distinct().Order().ToList();
        return ends.Zip(ends.Skip(1), (below, above) => (First: below + 1, Last: above - 1)).MaxBy(gap => gap.Last - gap.First);
    }

    /// <summary>
    /// A connection that both sides have ended is over after the time that we give it; one that only one has ended, or that was only begun,
    /// sooner than here. Without these an established one would be remembered for five days.
    /// </summary>
    private static string TimesText()
    {
        static int Seconds(TimeSpan time) => (int)time.TotalSeconds;
        return $$"""

                ct timeout guests_tcp {
                    protocol tcp;
                    l3proto ip;
                    policy = { syn_sent: 120, syn_recv: 60, established: {{Seconds(Times.TcpEstablished)}}, fin_wait: 120, close_wait: 60, last_ack: {{Seconds(Times.TcpClosed)}}, time_wait: {{Seconds(Times.TcpClosed)}}, close: {{Seconds(Times.TcpClosed)}} };
                }
                ct timeout guests_udp {
                    protocol udp;
                    l3proto ip;
                    policy = { unreplied: 30, replied: {{Seconds(Times.Udp)}} };
                }
            """;
    }

    private string UseOfTimes() => $"""

                iifname "{device}" meta l4proto tcp ct timeout set "guests_tcp"
                iifname "{device}" meta l4proto udp ct timeout set "guests_udp"
        """;

    private async Task TakeAsync(string script, CancellationToken cancel)
    {
        var taken = await nft.RunAsync(["-f", "-"], script, cancel).ConfigureAwait(false);
        if (!taken.Succeeded)
        {
            throw new NftRefusalException($"nft does not take table {Name}: {taken.Output.Trim()}");
        }
    }
}
