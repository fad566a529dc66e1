using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Policies;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Identities;

/// <summary>
/// The endpoints of one kind of member of a network. Devices and sites are the same here but for what they are made of, which their own
/// files read.
/// </summary>
/// <param name="kind">"device".</param>
/// <param name="plural">"Devices"; in small letters the path.</param>
/// <param name="withEffects">The info, with what came of a change.</param>
internal sealed class MemberEndpoints<TInfo>(
    string kind, string plural, Func<IdentityRow, TunnelRegistry, VolumeTable, TInfo> infoOf, Func<TInfo, MemberEffects, TInfo> withEffects)
{
    private readonly string path = plural.ToLowerInvariant();

    /// <summary>Everything but making and changing one, for which <paramref name="create"/> and <paramref name="update"/> read the body.</summary>
    public void Map(IEndpointRouteBuilder api, Delegate create, Delegate update)
    {
        var members = api.MapGroup("/" + path).WithTags(plural);
        members.MapPost("", create).WithSummary($"Make a {kind}, and where asked for its first profile");
        members.MapGet("", List).WithSummary($"List {path}");
        members.MapGet("/{name}", Get).WithSummary($"Show a {kind}");
        members.MapPatch("/{name}", update).WithSummary($"Change a {kind}");
        members.MapDelete("/{name}", Delete).WithSummary($"Delete a {kind} that no application or rule names");
        members.MapPost("/{name}/profile", Profile).WithSummary("Issue a new credential and its profile");
        members.MapPost("/{name}/revoke", Revoke).WithSummary("Revoke all credentials and cut what is live, for good");
        members.MapPost("/{name}/quarantine", Quarantine).WithSummary($"Shut a {kind} out, wholly or in part, until it is released or its time is over");
        members.MapPut("/{name}/posture", Posture).WithSummary($"Report facts of a {kind}; rules that look at them are judged again at once");
        members.MapPost("/{name}/release", Release).WithSummary($"Let a quarantined {kind} in again");
    }

    public Created<TCreated> Create<TCreated>(
        Actor actor, IdentityInput input, Idempotency? idempotency, Func<TInfo, ProfileIssued?, TCreated> answerOf, IdentityCommands commands,
        TunnelRegistry tunnels, VolumeTable volumes, HttpContext context)
    {
        var committed = commands.Create(actor, input, idempotency, (row, profile) => new Made(row, infoOf(row, tunnels, volumes), profile));
        var (row, info, profile) = committed.Value;
        RequestParts.SetETag(context.Response, row.Revision);
        return TypedResults.Created($"/api/v1/{path}/{row.Name}.{row.Network}", answerOf(withEffects(info, new MemberEffects(null, committed.Reconnecting, commands.OutdatedBy(row))), profile));
    }

    public async Task<TInfo> UpdateAsync(
        Actor actor, string name, IdentityInput input, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context)
    {
        var (row, effects) = await commands.UpdateAsync(actor, name, input, RequestParts.RevisionOf(context.Request), context.RequestAborted);
        return withEffects(Answer(row, tunnels, volumes, context), effects);
    }

    private Api.Paging.Page<TInfo> List(
        Actor actor, IdentityQueries queries, TunnelRegistry tunnels, VolumeTable volumes, string? network, string? group, string? label, string? state, string? presence,
        int? limit, string? cursor) =>
        queries.List(actor, kind, network, group, label, state, presence, Paging.Of(limit, cursor), row => infoOf(row, tunnels, volumes));

    private TInfo Get(Actor actor, string name, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context) =>
        Answer(commands.Get(actor, kind, name), tunnels, volumes, context);

    private Task<CutResult> Delete(Actor actor, string name, IdentityCommands commands, CancellationToken cancel) =>
        commands.DeleteAsync(actor, kind, name, cancel);

    private ProfileIssued Profile(Actor actor, string name, ProfileRequest body, IdentityCommands commands) =>
        commands.IssueProfile(actor, kind, name, body);

    private Task<CutResult> Revoke(Actor actor, string name, ReasonRequest body, IdentityCommands commands, CancellationToken cancel) =>
        commands.RevokeAsync(actor, kind, name, body.Reason, cancel);

    private Task<CutResult> Quarantine(Actor actor, string name, QuarantineRequest body, IdentityCommands commands, CancellationToken cancel) =>
        commands.QuarantineAsync(actor, kind, name, body, cancel);

    private async Task<TInfo> Posture(
        Actor actor, string name, PostureUpdate body, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context)
    {
        var (row, cut) = await commands.ReportPostureAsync(actor, kind, name, body, context.RequestAborted);
        return withEffects(Answer(row, tunnels, volumes, context), new MemberEffects(cut, null, null));
    }

    private TInfo Release(Actor actor, string name, ReasonRequest body, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context) =>
        Answer(commands.Release(actor, kind, name, body.Reason), tunnels, volumes, context);

    private TInfo Answer(IdentityRow row, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context)
    {
        RequestParts.SetETag(context.Response, row.Revision);
        return infoOf(row, tunnels, volumes);
    }

    private sealed record Made(IdentityRow Row, TInfo Info, ProfileIssued? Profile);
}
