using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Fleets;
using Sallyport.Control.Http;
using Sallyport.Control.Networks;
using Sallyport.Control.Users;

namespace Sallyport.Control.FleetFiles;

internal static class FleetFileEndpoints
{
    private const string Yaml = "application/yaml";

    private static readonly string[] Formats = ["yaml", "json"];

    public static void MapFleetFiles(this IEndpointRouteBuilder api)
    {
        var fleet = api.MapGroup("/fleet").WithTags("Fleet");
        fleet.MapPost("/plan", Plan).Accepts<string>(Yaml).Produces<FleetPlan>().WithSummary("What a fleet file would change, and what its tests say");
        fleet.MapPost("/apply", Apply).Accepts<string>(Yaml).Produces<FleetPlan>().WithSummary("Make the fleet as a file says, as a whole or not at all");
        fleet.MapGet("/export", Export).Produces<string>(contentType: Yaml).WithSummary("The fleet as a file");
    }

    private static async Task<FleetPlan> Plan(Actor actor, FleetFileCommands commands, HttpContext context, bool? prune)
    {
        var plan = await commands.PlanAsync(actor, await BodyAsync(context), prune ?? false, context.RequestAborted);
        RequestParts.SetETag(context.Response, plan.Version);
        return plan;
    }

    private static async Task<FleetPlan> Apply(Actor actor, FleetFileCommands commands, HttpContext context, bool? prune)
    {
        var body = await BodyAsync(context);
        var plan = await commands.ApplyAsync(actor, body, prune ?? false, RequestParts.RevisionOf(context.Request), context.RequestAborted);
        RequestParts.SetETag(context.Response, plan.Version);
        return plan;
    }

    private static IResult Export(Actor actor, FleetExport export, HttpContext context, string? network, string? format)
    {
        var problems = new ProblemList();
        var asked = format is null ? "yaml" : NetworkInput.ReadOne(format, "format", "format", Formats, problems);
        problems.ThrowIfAny();
        var (text, version) = export.Of(actor, network);
        RequestParts.SetETag(context.Response, version);
        return asked == "json" ? TypedResults.Text(FileJson.Of(text), "application/json", Encoding.UTF8) : TypedResults.Text(text, Yaml, Encoding.UTF8);
    }

    /// <summary>A little more than a file may have, so that one that is too large is told where.</summary>
    private static async Task<ReadOnlyMemory<byte>> BodyAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null; // ours is below
        }

        using var body = new MemoryStream();
        var buffer = new byte[64 << 10];
        int length;
        while (body.Length <= FleetFileLimits.BytesMax && (length = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            body.Write(buffer, 0, length);
        }

        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
