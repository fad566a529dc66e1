using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Sites;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Policies;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Sites;

internal static class SiteEndpoints
{
    private const string Kind = "site";

    private static readonly MemberEndpoints<SiteInfo> Members = new(
        Kind, "Sites", (row, tunnels, volumes) => row.ToSite(tunnels, volumes),
        (info, effects) => info with { Cut = effects.Cut, TunnelsReconnecting = effects.Reconnecting, OutdatedFiles = effects.Outdated });

    public static void MapSites(this IEndpointRouteBuilder api) => Members.Map(api, Create, Update);

    private static Created<SiteCreated> Create(Actor actor, SiteCreate body, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context) =>
        Members.Create(
            actor,
            new IdentityInput(Kind)
            {
                Name = body.Name,
                Network = body.Network,
                Labels = body.Labels,
                Groups = body.Groups,
                Addresses = body.Addresses,
                Subnets = body.Subnets,
                Ipsec = body.Ipsec,
                Profile = body.Profile,
            },
            RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.SiteCreate),
            (info, profile) => new SiteCreated(info, profile),
            commands,
            tunnels,
            volumes,
            context);

    private static async Task<SiteInfo> Update(
        Actor actor, string name, SiteUpdate body, IdentityCommands commands, TunnelRegistry tunnels, VolumeTable volumes, HttpContext context)
    {
        var input = new IdentityInput(Kind) { Subnets = body.Subnets, Labels = body.Labels, Groups = body.Groups, Limit = body.Limit, Ipsec = body.Ipsec };
        return await Members.UpdateAsync(actor, name, input, commands, tunnels, volumes, context);
    }
}
