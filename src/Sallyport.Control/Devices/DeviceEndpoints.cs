using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Devices;

internal static class DeviceEndpoints
{
    private const string Kind = "device";

    public static void MapDevices(this IEndpointRouteBuilder api)
    {
        var devices = api.MapGroup("/devices").WithTags("Devices");
        devices.MapPost("", Create).WithSummary("Make a device, and where asked for its first profile");
        devices.MapGet("", List).WithSummary("List devices");
        devices.MapGet("/{name}", Get).WithSummary("Show a device");
        devices.MapPatch("/{name}", Update).WithSummary("Change a device");
        devices.MapDelete("/{name}", Delete).WithSummary("Delete a device that no application or rule names");
        devices.MapPost("/{name}/profile", Profile).WithSummary("Issue a new credential and its profile");
        devices.MapPost("/{name}/revoke", Revoke).WithSummary("Revoke all credentials and cut what is live, for good");
        devices.MapPost("/{name}/quarantine", Quarantine).WithSummary("Shut a device out until it is released");
        devices.MapPost("/{name}/release", Release).WithSummary("Let a quarantined device in again");
    }

    private static Created<DeviceCreated> Create(Actor actor, DeviceCreate body, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context)
    {
        var idempotency = RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.DeviceCreate);
        var made = commands.Create(actor, InputOf(body), idempotency, (row, profile) => new DeviceCreated(row.ToDevice(tunnels), profile));
        RequestParts.SetETag(context.Response, made.Device.Revision);
        return TypedResults.Created($"/api/v1/devices/{made.Device.Name}.{made.Device.Network}", made);
    }

    private static Page<DeviceInfo> List(
        Actor actor, IdentityQueries queries, TunnelRegistry tunnels, string? network, string? group, string? label, string? state, string? presence,
        int? limit, string? cursor) =>
        queries.List(actor, Kind, network, group, label, state, presence, Http.Paging.Of(limit, cursor), row => row.ToDevice(tunnels));

    private static DeviceInfo Get(Actor actor, string name, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context) =>
        Answer(commands.Get(actor, Kind, name), tunnels, context);

    private static async Task<DeviceInfo> Update(
        Actor actor, string name, DeviceUpdate body, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context)
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

    private static DeviceInfo Release(
        Actor actor, string name, ReasonRequest body, IdentityCommands commands, TunnelRegistry tunnels, HttpContext context) =>
        Answer(commands.Release(actor, Kind, name, body.Reason), tunnels, context);

    private static DeviceInfo Answer(IdentityRow row, TunnelRegistry tunnels, HttpContext context)
    {
        RequestParts.SetETag(context.Response, row.Revision);
        return row.ToDevice(tunnels);
    }

    private static IdentityInput InputOf(DeviceCreate body) => new(Kind)
    {
        Name = body.Name,
        Network = body.Network,
        Labels = body.Labels,
        Groups = body.Groups,
        Addresses = body.Addresses,
        Profile = body.Profile,
    };

    private static IdentityInput InputOf(DeviceUpdate body) => new(Kind) { Labels = body.Labels, Groups = body.Groups };
}
