using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Applications;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Applications;

internal static class ApplicationCommands
{
    /// <summary>The network that stands for what lies beyond the gateway host.</summary>
    internal const string EgressNetwork = "internet";

    public static Command Build(Shell shell) =>
        Shell.Noun("application", "What may be reached", Add(shell), List(shell), Show(shell), Update(shell), Remove(shell));

    private static Command Add(Shell shell)
    {
        var name = Flag.Name("Name, a DNS label such as historian");
        var site = Flag.Text("--site", "Site that it is behind", "SITE");
        var device = Flag.Text("--device", "Device that it is on", "DEVICE");
        var host = Flag.Switch("--host", "It is on the gateway host, in --network");
        var egress = Flag.Switch("--egress", "It is beyond the gateway host: on the internet, or in the operator's LAN");
        var names = Flag.List("--name", "With --egress: only what this name stands for, ntp.example or *.vendor.example", "NAME");
        var network = Flag.Text("--network", "Of --site or --device, where several networks have one of that name; with --host: in which the host offers it", "NETWORK");
        var target = Flag.Text("--target", "Its address, or a prefix; default: the owner's own address", "ADDRESS");
        var services = new ServiceFlags();
        var groups = Flag.List("--group", "Group of applications that rules may lead to", "GROUP");
        var management = Management();
        var command = shell.Verb(
            "add",
            "Name something that may be reached; a rule then says by whom",
            async c =>
            {
                bool[] owners = [c.Parse.GetValue(site) is not null, c.Parse.GetValue(device) is not null, c.Parse.GetValue(host), c.Parse.GetValue(egress)];
                if (owners.Count(given => given) != 1)
                {
                    throw new CliException(
                        ExitCodes.Usage,
                        "an application is behind one site, on one device, on the gateway host, or beyond it",
                        "--site, --device, --host, --egress",
                        "Give exactly one of the four.");
                }

                if (c.Parse.GetValue(host) && c.Parse.GetValue(network) is null)
                {
                    throw new CliException(
                        ExitCodes.Usage,
                        "the network is missing in which the gateway host offers it",
                        "--network",
                        "Say which: --host --network plant-a.");
                }

                var given = services.Of(c.Parse);
                if (given.Count == 0)
                {
                    throw new CliException(
                        ExitCodes.Usage, "no service is given", "--tcp, --udp, --icmp", "Say what is reached there: --tcp 8883");
                }

                var application = await c.Client.AddApplicationAsync(
                    new ApplicationCreate
                    {
                        Name = c.Parse.GetValue(name),
                        Site = Of(c.Parse.GetValue(site), "--site", c.Parse.GetValue(network)),
                        Device = Of(c.Parse.GetValue(device), "--device", c.Parse.GetValue(network)),
                        Host = c.Parse.GetValue(egress) ? EgressNetwork : c.Parse.GetValue(host) ? c.Parse.GetValue(network) : null,
                        Names = c.Parse.GetValue(names) is { Length: > 0 } wanted ? wanted : null,
                        Target = c.Parse.GetValue(target),
                        Services = given,
                        Groups = c.Parse.GetValue(groups),
                        Management = Flag.IsYes(c.Parse, management) ?? false,
                    },
                    c.Cancel);
                c.Printer.One(application, ApiJson.Default.ApplicationInfo, a =>
                {
                    c.Printer.Line($"application {a.Name} added: {ReachedOf(a)} {string.Join(", ", a.Services)} at {a.OwnerKind} {a.Owner}");
                    c.Printer.Remark($"nobody may reach it yet; to allow a device: sallyport rule add --from device:NAME --to application:{a.Name}");
                });
                CutText.PrintReconnecting(c.Printer, application.TunnelsReconnecting);
            },
            name, site, device, host, egress, network, target, names, groups, management);
        services.AddTo(command);
        return command;
    }

