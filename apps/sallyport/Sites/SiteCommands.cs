using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sallyport.Api;
using Sallyport.Api.Sites;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Devices;
using Sallyport.Cli.Output;
using Sallyport.Cli.Profiles;

namespace Sallyport.Cli.Sites;

internal static class SiteCommands
{
    public static Command Build(Shell shell) => Shell.Noun(
        "site",
        "Routers that carry whole subnets",
        Add(shell), List(shell), Show(shell), Update(shell), Profile(shell), Revoke(shell), Quarantine(shell), Release(shell), Remove(shell));

    private static Command Add(Shell shell)
    {
        var name = Flag.Name("Name, a DNS label such as hq");
        var network = Flag.Text("--network", "Network that it belongs to", "NETWORK", required: true);
        var subnets = Flag.List("--subnet", "Subnet behind it, such as 192.168.50.0/24", "SUBNET", required: true);
        var labels = Flag.List("--label", "Label as key=value", "LABEL");
        var groups = Flag.List("--group", "Group", "GROUP");
        var addresses = Flag.List("--address", "The router's own address inside the network; default: the next free one", "ADDRESS");
        var profile = new ProfileFlags("Write its OpenVPN profile here (mode 0600), - for standard output");
        var command = shell.Verb(
            "add",
            "Make a site, and its profile",
            async c =>
            {
                var asked = new SiteCreate
                {
                    Name = c.Parse.GetValue(name),
                    Network = c.Parse.GetValue(network),
                    Subnets = c.Parse.GetValue(subnets),
                    Labels = Labels.Parse(c.Parse.GetValue(labels) ?? []),
                    Groups = c.Parse.GetValue(groups),
                    Addresses = c.Parse.GetValue(addresses),
                };
                using var file = profile.Reserve(c.Parse);
                var created = await c.Client.AddSiteAsync(
                    asked with { Profile = file is null ? null : profile.Request(c.Parse) }, c.Cancel);
                var facts = created.Profile is null || file is null ? null : ProfileFlags.Deliver(file, created.Profile, c.Printer);
                if (file is { IsStandardOutput: true })
                {
                    return;
                }

                if (c.Printer.Format == OutputFormat.Table)
                {
                    c.Printer.Line($"site {created.Site.Name} added to {created.Site.Network}: {string.Join(", ", created.Site.Subnets)}");
                    if (file is null)
                    {
                        var made = created.Site.Name;
                        c.Printer.Remark($"it cannot connect yet; make its profile: sallyport site profile {made} --profile {made}.ovpn");
                    }
                }
                else
                {
                    c.Printer.Node(new JsonObject
                    {
                        ["site"] = JsonSerializer.SerializeToNode(created.Site, ApiJson.Default.SiteInfo),
                        ["profile"] = facts,
                    });
                }
            },
            name, network, subnets, labels, groups, addresses);
        profile.AddTo(command);
        return command;
    }

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        return shell.Verb(
            "list",
            "Sites and whether they are online",
            async c =>
            {
                var sites = await CommandContext.AllAsync(
                    null,
                    (limit, cursor) => c.Client.ListSitesAsync(c.Parse.GetValue(network), limit, cursor, c.Cancel));
                c.Printer.Many(
                    sites,
                    ApiJson.Default.SiteInfo,
                    "no sites; make one: sallyport site add hq --network plant-a --subnet 192.168.50.0/24 --profile hq.ovpn",
                    new("NAME", s => s.Name),
                    new("NETWORK", s => s.Network),
                    new("STATE", s => s.State, s => IdentityView.StateColour(s.State)),
                    new("ONLINE", s => s.Presence, s => IdentityView.PresenceColour(s.Presence)),
                    new("SUBNETS", s => string.Join(", ", s.Subnets)),
                    new("ADDRESS", s => string.Join(", ", s.Addresses)),
                    new("FROM", s => IdentityView.Live(s.Presence, s.Tunnel)?.OuterAddress),
                    new("PROTOCOL", s => IdentityView.Live(s.Presence, s.Tunnel)?.Protocol),
                    new("CIPHER", s => IdentityView.Live(s.Presence, s.Tunnel)?.Cipher),
                    new("SINCE", s => IdentityView.Live(s.Presence, s.Tunnel) is { } t ? Human.Time(t.Since) : null),
                    new("IN", s => IdentityView.Live(s.Presence, s.Tunnel) is { } t ? Human.Bytes(t.BytesIn) : null, Right: true),
                    new("OUT", s => IdentityView.Live(s.Presence, s.Tunnel) is { } t ? Human.Bytes(t.BytesOut) : null, Right: true),
                    new("CLIENT", s => IdentityView.Live(s.Presence, s.Tunnel)?.ClientVersion));
            },
            network);
    }

    private static Command Show(Shell shell)
    {
        var name = Flag.Name("Name of the site");
        return shell.Verb("show", "One site", async c => Print(c, await c.Client.GetSiteAsync(c.Parse.GetValue(name)!, c.Cancel)), name);
    }

    private static Command Update(Shell shell)
    {
        var name = Flag.Name("Name of the site");
        var subnets = Flag.List("--subnet", "All subnets behind it, old and new", "SUBNET");
        var edit = new LabelEdit();
        return shell.Verb(
            "update",
            "Change subnets, labels and groups; live flows are judged again at once",
            async c =>
            {
                var site = await c.Client.GetSiteAsync(c.Parse.GetValue(name)!, c.Cancel);
                var update = new SiteUpdate
                {
                    Subnets = c.Parse.GetValue(subnets) is { Length: > 0 } given ? given : null,
                    Labels = edit.LabelsOf(c.Parse, site.Labels),
                    Groups = edit.GroupsOf(c.Parse, site.Groups),
                };
                if (update is { Subnets: null, Labels: null, Groups: null })
                {
                    throw new CliException(
                        ExitCodes.Usage, "nothing to change", null, "Give --subnet, --label, --remove-label, --group or --remove-group.");
                }

                // The revision guards what somebody else changed between the two requests.
                Print(c, await c.Client.UpdateSiteAsync($"{site.Name}.{site.Network}", update, site.Revision, c.Cancel));
            },
            [name, subnets, .. edit.All]);
    }

    private static Command Profile(Shell shell)
    {
        var name = Flag.Name("Name of the site");
        var keepOld = Flag.Switch("--keep-old", "Leave its other credentials valid");
        var profile = new ProfileFlags("Write it here (mode 0600), - for standard output; default: NAME.ovpn");
        var command = shell.Verb(
            "profile",
            "Issue a new profile; the site's credentials before it are revoked",
            async c =>
            {
                var site = c.Parse.GetValue(name)!;
                using var file = profile.Reserve(c.Parse, $"{site}.ovpn")!;
                var issued = await c.Client.IssueSiteProfileAsync(site, profile.Request(c.Parse, c.Parse.GetValue(keepOld)), c.Cancel);
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
        var name = Flag.Name("Name of the site");
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "revoke",
            "Cut a site for good: its tunnel, its flows, its credentials",
            async c => IdentityView.PrintCut(
                c, await c.Client.RevokeSiteAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel), "revoked"),
            name, reason);
    }

    private static Command Quarantine(Shell shell)
    {
        var name = Flag.Name("Name of the site");
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "quarantine",
            "Cut a site until it is released; it keeps its credentials",
            async c => IdentityView.PrintCut(
                c, await c.Client.QuarantineSiteAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel), "quarantined"),
            name, reason);
    }

    private static Command Release(Shell shell)
    {
        var name = Flag.Name("Name of the site");
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "release",
            "End a quarantine",
            async c => Print(c, await c.Client.ReleaseSiteAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel)),
            name, reason);
    }

    private static Command Remove(Shell shell)
    {
        var name = Flag.Name("Name of the site");
        return shell.Verb(
            "remove",
            "Remove a site that no application or rule names any more; cuts it where it is online",
            async c =>
            {
                await c.Client.DeleteSiteAsync(c.Parse.GetValue(name)!, c.Cancel);
                c.Printer.Remark($"site {c.Parse.GetValue(name)} removed");
            },
            name);
    }

    private static void Print(CommandContext c, SiteInfo site) => c.Printer.One(site, ApiJson.Default.SiteInfo, s =>
    {
        c.Printer.Facts(
            ("name", s.Name),
            ("network", s.Network),
            ("state", IdentityView.State(s.State, s.StateReason)),
            ("online", s.Presence),
            ("subnets", string.Join(", ", s.Subnets)),
            ("addresses", string.Join(", ", s.Addresses)),
            ("labels", IdentityView.Labels(s.Labels)),
            ("groups", string.Join(", ", s.Groups)),
            ("created", Human.Time(s.CreatedAt)));
        IdentityView.TunnelFacts(c.Printer, s.Presence, s.Tunnel);
    });
}
