using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Members;

namespace Sallyport.Cli.Devices;

internal sealed class DeviceCommands(Shell shell) : MemberNoun<DeviceInfo>(shell, "device", ApiJson.Default.DeviceInfo)
{
    private readonly Option<string?> network = Flag.Text("--network", "Only of this network", "NETWORK");
    private readonly Option<string?> group = Flag.Text("--group", "Only in this group", "GROUP");
    private readonly Option<string?> label = Flag.Text("--label", "Only with this label, key=value", "LABEL");
    private readonly Option<string?> state = Flag.Text("--state", "Only pending, active, quarantined or retired", "STATE");
    private readonly Option<string?> presence = Flag.Text("--presence", "Only online, offline or unknown", "PRESENCE");

    protected override Symbol[] OfList => [network, group, label, state, presence];

    protected override string AddExample => "pump-17 --network plant-a --profile pump-17.ovpn";

    public static Command Build(Shell shell) => new DeviceCommands(shell).Build(
        "Things with an identity of their own", "pump-17", "Its address inside the network; default: the next free one");

    protected override IReadOnlyList<string> Place(Member member) => member.Addresses;

    protected override Member MemberOf(DeviceInfo info) => Member.Of(info);

    protected override async Task<(DeviceInfo Made, ProfileIssued? Profile)> CreateAsync(CommandContext c, MemberDraft draft)
    {
        var created = await c.Client.AddDeviceAsync(
            new DeviceCreate
            {
                Name = draft.Name,
                Network = draft.Network,
                Labels = draft.Labels,
                Groups = draft.Groups,
                Addresses = draft.Addresses,
                Profile = draft.Profile,
            },
            c.Cancel);
        return (created.Device, created.Profile);
    }

    protected override Task<Page<DeviceInfo>> ListAsync(CommandContext c, int limit, string? cursor) => c.Client.ListDevicesAsync(
        c.Parse.GetValue(network),
        c.Parse.GetValue(group),
        c.Parse.GetValue(label),
        c.Parse.GetValue(state),
        c.Parse.GetValue(presence),
        limit,
        cursor,
        c.Cancel);

    protected override Task<DeviceInfo> GetAsync(CommandContext c, string name) => c.Client.GetDeviceAsync(name, c.Cancel);

    protected override Task<DeviceInfo> UpdateAsync(CommandContext c, string name, MemberChange change, long revision) =>
        c.Client.UpdateDeviceAsync(name, new DeviceUpdate { Labels = change.Labels, Groups = change.Groups, Limit = change.Limit }, revision, c.Cancel);

    protected override Task<ProfileIssued> IssueProfileAsync(CommandContext c, string name, ProfileRequest request) =>
        c.Client.IssueDeviceProfileAsync(name, request, c.Cancel);

    protected override Task<CutResult> RevokeAsync(CommandContext c, string name, string? reason) => c.Client.RevokeDeviceAsync(name, reason, c.Cancel);

    protected override Task<CutResult> QuarantineAsync(CommandContext c, string name, QuarantineRequest request) =>
        c.Client.QuarantineDeviceToAsync(name, request, c.Cancel);

    protected override Task<DeviceInfo> ReportPostureAsync(CommandContext c, string name, PostureUpdate facts) =>
        c.Client.ReportDevicePostureAsync(name, facts, c.Cancel);

    protected override Task<DeviceInfo> ReleaseAsync(CommandContext c, string name, string? reason) =>
        c.Client.ReleaseDeviceAsync(name, reason, c.Cancel);

    protected override Task<CutResult> DeleteAsync(CommandContext c, string name) => c.Client.DeleteDeviceAsync(name, c.Cancel);
}
