using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Api.Rules;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;
using Sallyport.Cli.Profiles;
using Sallyport.Cli.Rules;
using Spectre.Console;

namespace Sallyport.Cli.Members;

/// <summary>What "add" gives to a device and a site alike.</summary>
internal sealed record MemberDraft(
    string Name, string? Network, Dictionary<string, string>? Labels, string[]? Groups, string[]? Addresses, ProfileRequest? Profile);

/// <summary>Null is left as it is.</summary>
internal sealed record MemberChange(Dictionary<string, string>? Labels, List<string>? Groups, LimitInput? Limit);

/// <summary>The verbs of devices and sites. What differs, the calls of the API and a few flags, is the derived class.</summary>
internal abstract class MemberNoun<T>(Shell shell, string noun, JsonTypeInfo<T> type)
{
    /// <summary>Flags of "add" that the other kind does not have.</summary>
    protected virtual Symbol[] OfAdd => [];

    /// <summary>Flags of "update" that the other kind does not have.</summary>
    protected virtual Symbol[] OfUpdate => [];

    /// <summary>Filters of "list".</summary>
    protected abstract Symbol[] OfList { get; }

    /// <summary>An example of "add", for who has none yet.</summary>
    protected abstract string AddExample { get; }

    /// <summary>What is said of it when it was added.</summary>
    protected abstract IReadOnlyList<string> Place(Member member);

    protected abstract Member MemberOf(T info);

    protected abstract Task<(T Made, ProfileIssued? Profile)> CreateAsync(CommandContext c, MemberDraft draft);

    protected abstract Task<Page<T>> ListAsync(CommandContext c, int limit, string? cursor);

    protected abstract Task<T> GetAsync(CommandContext c, string name);

    protected abstract Task<T> UpdateAsync(CommandContext c, string name, MemberChange change, long revision);

    protected abstract Task<ProfileIssued> IssueProfileAsync(CommandContext c, string name, ProfileRequest request);

    protected abstract Task<CutResult> RevokeAsync(CommandContext c, string name, string? reason);

    protected abstract Task<CutResult> QuarantineAsync(CommandContext c, string name, QuarantineRequest request);

    protected abstract Task<T> ReportPostureAsync(CommandContext c, string name, PostureUpdate facts);

    protected abstract Task<T> ReleaseAsync(CommandContext c, string name, string? reason);

    protected abstract Task<CutResult> DeleteAsync(CommandContext c, string name);

    protected Command Build(string description, string nameExample, string addressHelp) => Shell.Noun(
        noun,
        description,
        Add(nameExample, addressHelp), List(), Show(), Update(), Profile(), Revoke(), Quarantine(), Release(), Posture(), Remove());

    private Command Add(string nameExample, string addressHelp)
    {
        var name = Flag.Name($"Name, a DNS label such as {nameExample}");
        var network = Flag.Text("--network", "Network that it belongs to", "NETWORK", required: true);
        var labels = Flag.List("--label", "Label as key=value", "LABEL");
        var groups = Flag.List("--group", "Group", "GROUP");
        var addresses = Flag.List("--address", addressHelp, "ADDRESS");
        var profile = new ProfileFlags(
            "Write its profile here (mode 0600), - for standard output; default with --protocol: NAME.ovpn, or the directory NAME.ipsec; with neither there is no profile yet");
        var command = shell.Verb(
            "add",
            $"Make a {noun}, and its profile",
            async c =>
            {
                profile.CheckAskedFor(c.Parse);
                var draft = new MemberDraft(
                    c.Parse.GetValue(name)!,
                    c.Parse.GetValue(network),
                    Labels.Parse(c.Parse.GetValue(labels) ?? []),
                    c.Parse.GetValue(groups),
                    c.Parse.GetValue(addresses),
                    null);
                using var file = profile.Reserve(c.Parse, draft.Name);
                var (made, issued) = await CreateAsync(c, draft with { Profile = file is null ? null : profile.Request(c.Parse) });
                var isTable = c.Printer.Format == OutputFormat.Table;
                if (isTable && file is not { IsStandardOutput: true })
                {
                    PrintMade(c.Printer, MemberOf(made), file is null);
                    CutText.PrintReconnecting(c.Printer, MemberOf(made).TunnelsReconnecting);
                    MemberText.PrintOutdated(c.Printer, MemberOf(made));
                }

                var facts = issued is null || file is null ? null : ProfileFlags.Deliver(file, issued, c.Printer);
                if (!isTable && file is not { IsStandardOutput: true })
                {
                    c.Printer.Node(new JsonObject { [noun] = JsonSerializer.SerializeToNode(made, type), ["profile"] = facts });
                }
            },
            [name, network, .. OfAdd, labels, groups, addresses]);
        profile.AddTo(command);
        return command;
    }

