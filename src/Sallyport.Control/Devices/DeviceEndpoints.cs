using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Devices;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Policies;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Devices;

internal static class DeviceEndpoints
{
    private const string Kind = "device";

    private static readonly MemberEndpoints<DeviceInfo> Members = new(
        Kind, "Devices", (row, tunnels, volumes) => row.ToDevice(tunnels, volumes), (info, effects) => info with { Cut = effects.Cut, TunnelsReconnecting = effects.Reconnecting });

    public static void MapDevices(this IEndpointRouteBuilder api) => Members.Map(api, Create, Update);

    private static Created<DeviceCreated> Create(Actor actor, DeviceCreate body, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context) =>
        Members.Create(
            actor,
            new IdentityInput(Kind)
            {
                Name = body.Name,
                Network = body.Network,
                Labels = body.Labels,
                Groups = body.Groups,
                Addresses = body.Addresses,
                Profile = body.Profile,
            },
            RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.DeviceCreate),
            (info, profile) => new DeviceCreated(info, profile),
            commands,
            tunnels,
            volumes,
            context);

    private static async Task<DeviceInfo> Update(
        Actor actor, string name, DeviceUpdate body, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context)
    {
        var input = new IdentityInput(Kind) { Labels = body.Labels, Groups = body.Groups, Limit = body.Limit };
        return await Members.UpdateAsync(actor, name, input, commands, tunnels, volumes, context);
    }
}
