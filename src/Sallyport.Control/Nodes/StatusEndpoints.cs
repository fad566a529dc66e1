using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Gateways;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Pki;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Nodes;

internal static class StatusEndpoints
{
    public static void MapStatus(this IEndpointRouteBuilder api)
    {
        api.MapGet("/status", Status).WithTags("Status").WithSummary("The installation in one look");
        api.MapGet("/gateways", Gateways).WithTags("Status").WithSummary("List gateways");
    }

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapGet("/healthz", Live).ExcludeFromDescription();
        app.MapGet("/readyz", Ready).ExcludeFromDescription();
        app.MapGet("/metrics", Metrics).ExcludeFromDescription();
    }

    private static StatusInfo Status(
        Actor actor, ControlOptions options, ChangeFeed feed, GatewayLinks links, TunnelRegistry tunnels, CertificateAuthority authority)
    {
        actor.Require(Right.See);
        var fleet = feed.State;
        return new StatusInfo
        {
            Version = ControlHost.SoftwareVersion,
            Endpoint = options.Endpoint,
            OpenVpnPort = options.OpenVpnUdpPort > 0 ? options.OpenVpnUdpPort : options.OpenVpnTcpPort,
            IkePort = options.IkePort,
            IkeNatPort = options.IkeNatPort,
            ModelVersion = fleet.Version,
            Networks = fleet.Networks.Count,
            Devices = fleet.Identities.Values.Count(identity => identity.Kind == "device"),
            Sites = fleet.Identities.Values.Count(identity => identity.Kind == "site"),
            TunnelsUp = tunnels.CountUp(),
            RootFingerprint = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(authority.Root.RawData)),
            Gateways = links.List(),
        };
    }

    private static Page<GatewayInfo> Gateways(Actor actor, GatewayLinks links)
    {
        actor.Require(Right.See);
        return new Page<GatewayInfo>(links.List(), null);
    }

    private static ContentHttpResult Live() => TypedResults.Text("ok\n");

    /// <summary>Devices can come in: the store answers, and a gateway listens with the newest model.</summary>
    private static ContentHttpResult Ready(Database database, GatewayLinks links, ChangeFeed feed)
    {
        database.Read(sql => sql.ExecuteScalar<int>("SELECT 1"));
        return links.AnyReadyFor(feed.State.Version)
            ? TypedResults.Text("ready\n")
            : TypedResults.Text("no gateway is ready\n", statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static ContentHttpResult Metrics(Actor actor, MetricsText metrics)
    {
        actor.Require(Right.See);
        return TypedResults.Text(metrics.Write(), "text/plain; version=0.0.4; charset=utf-8");
    }
}
