using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Api.Sites;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Sites;

internal static class SiteEndpoints
{
    private const string Kind = "site";

    public static void MapSites(this IEndpointRouteBuilder api)
    {
        var sites = api.MapGroup("/sites").WithTags("Sites");
        sites.MapPost("", Create).WithSummary("Make a site, and where asked for its first profile");
        sites.MapGet("", List).WithSummary("List sites");
        sites.MapGet("/{name}", Get).WithSummary("Show a site");
        sites.MapPatch("/{name}", Update).WithSummary("Change a site");
        sites.MapDelete("/{name}", Delete).WithSummary("Delete a site that no application or rule names");
        sites.MapPost("/{name}/profile", Profile).WithSummary("Issue a new credential and its profile");
        sites.MapPost("/{name}/revoke", Revoke).WithSummary("Revoke all credentials and cut what is live, for good");
        sites.MapPost("/{name}/quarantine", Quarantine).WithSummary("Shut a site out until it is released");
        sites.MapPost("/{name}/release", Release).WithSummary("Let a quarantined site in again");
    }

    private static Created<SiteCreated> Create(Actor actor, SiteCreate body, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context)
    {
        var idempotency = RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.SiteCreate);
        var made = commands.Create(actor, InputOf(body), idempotency, (row, profile) => new SiteCreated(row.ToSite(tunnels), profile));
        RequestParts.SetETag(context.Response, made.Site.Revision);
        return TypedResults.Created($"/api/v1/sites/{made.Site.Name}.{made.Site.Network}", made);
    }

    private static Page<SiteInfo> List(
        Actor actor, IdentityQueries queries, TunnelRegistry tunnels, string? network, string? group, string? label, string? state, string? presence,
        int? limit, string? cursor) =>
        queries.List(actor, Kind, network, group, label, state, presence, Http.Paging.Of(limit, cursor), row => row.ToSite(tunnels));

    private static SiteInfo Get(Actor actor, string name, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context) =>
        Answer(commands.Get(actor, Kind, name), tunnels, context);

    private static async Task<SiteInfo> Update(
        Actor actor, string name, SiteUpdate body, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context)
    {
        var (row, cut) = await commands.UpdateAsync(actor, name, InputOf(body), RequestParts.RevisionOf(context.Request), context.RequestAborted);
        return Answer(row, tunnels, context) with { Cut = cut };
    }

    private static Task<CutResult> Delete(Actor actor, string name, IdentityCommands commands, CancellationToken cancel) =>
        commands.DeleteAsync(actor, Kind, name, cancel);

    private static ProfileIssued Profile(Actor actor, string name, ProfileRequest body, IdentityCommands commands) =>
        commands.IssueProfile(actor, Kind, name, body);

    private static Task<CutResult> Revoke(Actor actor, string name, ReasonRequest body, IdentityCommands commands, CancellationToken cancel) =>
        commands.RevokeAsync(actor, Kind, name, body.Reason, cancel);

    private static Task<CutResult> Quarantine(Actor actor, string name, ReasonRequest body, IdentityCommands commands, CancellationToken cancel) =>
        commands.QuarantineAsync(actor, Kind, name, body.Reason, cancel);

    private static SiteInfo Release(
        Actor actor, string name, ReasonRequest body, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context) =>
        Answer(commands.Release(actor, Kind, name, body.Reason), tunnels, context);

    private static SiteInfo Answer(IdentityRow row, TunnelRegistry tunnels, HttpContext context)
    {
        RequestParts.SetETag(context.Response, row.Revision);
        return row.ToSite(tunnels);
    }

    private static IdentityInput InputOf(SiteCreate body) => new(Kind)
    {
        Name = body.Name,
        Network = body.Network,
        Labels = body.Labels,
        Groups = body.Groups,
        Addresses = body.Addresses,
        Subnets = body.Subnets,
        Profile = body.Profile,
    };

    private static IdentityInput InputOf(SiteUpdate body) => new(Kind) { Subnets = body.Subnets, Labels = body.Labels, Groups = body.Groups };
}
