using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Core.Flows;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Host;

/// <summary>
/// Sets up on the gateway host what packets for beyond it need, while some application is there: routes of the guests' addresses into the
/// device, a table of nftables, and forwarding. All of it is taken away again; what a gateway that died left is taken over or cleared by
/// the next. It follows the newest model with a task of its own, so that no model waits for nftables; what cannot be had is said once and
/// tried again, with the next change of the model and after a while.
/// </summary>
internal sealed class EgressHost(
    Clock clock, Uplink uplink, GatewayLog log, NftProgram? nft = null, string forwarding = EgressHost.Forwarding,
    string connectionsMax = EgressHost.ConnectionsMax, TimeSpan? tryAgain = null) : IDisposable
{
    private const string Forwarding = "/proc/sys/net/ipv4/ip_forward";

    /// <summary>How many connections the kernel remembers, of everybody's; there when a table has asked for it.</summary>
    private const string ConnectionsMax = "/proc/sys/net/netfilter/nf_conntrack_max";

    /// <summary>Guests get one part in so many of those: the host's own connections, and tunnels among them, find room whatever guests do.</summary>
    private const int GuestsPart = 2;

    private readonly NftProgram _nft = nft ?? new NftProgram();
    private readonly TimeSpan _tryAgain = tryAgain ?? TimeSpan.FromSeconds(10);
    private readonly Doorbell _changed = new();
    private readonly CancellationTokenSource _stop = new();
    private volatile Wanted? _wanted;
    private Task? _keeping;
    private bool _isDisposed;

    // From here on the task's alone.
    private NftTable? _table;
    private IGuestRoutes? _device;
    private IReadOnlyList<IpPrefix> _pools = [];
    private bool _isOpen;
    private bool _forwardingWasOff;
    private bool _hasLooked;
    private string _trouble = "";

    /// <summary>Returns at once.</summary>
    /// <param name="device">Null where the host has no device.</param>
    /// <param name="shards">Who is told that the way out is open.</param>
    /// <param name="listening">Ports of ours, which no guest is given.</param>
    public void Follow(GatewayModel model, IGuestRoutes? device, IReadOnlyList<Mailbox> shards, IReadOnlyList<int> listening)
    {
        _wanted = new Wanted(device is null ? [] : PoolsOf(model), device, model.Settings.Tun, listening, shards);
        _keeping ??= Task.Run(KeepAsync);
        _changed.Ring();
    }

    /// <summary>Nothing is left of it then, unless that was logged. The device, and with it its routes, are gone or go next.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _stop.Cancel();
            _keeping?.GetAwaiter().GetResult();
            _stop.Dispose();
        }
    }

    /// <summary>None where nothing is to be reached there.</summary>
    private static IReadOnlyList<IpPrefix> PoolsOf(GatewayModel model) =>
        model.Fleet.Egress is { Active: true } egress && model.Access.TryGetValue(egress.NetworkId, out var access)
            ? [.. access.Elsewhere.Where(pool => pool.IsV4)] : [];

    private async Task KeepAsync()
    {
        try
        {
            while (true)
            {
                var isDone = await TryFollowAsync(_wanted!).ConfigureAwait(false);
                await _changed.WaitAsync(isDone ? Timeout.InfiniteTimeSpan : _tryAgain, _stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway ends.
        }
        catch (Exception e)
        {
            log.Write("egress.failed", e.ToString());
            // The table goes now: nothing may go out past it.
            Shut(_wanted!);
        }
        finally
        {
            await ClearAsync().ConfigureAwait(false);
        }
    }

    /// <summary>False where it is to be tried again.</summary>
    private async Task<bool> TryFollowAsync(Wanted wanted)
    {
        try
        {
            if (wanted.Pools.Count == 0)
            {
                await CloseAsync(wanted).ConfigureAwait(false);
                await ClearOldAsync(wanted.DeviceName).ConfigureAwait(false);
            }
            else if (!_isOpen || wanted.Device != _device || !wanted.Pools.SequenceEqual(_pools))
            {
                await OpenAsync(wanted, wanted.Device!).ConfigureAwait(false);
            }

            _trouble = "";
            return true;
        }
        catch (Exception e) when (e is HostSetupException or LinuxException or IOException or UnauthorizedAccessException)
        {
            // A table that is there stays meanwhile: it only keeps things out.
            Shut(wanted);
            Report(e, wanted.Pools.Count > 0);
            return false;
        }
    }

    private async Task OpenAsync(Wanted wanted, IGuestRoutes device)
    {
        var table = new NftTable(device.Name, _nft, wanted.Listening);
        if (!_hasLooked)
        {
            // Of a gateway before this one, which turned forwarding on and did not come to turn it off.
            _forwardingWasOff = (await table.FindAsync(_stop.Token).ConfigureAwait(false)).ForwardingWasOff;
            _hasLooked = true;
        }

        var isOn = File.ReadAllText(forwarding).Trim() != "0";
        _forwardingWasOff |= !isOn;

        // From here on something may be left to be cleared, even of what does not succeed.
        List<IpPrefix> gone = _device == device ? [.. _pools.Except(wanted.Pools)] : [];
        (_table, _device, _pools) = (table, device, wanted.Pools);
        var hasTimes = await table.WriteAsync(wanted.Pools, _forwardingWasOff, _stop.Token).ConfigureAwait(false);
        gone.ForEach(device.RemoveRoute);
        foreach (var pool in wanted.Pools)
        {
            device.AddRoute(pool);
        }

        if (!isOn)
        {
            File.WriteAllText(forwarding, "1");
        }

        _isOpen = true;
        var flowsMax = FlowsMax(wanted.Shards.Count);
        Order(wanted.Shards, isOpen: true, flowsMax);
        log.Write("egress.opened",
            $"guests {string.Join(", ", wanted.Pools)} by device {device.Name}, table {table.Name}, {flowsMax} conversations for each packet thread{(_forwardingWasOff ? ", forwarding turned on" : "")}");
        if (!hasTimes)
        {
            log.Write("egress.no-times",
                "this kernel takes no times for guests' conversations (CONFIG_NF_CONNTRACK_TIMEOUT): it remembers idle connections for as long as net.netfilter.nf_conntrack_tcp_timeout_established says, and may run out of room for them; "
                + $"set that to {(int)new FlowLimits().TcpEstablished.TotalSeconds}");
        }
    }

    /// <summary>For each shard its part of the guests' part. Where the kernel has no bound, the flow table has.</summary>
    private int FlowsMax(int shards) =>
        int.TryParse(File.ReadAllText(connectionsMax).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var most) && most > 0
            ? Math.Max(1, most / GuestsPart / Math.Max(1, shards)) : int.MaxValue;

    private async Task CloseAsync(Wanted wanted)
    {
        if (_isOpen)
        {
            Shut(wanted);
            log.Write("egress.closed", "nothing beyond the gateway host is an application");
        }

        await ClearAsync().ConfigureAwait(false);
    }

    private void Shut(Wanted wanted)
    {
        _isOpen = false;
        Order(wanted.Shards, isOpen: false, flowsMax: int.MaxValue);
        foreach (var pool in _pools)
        {
            try
            {
                _device?.RemoveRoute(pool);
            }
            catch (LinuxException)
            {
                // It goes with the device.
            }
        }
    }

    /// <summary>Whatever fails on the way, the table goes. What the gateway's end interrupted is not interrupted twice.</summary>
    private async Task ClearAsync()
    {
        if (_table is not { } table)
        {
            return;
        }

        (_table, _device, _pools) = (null, null, []);
        try
        {
            if (_forwardingWasOff)
            {
                File.WriteAllText(forwarding, "0");
                _forwardingWasOff = false;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Write("egress.not-cleared", $"{e.Message}: this host forwards packets of others; write 0 to {forwarding} if it should not");
        }
        finally
        {
            await DeleteAsync(table).ConfigureAwait(false);
        }
    }

    private async Task DeleteAsync(NftTable table)
    {
        try
        {
            await table.DeleteAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (HostSetupException e)
        {
            log.Write("egress.not-cleared", $"{e.Message}; 'nft delete table ip {table.Name}' takes it away");
        }
    }

    /// <summary>What a gateway that died has left, when this one has no use for it.</summary>
    private async Task ClearOldAsync(string device)
    {
        if (_hasLooked || !_nft.IsInstalled)
        {
            return;
        }

        var table = new NftTable(device, _nft);
        (var isThere, _forwardingWasOff) = await table.FindAsync(_stop.Token).ConfigureAwait(false);
        _hasLooked = true;
        _table = isThere ? table : null;
        await ClearAsync().ConfigureAwait(false);
    }

    private static void Order(IReadOnlyList<Mailbox> shards, bool isOpen, int flowsMax)
    {
        foreach (var shard in shards)
        {
            shard.Order(new OpenEgress(isOpen, flowsMax));
        }
    }

    private void Report(Exception e, bool isNeeded)
    {
        var trouble = isNeeded
            ? $"{e.Message}; until that is mended nothing beyond the gateway host is reachable. It needs nftables and CAP_NET_ADMIN"
            : $"{e.Message}; what a gateway before this one left on the host may still be there";
        if (trouble == _trouble)
        {
            return;
        }

        _trouble = trouble;
        var kind = isNeeded ? "egress.unavailable" : "egress.not-cleared";
        uplink.Put(new GatewayEvent(kind, clock.ToWall(clock.Now), 0, "", trouble));
        log.Write(kind, trouble);
    }

    /// <summary>What the newest model asks for.</summary>
    /// <param name="Pools">None where nothing beyond is an application, or there is no device.</param>
    /// <param name="Listening">Ports of ours.</param>
    private sealed record Wanted(IReadOnlyList<IpPrefix> Pools, IGuestRoutes? Device, string DeviceName, IReadOnlyList<int> Listening, IReadOnlyList<Mailbox> Shards);
}
