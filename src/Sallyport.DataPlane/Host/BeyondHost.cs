using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Host;

/// <summary>
/// Sets up on the gateway host what packets for beyond it need, while some application is there: routes of the guests' addresses into the
/// device, a table of nftables, and forwarding. All of it is taken away again; what a gateway that died left is taken over or cleared by
/// the next. What cannot be had is said once and tried again with the next change of the model. For the thread that adopts models.
/// </summary>
internal sealed class BeyondHost(Clock clock, Uplink uplink, GatewayLog log, string forwarding = BeyondHost.Forwarding) : IDisposable
{
    private const string Forwarding = "/proc/sys/net/ipv4/ip_forward";

    private NftTable? _table;
    private IReadOnlyList<IpPrefix> _pools = [];
    private bool _forwardingWasOff;
    private bool _hasCleared;
    private string _trouble = "";

    /// <param name="device">Null where the host has no device.</param>
    public void Follow(GatewayModel model, TunDevice? device, IReadOnlyList<Shard> shards)
    {
        var pools = PoolsOf(model);
        if (pools.Count == 0 || device is null)
        {
            ClearOnce(model.Settings.Tun);
            Close(device, shards);
            return;
        }

        if (_table is not null && pools.SequenceEqual(_pools))
        {
            return;
        }

        try
        {
            Open(device, pools, shards);
            _trouble = "";
        }
        catch (Exception e) when (e is HostSetupException or LinuxException or IOException or UnauthorizedAccessException)
        {
            Close(device, shards);
            Report(e);
        }
    }

    /// <summary>The device, and with it its routes, are gone or go next.</summary>
    public void Dispose() => Clear();

    /// <summary>None where nothing is to be reached there.</summary>
    private static IReadOnlyList<IpPrefix> PoolsOf(GatewayModel model) =>
        model.Fleet.Egress is { Active: true } beyond && model.Access.TryGetValue(beyond.NetworkId, out var access)
            ? [.. access.Elsewhere.Where(pool => pool.IsV4)] : [];

    private void Open(TunDevice device, IReadOnlyList<IpPrefix> pools, IReadOnlyList<Shard> shards)
    {
        var table = new NftTable(device.Name);
        if (!_hasCleared)
        {
            // Of a gateway before this one, which turned forwarding on and did not come to turn it off.
            _forwardingWasOff = table.IsThere(out var wasOff) && wasOff;
            _hasCleared = true;
        }

        var isOn = File.ReadAllText(forwarding).Trim() != "0";
        _forwardingWasOff |= !isOn;
        table.Write(pools, _forwardingWasOff);
        _table = table;
        foreach (var gone in _pools.Except(pools))
        {
            device.RemoveRoute(gone);
        }

        _pools = pools;
        foreach (var pool in pools)
        {
            device.AddRoute(pool);
        }

        if (!isOn)
        {
            File.WriteAllText(forwarding, "1");
        }

        Order(shards, isOpen: true);
        log.Write("egress.opened", $"guests {string.Join(", ", pools)} by device {device.Name}, table {table.Name}{(_forwardingWasOff ? ", forwarding turned on" : "")}");
    }

    private void Close(TunDevice? device, IReadOnlyList<Shard> shards)
    {
        if (_table is null)
        {
            return;
        }

        Order(shards, isOpen: false);
        foreach (var pool in _pools)
        {
            try
            {
                device?.RemoveRoute(pool);
            }
            catch (LinuxException)
            {
                // It goes with the device.
            }
        }

        Clear();
        log.Write("egress.closed", "nothing beyond the gateway host is an application");
    }

    private void Clear()
    {
        if (_table is not { } table)
        {
            return;
        }

        (_table, _pools) = (null, []);
        try
        {
            if (_forwardingWasOff)
            {
                File.WriteAllText(forwarding, "0");
                _forwardingWasOff = false;
            }

            table.Delete();
        }
        catch (Exception e) when (e is HostSetupException or IOException or UnauthorizedAccessException)
        {
            log.Write("egress.not-cleared", e.Message);
        }
    }

    /// <summary>What a gateway that died has left, when this one has no use for it.</summary>
    private void ClearOnce(string device)
    {
        if (_hasCleared || _table is not null)
        {
            return;
        }

        _hasCleared = true;
        var table = new NftTable(device);
        if (NftTable.Program is null)
        {
            return;
        }

        try
        {
            if (table.IsThere(out _forwardingWasOff))
            {
                _table = table;
                Clear();
            }
        }
        catch (HostSetupException e)
        {
            log.Write("egress.not-cleared", e.Message);
        }
    }

    private static void Order(IReadOnlyList<Shard> shards, bool isOpen)
    {
        foreach (var shard in shards)
        {
            shard.Mailbox.Order(new OpenBeyond(isOpen));
        }
    }

    private void Report(Exception e)
    {
        var trouble = $"{e.Message}; until that is mended nothing beyond the gateway host is reachable. It needs nftables and CAP_NET_ADMIN";
        if (trouble == _trouble)
        {
            return;
        }

        _trouble = trouble;
        log.Write("egress.unavailable", trouble);
        uplink.Put(new GatewayEvent("egress.unavailable", clock.ToWall(clock.Now), 0, "", trouble));
    }
}
