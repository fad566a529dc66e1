using Sallyport.Api.Nodes;
using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Host;

/// <summary>
/// Keeps the gateway host's device as the model wants it: there while some network has the host in it, with the host's handle in each.
/// What cannot be had is said once and tried again with the next change of the model; nothing else suffers. For the thread that adopts models.
/// </summary>
internal sealed class HostDevice(Clock clock, Uplink uplink, GatewayLog log) : IDisposable
{
    private readonly SortedSet<IpAddress> _addresses = [];
    private readonly EgressHost _egress = new(clock, uplink, log);
    private TunDevice? _device;
    private string _trouble = "";

    public void Follow(GatewayModel model, IReadOnlyList<Shard> shards)
    {
        var settings = model.Settings;
        if (shards.Count == 0 || !IpPrefix.TryParse(settings.HandlePrefix, out var prefix) || !HandleSpace.TryCreate(prefix, out var handles))
        {
            return;
        }

        if (model.Hosts.IsEmpty && !settings.TunAlways)
        {
            _egress.Follow(model, null, Mailboxes(shards), Listening(shards));
            Close(shards);
            return;
        }

        try
        {
            Open(settings, handles, shards);

            // Guests go out by the device whether or not it has our addresses, and a way that is to be shut does not wait for them.
            _egress.Follow(model, _device, Mailboxes(shards), Listening(shards));
            SetAddresses(model, handles);
            _trouble = "";
        }
        catch (LinuxException e)
        {
            Report(settings.Tun, e);
        }
    }

    /// <summary>Before the shards, which close the queues: nothing is ordered from them any more.</summary>
    public void Dispose()
    {
        _egress.Dispose();
        _device?.Dispose();
    }

    private static IReadOnlyList<Mailbox> Mailboxes(IReadOnlyList<Shard> shards) => [.. shards.Select(shard => shard.Mailbox)];

    /// <summary>Ports that are ours until the gateway ends, whatever the settings say of the next one.</summary>
    private static IReadOnlyList<int> Listening(IReadOnlyList<Shard> shards) =>
        [.. shards[0].Sockets.Select(socket => socket.Bound).Concat(shards[0].BoundTcp).Select(bound => (int)bound.Port).Where(port => port != 0).Distinct()];

    private void Open(GatewaySettings settings, HandleSpace handles, IReadOnlyList<Shard> shards)
    {
        if (_device is not null)
        {
            return;
        }

        _device = TunDevice.Open(settings.Tun, shards.Count, settings.TunOffloads);
        for (var i = 0; i < shards.Count; i++)
        {
            shards[i].Mailbox.Order(new AttachHost(_device.Queues[i], handles));
        }

        var queue = _device.Queues[0];
        log.Write(
            "host.opened",
            $"device {_device.Name} with {shards.Count} {(shards.Count == 1 ? "queue" : "queues")}; offloads: "
            + (queue.CanMergeUdp ? "TCP and UDP" : queue.CanMergeTcp ? "TCP" : "none"));
    }

    private void Close(IReadOnlyList<Shard> shards)
    {
        if (_device is null)
        {
            return;
        }

        foreach (var shard in shards)
        {
            shard.Mailbox.Order(new DetachHost());
        }

        log.Write("host.closed", $"device {_device.Name}: no network has the gateway host in it");
        _device.Dispose();
        _device = null;
        _addresses.Clear();
    }

    private void SetAddresses(GatewayModel model, HandleSpace handles)
    {
        var wanted = new SortedSet<IpAddress>();
        foreach (var host in model.Hosts.Values)
        {
            if (host is { Active: true, AddressV4: { } address } && HandleSpace.HasHandles(host.NetworkId))
            {
                wanted.Add(handles.Handle(host.NetworkId, address));
            }
        }

        foreach (var address in _addresses.Except(wanted).ToList())
        {
            _device!.RemoveAddress(address);
            _addresses.Remove(address);
        }

        foreach (var address in wanted.Except(_addresses).ToList())
        {
            _device!.AddAddress(address);
            _addresses.Add(address);
        }
    }

    private void Report(string name, LinuxException e)
    {
        var trouble = e.Errno is Native.EPerm or Native.EAcces
            ? $"device {name} cannot be made: the gateway needs CAP_NET_ADMIN and the right to open /dev/net/tun; until then applications at the host are unreachable"
            : $"device {name}: {e.Message}; until that is mended applications at the host are unreachable";
        if (trouble == _trouble)
        {
            return;
        }

        _trouble = trouble;
        log.Write("host.unavailable", trouble);
        uplink.Put(new GatewayEvent("host.unavailable", clock.ToWall(clock.Now), 0, "", trouble));
    }
}
