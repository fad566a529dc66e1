using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Api.Sites;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Members;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Sites;

internal sealed class SiteCommands(Shell shell) : MemberNoun<SiteInfo>(shell, "site", ApiJson.Default.SiteInfo)
{
    private readonly Option<string?> network = Flag.Text("--network", "Only of this network", "NETWORK");
    private readonly Option<string[]> carried = Flag.List(
        "--subnet", "Subnet behind it, such as 192.168.50.0/24", "SUBNET", required: true);

    private readonly Option<string[]> allCarried = Flag.List("--subnet", "All subnets behind it, old and new", "SUBNET");

    private readonly Option<string[]> remotes = Flag.List(
        "--remote", "By IPsec the gateway begins as well, to this address or host name; one for each uplink, \"any\" where it waits, \"none\" for all", "HOST");

    private readonly Option<string?> mode = Flag.Text("--mode", "By IPsec: tunnel (default), or transport where both ends are hosts", "MODE");
    private readonly Option<string?> singlePairs = Flag.YesNo("--single-pairs", "By IPsec: one pair of subnets for each SA, for routers that know no more");

    protected override Symbol[] OfAdd => [carried, remotes, mode, singlePairs];

    protected override Symbol[] OfUpdate => [allCarried, remotes, mode, singlePairs];

    protected override Symbol[] OfList => [network];

    protected override string AddExample => "hq --network plant-a --subnet 192.168.50.0/24 --profile hq.ovpn";

    public static Command Build(Shell shell) => new SiteCommands(shell).Build(
        "Routers that carry whole subnets", "hq", "The router's own address inside the network; default: the next free one");

    protected override IReadOnlyList<string> Place(Member member) => member.Subnets;

    protected override Column<SiteInfo>[] ListColumns() =>
        [Column("SUBNETS", m => string.Join(", ", m.Subnets)) with { Wraps = true }, .. base.ListColumns().Select(column => column with { Rank = 2 })];

    protected override Member MemberOf(SiteInfo info) => Member.Of(info);

    protected override async Task<(SiteInfo Made, ProfileIssued? Profile)> CreateAsync(CommandContext c, MemberDraft draft)
    {
        var created = await c.Client.AddSiteAsync(
            new SiteCreate
            {
                Name = draft.Name,
                Network = draft.Network,
                Subnets = c.Parse.GetValue(carried),
                Labels = draft.Labels,
                Groups = draft.Groups,
                Addresses = draft.Addresses,
                Ipsec = IpsecOf(c.Parse),
                Profile = draft.Profile,
            },
            c.Cancel);
        return (created.Site, created.Profile);
    }

    protected override Task<Page<SiteInfo>> ListAsync(CommandContext c, int limit, string? cursor) =>
        c.Client.ListSitesAsync(c.Parse.GetValue(network), limit, cursor, c.Cancel);

    protected override Task<SiteInfo> GetAsync(CommandContext c, string name) => c.Client.GetSiteAsync(name, c.Cancel);

    protected override Task<SiteInfo> UpdateAsync(CommandContext c, string name, MemberChange change, long revision) => c.Client.UpdateSiteAsync(
        name,
        new SiteUpdate
        {
            Subnets = c.Parse.GetValue(allCarried) is { Length: > 0 } given ? given : null,
            Labels = change.Labels,
            Groups = change.Groups,
            Limit = change.Limit,
            Ipsec = IpsecOf(c.Parse),
        },
        revision,
        c.Cancel);

    /// <summary>Null where nothing is said.</summary>
    private SiteIpsecInput? IpsecOf(ParseResult parse)
    {
        var input = new SiteIpsecInput
        {
            Remotes = parse.GetValue(remotes) switch { null or [] => null, ["none"] => [], var given => given },
            Mode = parse.GetValue(mode),
            SinglePairs = Flag.IsYes(parse, singlePairs),
        };
        return input == new SiteIpsecInput() ? null : input;
    }

    protected override Task<ProfileIssued> IssueProfileAsync(CommandContext c, string name, ProfileRequest request) =>
        c.Client.IssueSiteProfileAsync(name, request, c.Cancel);

    protected override Task<CutResult> RevokeAsync(CommandContext c, string name, string? reason) => c.Client.RevokeSiteAsync(name, reason, c.Cancel);

    protected override Task<CutResult> QuarantineAsync(CommandContext c, string name, QuarantineRequest request) =>
        c.Client.QuarantineSiteToAsync(name, request, c.Cancel);

    protected override Task<SiteInfo> ReportPostureAsync(CommandContext c, string name, PostureUpdate facts) =>
        c.Client.ReportSitePostureAsync(name, facts, c.Cancel);

    protected override Task<SiteInfo> ReleaseAsync(CommandContext c, string name, string? reason) => c.Client.ReleaseSiteAsync(name, reason, c.Cancel);

    protected override Task<CutResult> DeleteAsync(CommandContext c, string name) => c.Client.DeleteSiteAsync(name, c.Cancel);
}