    private void PrintMade(Printer printer, Member member, bool withoutProfile)
    {
        printer.Line($"{noun} {member.Name} added to {member.Network}: {string.Join(", ", Place(member))}");
        if (withoutProfile)
        {
            printer.Remark($"it cannot connect yet; make its profile: sallyport {noun} profile {member.Name} --profile {member.Name}.ovpn (or --protocol ipsec)");
        }
    }

    private Command List() => shell.Verb(
        "list",
        $"{char.ToUpperInvariant(noun[0])}{noun[1..]}s and whether they are online. STATE: pending has no profile yet, active may connect, "
        + "quarantined is shut out, wholly or to a degree, until released, retired was revoked for good. IN and OUT: payload forwarded from it and to it",
        async c => c.Printer.Many(
            await CommandContext.AllAsync(null, (limit, cursor) => ListAsync(c, limit, cursor)),
            type,
            c.Empty($"{noun}s", $"make one: sallyport {noun} add {AddExample}"),
            [
                Column("NAME", m => m.Name) with { Network = item => MemberOf(item).Network },
                Column("NETWORK", m => m.Network) with { Rank = 2 },
                Column("STATE", MemberText.ShortState, MemberText.StateColour),
                Column("ONLINE", MemberText.Presence, m => MemberText.PresenceColour(m.Presence)),
                .. ListColumns(),
                Column("FROM", m => m.Live?.OuterAddress) with { Rank = 1 },
                Column("PROTOCOL", m => m.Live?.Protocol) with { Rank = 5 },
                Column("CIPHER", m => m.Live?.Cipher) with { Rank = 6 },
                Column("SINCE", m => m.Live is { } t ? Human.Time(t.Since) : null) with { Rank = 3 },
                Column("IN", m => m.Live is { } t ? Human.Bytes(t.BytesIn) : null) with { Rank = 4, Right = true },
                Column("OUT", m => m.Live is { } t ? Human.Bytes(t.BytesOut) : null) with { Rank = 4, Right = true },
                Column("CLIENT", m => m.Live?.ClientVersion) with { Rank = 7 },
            ]),
        OfList);

    /// <summary>Where it is in the address space.</summary>
    protected virtual Column<T>[] ListColumns() => [Column("ADDRESS", m => string.Join(", ", m.Addresses)) with { Wraps = true }];

    protected Column<T> Column(string title, Func<Member, string?> text, Func<Member, Color?>? colour = null) =>
        new(title, item => text(MemberOf(item)), colour is null ? null : item => colour(MemberOf(item)));

    private Command Show()
    {
        var name = Flag.Name($"Name of the {noun}");
        return shell.Verb("show", $"One {noun}", async c => Print(c, await GetAsync(c, c.Parse.GetValue(name)!)), name);
    }

    private Command Update()
    {
        var name = Flag.Name($"Name of the {noun}");
        var edit = new LabelEdit();
        var limit = new LimitFlags();
        Symbol[] changing = [.. OfUpdate, .. edit.All, .. limit.All];
        return shell.Verb(
            "update",
            "Change what is given; live flows are judged again at once",
            async c =>
            {
                if (!changing.OfType<Option>().Any(c.IsGiven))
                {
                    throw new CliException(ExitCodes.Usage, "nothing to change", null, $"Give {string.Join(", ", changing.Select(o => o.Name))}.");
                }

                // The revision guards what somebody else changed between the two requests.
                var before = MemberOf(await GetAsync(c, c.Parse.GetValue(name)!));
                var change = new MemberChange(edit.LabelsOf(c.Parse, before.Labels), edit.GroupsOf(c.Parse, before.Groups), limit.Of(c.Parse));
                var after = await UpdateAsync(c, $"{before.Name}.{before.Network}", change, before.Revision);
                Print(c, after);
                CutText.PrintReconnecting(c.Printer, MemberOf(after).TunnelsReconnecting);
                MemberText.PrintOutdated(c.Printer, MemberOf(after));
                return CutText.PrintSideEffect(c.Printer, MemberOf(after).Cut);
            },
            [name, .. changing]);
    }

