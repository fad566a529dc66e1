using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Api.Tunnels;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tunnels;

internal static class TunnelEndpoints
{
    public static void MapTunnels(this IEndpointRouteBuilder api)
    {
        var tunnels = api.MapGroup("/tunnels").WithTags("Tunnels");
        tunnels.MapGet("", List).WithSummary("List tunnels that are up, and where asked for the last of every identity");
        tunnels.MapPost("/{owner}/disconnect", Disconnect).WithSummary("End the tunnel of device:NAME or site:NAME, which may come again");
    }

    /// <summary>Null for all.</summary>
    private static int? OwnerOf(SqliteConnection sql, Actor actor, string? owner)
    {
        if (owner is null)
        {
            return null;
        }

        var problems = new ProblemList();
        var identity = OwnerInput.Read(sql, owner, "owner", problems);
        problems.ThrowIfAny();
        actor.Require(Right.See, identity!.NetworkId);
        return identity.Id;
    }

    private static TunnelInfo Disconnect(Actor actor, string owner, ReasonRequest body, TunnelCommands commands) =>
        commands.Disconnect(actor, owner, body.Reason);

    /// <summary>The list is live and in memory: a cursor is the place in it.</summary>
    private static Page<TunnelInfo> List(
        Actor actor, TunnelRegistry tunnels, Database database, string? network, string? owner, bool? ended, int? limit, string? cursor)
    {
        var paging = Http.Paging.Of(limit, cursor);
        var (networkId, identityId) = database.Read(sql => (Scope.NetworkOf(sql, actor, network), OwnerOf(sql, actor, owner)));
        var all = tunnels.List(networkId, identityId, ended ?? false).Select((tunnel, index) => (Tunnel: tunnel, Index: index + 1L));
        return paging.PageOf(all.Where(item => item.Index > paging.AfterId).Take(paging.Limit + 1), item => item.Index, item => item.Tunnel);
    }
}