    /// <summary>The name with the network that is said beside it.</summary>
    private static string? Of(string? owner, string flag, string? network)
    {
        if (owner is null || network is null)
        {
            return owner;
        }

        var dot = owner.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? $"{owner}.{network}"
            : owner[(dot + 1)..] == network ? owner
            : throw new CliException(
                ExitCodes.Usage, $"{flag} {owner} and --network {network} name two networks", $"{flag}, --network", "Leave out --network, or the network in the name.");
    }

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        return shell.Verb(
            "list",
            "All applications",
            async c => c.Printer.Many(
                await CommandContext.AllAsync(
                    null,
                    (limit, cursor) => c.Client.ListApplicationsAsync(c.Parse.GetValue(network), limit, cursor, c.Cancel)),
                ApiJson.Default.ApplicationInfo,
                c.Empty("applications", "name one: sallyport application add historian --site hq --target 192.168.50.10 --tcp 8883"),
                new("NAME", a => a.Name) { Network = a => a.Network },
                new("NETWORK", a => a.Network) { Rank = 1 },
                new("AT", a => $"{a.OwnerKind}:{a.Owner}") { Network = NetworkOfOwner },
                new("TARGET", ReachedOf) { Wraps = true },
                new("SERVICES", a => string.Join(", ", a.Services)) { Wraps = true },
                new("GROUPS", a => string.Join(", ", a.Groups)) { Wraps = true, Rank = 2 },
                new("MANAGEMENT", a => a.Management ? "yes" : null) { Rank = 3 }),
            network);
    }

    private static Command Show(Shell shell)
    {
        var name = Flag.Name("Name of the application");
        return shell.Verb(
            "show",
            "One application",
            async c => Print(c, await c.Client.GetApplicationAsync(c.Parse.GetValue(name)!, c.Cancel)),
            name);
    }

    private static Command Update(Shell shell)
    {
        var name = Flag.Name("Name of the application");
        var target = Flag.Text("--target", "Its address, or a prefix", "ADDRESS");
        var names = Flag.List("--name", "All names, old and new; none: the whole target", "NAME");
        var services = new ServiceFlags();
        var groups = Flag.List("--group", "Join a group", "GROUP");
        var leave = Flag.List("--remove-group", "Leave a group", "GROUP");
        var management = Management();
        var command = shell.Verb(
            "update",
            "Change the target, all services, or groups; live flows are judged again at once",
            async c =>
            {
                var given = services.Of(c.Parse);
                var update = new ApplicationUpdate
                {
                    Target = c.Parse.GetValue(target),
                    Names = (c.Parse.GetValue(names) ?? []) switch { [] => null, ["none"] => [], var named => named },
                    Services = given.Count > 0 ? given : null,
                    Management = Flag.IsYes(c.Parse, management),
                };
                var (join, part) = (c.Parse.GetValue(groups) ?? [], c.Parse.GetValue(leave) ?? []);
                if (update == new ApplicationUpdate() && join.Length + part.Length == 0)
                {
                    throw new CliException(ExitCodes.Usage, "nothing to change", null, "Give --target, --name, --tcp, --udp, --icmp, --group, --remove-group or --management.");
                }

                long? revision = null;
                if (join.Length + part.Length > 0)
                {
                    // The revision guards what somebody else changed between the two requests.
                    var before = await c.Client.GetApplicationAsync(c.Parse.GetValue(name)!, c.Cancel);
                    revision = before.Revision;
                    update = update with { Groups = [.. before.Groups.Except(part).Union(join)] };
                }

                var after = await c.Client.UpdateApplicationAsync(c.Parse.GetValue(name)!, update, revision, c.Cancel);
                Print(c, after);
                CutText.PrintReconnecting(c.Printer, after.TunnelsReconnecting);
                return CutText.PrintSideEffect(c.Printer, after.Cut);
            },
            name, target, names, groups, leave, management);
        services.AddTo(command);
        return command;
    }

    private static Command Remove(Shell shell)
    {
        var name = Flag.Name("Name of the application");
        return shell.Verb(
            "remove",
            "Remove an application that no rule names any more",
            async c =>
            {
                await c.Client.DeleteApplicationAsync(c.Parse.GetValue(name)!, c.Cancel);
                c.Printer.Line($"application {c.Parse.GetValue(name)} removed");
            },
            name);
    }

    /// <summary>The host is called as its network.</summary>
    private static string? NetworkOfOwner(ApplicationInfo application) => application.OwnerKind == "host" ? null : application.Network;

    private static Option<string?> Management() =>
        Flag.YesNo("--management", "Whether what is in quarantine of the degree management may still reach it, by rules");

    /// <summary>What is reached: an address, or what names stand for.</summary>
    private static string ReachedOf(ApplicationInfo application) => application.Names.Count == 0 ? application.Target : string.Join(", ", application.Names);

    private static void Print(CommandContext c, ApplicationInfo application) =>
        c.Printer.One(application, ApiJson.Default.ApplicationInfo, a => c.Printer.Facts(
        ("name", a.Name),
        ("network", a.Network),
        ("at", $"{a.OwnerKind}:{a.Owner}"),
        ("target", a.Target),
        ("names", a.Names.Count == 0 ? null : string.Join(", ", a.Names)),
        ("services", string.Join(", ", a.Services)),
        ("groups", string.Join(", ", a.Groups)),
        ("management", a.Management ? "yes" : ""),
        ("appears in", a.AppearsAt.Count == 0 ? null : string.Join(", ", a.AppearsAt)),
        ("created", Human.Time(a.CreatedAt))));
}