    private Command Profile()
    {
        var name = Flag.Name($"Name of the {noun}");
        var keepOld = Flag.Switch("--keep-old", "Leave its credentials before it valid, so that the running client goes on; end them later: sallyport credential revoke ID");
        var profile = new ProfileFlags("Write it here (mode 0600), - for standard output; default: NAME.ovpn, or the directory NAME.ipsec");
        var command = shell.Verb(
            "profile",
            $"Issue a new profile; the {noun}'s credentials before it are revoked at once: a client that runs with them is cut, by OpenVPN it exits, by IPsec it is refused (see --keep-old)",
            async c =>
            {
                profile.CheckProtocol(c.Parse);
                var member = c.Parse.GetValue(name)!;
                using var file = profile.Reserve(c.Parse, member, isWanted: true)!;
                var issued = await IssueProfileAsync(c, member, profile.Request(c.Parse, c.Parse.GetValue(keepOld)));
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

    private Command Revoke() => WithReason(
        "revoke",
        $"Cut a {noun} for good: its tunnel, its flows, its credentials; its state is retired from then on; a stock client of OpenVPN exits, one of IPsec is refused",
        async (c, name, reason) => CutText.Print(c.Printer, await RevokeAsync(c, name, reason), "revoked"));

    private Command Quarantine()
    {
        var name = Flag.Name($"Name of the {noun}");
        var degree = Flag.Text(
            "--degree",
            "throttled (what rules allow, slowly), management (applications for management alone), forensic (one --application) or dark (nothing, no tunnel); default: dark",
            "DEGREE");
        var application = Flag.Text("--application", "With forensic: the one application that is left", "APPLICATION");
        var rate = Flag.Text("--rate", "With throttled: at most this a second; default: 64kbit", "RATE");
        var end = new EndFlags();
        var reason = Flag.Reason();
        return shell.Verb(
            "quarantine",
            $"Shut a {noun} out, wholly or in part, until it is released or its time is over (state quarantined); it keeps its credentials. Again: to another degree",
            async c => CutText.Print(
                c.Printer,
                await QuarantineAsync(
                    c,
                    c.Parse.GetValue(name)!,
                    new QuarantineRequest
                    {
                        Reason = c.Parse.GetValue(reason),
                        Degree = c.Parse.GetValue(degree),
                        Application = c.Parse.GetValue(application),
                        Rate = c.Parse.GetValue(rate),
                        For = end.SpanOf(c.Parse),
                        Until = end.UntilOf(c.Parse),
                    }),
                "quarantined"),
            [name, degree, application, rate, .. end.All, reason]);
    }

    private Command Posture()
    {
        var name = Flag.Name($"Name of the {noun}");
        var facts = new Argument<string[]>("FACT") { Description = "As name=value: firmware=2.4.1", Arity = ArgumentArity.OneOrMore };
        var gone = new Argument<string[]>("FACT") { Description = "By its name: firmware", Arity = ArgumentArity.OneOrMore };
        var set = shell.Verb(
            "set",
            $"Report facts of a {noun}, as of now; what rules allow by them is judged again at once",
            async c => Print(c, await ReportPostureAsync(c, c.Parse.GetValue(name)!, new PostureUpdate { Facts = PostureArguments.Parse(c.Parse.GetValue(facts)!) })),
            name, facts);
        var remove = shell.Verb(
            "remove",
            "Take facts away; what rules allow by them is judged again at once",
            async c => Print(
                c,
                await ReportPostureAsync(
                    c, c.Parse.GetValue(name)!, new PostureUpdate { Facts = c.Parse.GetValue(gone)!.Distinct().ToDictionary(fact => fact, _ => (string?)null) })),
            name, gone);
        return Shell.Noun("posture", $"Facts that were reported of a {noun}, for the conditions of rules", set, remove);
    }

    private Command Release() => WithReason(
        "release",
        "End a quarantine",
        async (c, name, reason) =>
        {
            Print(c, await ReleaseAsync(c, name, reason));
            return ExitCodes.Ok;
        });

    private Command WithReason(string verb, string description, Func<CommandContext, string, string?, Task<int>> run)
    {
        var name = Flag.Name($"Name of the {noun}");
        var reason = Flag.Reason();
        return shell.Verb(verb, description, c => run(c, c.Parse.GetValue(name)!, c.Parse.GetValue(reason)), name, reason);
    }

    private Command Remove()
    {
        var name = Flag.Name($"Name of the {noun}");
        return shell.Verb(
            "remove",
            $"Remove a {noun} that no application or rule names any more; cuts it where it is online",
            async c => CutText.Print(c.Printer, await DeleteAsync(c, c.Parse.GetValue(name)!), "removed"),
            name);
    }

    private void Print(CommandContext c, T info) => c.Printer.One(info, type, item =>
    {
        var member = MemberOf(item);
        c.Printer.Facts(
            ("name", member.Name),
            ("network", member.Network),
            ("state", MemberText.State(member)),
            ("online", MemberText.Presence(member)),
            ("subnets", string.Join(", ", member.Subnets)),
            ("IPsec", MemberText.Ipsec(member.Ipsec)),
            ("addresses", string.Join(", ", member.Addresses)),
            ("labels", MemberText.Labels(member.Labels)),
            ("groups", string.Join(", ", member.Groups)),
            ("posture", MemberText.Posture(member.Posture)),
            ("at most", LimitFlags.Describe(member.Limit)),
            ("created", Human.Time(member.CreatedAt)));
        MemberText.TunnelFacts(c.Printer, member.Presence, member.Tunnel);
    });
}
