using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sallyport.Api;
using Sallyport.Api.Devices;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;
using Sallyport.Cli.Profiles;

namespace Sallyport.Cli.Devices;

internal static class DeviceCommands
{
    public static Command Build(Shell shell) => Shell.Noun(
        "device",
        "Things with an identity of their own",
        Add(shell), List(shell), Show(shell), Update(shell), Profile(shell), Revoke(shell), Quarantine(shell), Release(shell), Remove(shell));

    private static Command Add(Shell shell)
    {
        var name = Flag.Name("Name, a DNS label such as pump-17");
        var network = Flag.Text("--network", "Network that it belongs to", "NETWORK", required: true);
        var labels = Flag.List("--label", "Label as key=value", "LABEL");
        var groups = Flag.List("--group", "Group", "GROUP");
        var addresses = Flag.List("--address", "Its address inside the network; default: the next free one", "ADDRESS");
        var profile = new ProfileFlags("Write its OpenVPN profile here (mode 0600), - for standard output");
        var command = shell.Verb(
            "add",
            "Make a device, and its profile",
            async c =>
            {
                var asked = new DeviceCreate
                {
                    Name = c.Parse.GetValue(name),
                    Network = c.Parse.GetValue(network),
                    Labels = Labels.Parse(c.Parse.GetValue(labels) ?? []),
                    Groups = c.Parse.GetValue(groups),
                    Addresses = c.Parse.GetValue(addresses),
                };
                using var file = profile.Reserve(c.Parse);
                var created = await c.Client.AddDeviceAsync(
                    asked with { Profile = file is null ? null : profile.Request(c.Parse) }, c.Cancel);
                var facts = created.Profile is null || file is null ? null : ProfileFlags.Deliver(file, created.Profile, c.Printer);
                if (file is { IsStandardOutput: true })
                {
                    return;
                }

                if (c.Printer.Format == OutputFormat.Table)
                {
                    c.Printer.Line($"device {created.Device.Name} added to {created.Device.Network}: {string.Join(", ", created.Device.Addresses)}");
                    if (file is null)
                    {
                        var made = created.Device.Name;
                        c.Printer.Remark($"it cannot connect yet; make its profile: sallyport device profile {made} --profile {made}.ovpn");
                    }
                }
                else
                {
                    c.Printer.Node(new JsonObject
                    {
                        ["device"] = JsonSerializer.SerializeToNode(created.Device, ApiJson.Default.DeviceInfo),
                        ["profile"] = facts,
                    });
                }
            },
            name, network, labels, groups, addresses);
        profile.AddTo(command);
        return command;
    }

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        var group = Flag.Text("--group", "Only in this group", "GROUP");
        var label = Flag.Text("--label", "Only with this label, key=value", "LABEL");
        var state = Flag.Text("--state", "Only pending, active, quarantined or retired", "STATE");
        var presence = Flag.Text("--presence", "Only online or offline", "PRESENCE");
        return shell.Verb(
            "list",
            "Devices and whether they are online",
            async c =>
            {
                var devices = await CommandContext.AllAsync(null, (limit, cursor) => c.Client.ListDevicesAsync(
                    c.Parse.GetValue(network),
                    c.Parse.GetValue(group),
                    c.Parse.GetValue(label),
                    c.Parse.GetValue(state),
                    c.Parse.GetValue(presence),
                    limit,
                    cursor,
                    c.Cancel));
                c.Printer.Many(
                    devices,
                    ApiJson.Default.DeviceInfo,
                    "no devices; make one: sallyport device add pump-17 --network plant-a --profile pump-17.ovpn",
                    new("NAME", d => d.Name),
                    new("NETWORK", d => d.Network),
                    new("STATE", d => d.State, d => IdentityView.StateColour(d.State)),
                    new("ONLINE", d => d.Presence, d => IdentityView.PresenceColour(d.Presence)),
                    new("ADDRESS", d => string.Join(", ", d.Addresses)),
                    new("FROM", d => IdentityView.Live(d.Presence, d.Tunnel)?.OuterAddress),
                    new("PROTOCOL", d => IdentityView.Live(d.Presence, d.Tunnel)?.Protocol),
                    new("CIPHER", d => IdentityView.Live(d.Presence, d.Tunnel)?.Cipher),
                    new("SINCE", d => IdentityView.Live(d.Presence, d.Tunnel) is { } t ? Human.Time(t.Since) : null),
                    new("IN", d => IdentityView.Live(d.Presence, d.Tunnel) is { } t ? Human.Bytes(t.BytesIn) : null, Right: true),
                    new("OUT", d => IdentityView.Live(d.Presence, d.Tunnel) is { } t ? Human.Bytes(t.BytesOut) : null, Right: true),
                    new("CLIENT", d => IdentityView.Live(d.Presence, d.Tunnel)?.ClientVersion));
            },
            network, group, label, state, presence);
    }

    private static Command Show(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        return shell.Verb(
            "show",
            "One device",
            async c => Print(c, await c.Client.GetDeviceAsync(c.Parse.GetValue(name)!, c.Cancel)),
            name);
    }

    private static Command Update(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        var edit = new LabelEdit();
        return shell.Verb(
            "update",
            "Change labels and groups; live flows are judged again at once",
            async c =>
            {
                var device = await c.Client.GetDeviceAsync(c.Parse.GetValue(name)!, c.Cancel);
                var update = new DeviceUpdate
                {
                    Labels = edit.LabelsOf(c.Parse, device.Labels),
                    Groups = edit.GroupsOf(c.Parse, device.Groups),
                };
                if (update is { Labels: null, Groups: null })
                {
                    throw new CliException(
                        ExitCodes.Usage, "nothing to change", null, "Give --label, --remove-label, --group or --remove-group.");
                }

                // The revision guards what somebody else changed between the two requests.
                Print(c, await c.Client.UpdateDeviceAsync($"{device.Name}.{device.Network}", update, device.Revision, c.Cancel));
            },
            [name, .. edit.All]);
    }

    private static Command Profile(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        var keepOld = Flag.Switch("--keep-old", "Leave its other credentials valid");
        var profile = new ProfileFlags("Write it here (mode 0600), - for standard output; default: NAME.ovpn");
        var command = shell.Verb(
            "profile",
            "Issue a new profile; the device's credentials before it are revoked",
            async c =>
            {
                var device = c.Parse.GetValue(name)!;
                using var file = profile.Reserve(c.Parse, $"{device}.ovpn")!;
                var issued = await c.Client.IssueDeviceProfileAsync(device, profile.Request(c.Parse, c.Parse.GetValue(keepOld)), c.Cancel);
                var facts = ProfileFlags.Deliver(file, issued, c.Printer);
                if (c.Printer.Format != OutputFormat.Table && !file.IsStandardOutput)
                {
                    c.Printer.Node(facts);
                }
            },
            name, keepOld);
        profile.AddTo(command);
        return command;
    }

    private static Command Revoke(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "revoke",
            "Cut a device for good: its tunnel, its flows, its credentials",
            async c => IdentityView.PrintCut(
                c, await c.Client.RevokeDeviceAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel), "revoked"),
            name, reason);
    }

    private static Command Quarantine(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "quarantine",
            "Cut a device until it is released; it keeps its credentials",
            async c => IdentityView.PrintCut(
                c, await c.Client.QuarantineDeviceAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel), "quarantined"),
            name, reason);
    }

    private static Command Release(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "release",
            "End a quarantine",
            async c => Print(c, await c.Client.ReleaseDeviceAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel)),
            name, reason);
    }

    private static Command Remove(Shell shell)
    {
        var name = Flag.Name("Name of the device");
        return shell.Verb(
            "remove",
            "Remove a device that no application or rule names any more; cuts it where it is online",
            async c =>
            {
                await c.Client.DeleteDeviceAsync(c.Parse.GetValue(name)!, c.Cancel);
                c.Printer.Remark($"device {c.Parse.GetValue(name)} removed");
            },
            name);
    }

    private static void Print(CommandContext c, DeviceInfo device) => c.Printer.One(device, ApiJson.Default.DeviceInfo, d =>
    {
        c.Printer.Facts(
            ("name", d.Name),
            ("network", d.Network),
            ("state", IdentityView.State(d.State, d.StateReason)),
            ("online", d.Presence),
            ("addresses", string.Join(", ", d.Addresses)),
            ("labels", IdentityView.Labels(d.Labels)),
            ("groups", string.Join(", ", d.Groups)),
            ("created", Human.Time(d.CreatedAt)));
        IdentityView.TunnelFacts(c.Printer, d.Presence, d.Tunnel);
    });
}
