using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Control.Http;
using Sallyport.Control.Policies.Learning;
using Sallyport.Control.Policies.Linting;
using Sallyport.Control.Policies.Mud;
using Sallyport.Control.Policies.Replaying;
using Sallyport.Control.Users;

namespace Sallyport.Control.Policies;

internal static class PolicyEndpoints
{
    public static void MapPolicies(this IEndpointRouteBuilder api)
    {
        var rules = api.MapGroup("/rules").WithTags("Rules");
        rules.MapPost("", Create).WithSummary("Allow subjects to open flows to an application, or deny it to them");
        rules.MapGet("", List).WithSummary("List rules");
        rules.MapGet("/{id:int}", Get).WithSummary("Show a rule");
        rules.MapPatch("/{id:int}", Update).WithSummary("Change when a rule is in force; flows that it allows no more are cut");
        rules.MapDelete("/{id:int}", Delete).WithSummary("Delete a rule; flows that it allowed are cut");
        api.MapGet("/whois", Whois).WithTags("Policy").WithSummary("Whose an address is or was: a handle on the gateway host, or an address of a network; of a guest's also who had it at a time");
        api.MapGet("/policy/explain", Explain).WithTags("Policy").WithSummary("Whether a flow would pass, and why");
        api.MapPost("/policy/replay", Replay).WithTags("Policy").WithSummary("Which recorded flows a draft would newly block or allow; changes nothing");
        api.MapGet("/policy/learn", Learn).WithTags("Policy").WithSummary("The smallest rules that cover what a device or group was observed to do; changes nothing");
        api.MapPost("/policy/mud", Mud).WithTags("Policy").WithSummary("The rules that a manufacturer's usage description (RFC 8520) asks for; changes nothing");
        api.MapGet("/policy/lint", Lint).WithTags("Policy").WithSummary("Rules that decide nothing, allow more than was used, or speak of nobody");
    }

    private static async Task<Created<RuleInfo>> Create(Actor actor, RuleCreate body, RuleCommands commands, HttpContext context)
    {
        var idempotency = RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.RuleCreate);
        var made = await commands.CreateAsync(actor, body, idempotency, context.RequestAborted);
        RequestParts.SetETag(context.Response, made.Revision);
        return TypedResults.Created($"/api/v1/rules/{made.Id}", made);
    }

    private static Page<RuleInfo> List(Actor actor, RuleCommands commands, string? network, int? limit, string? cursor) =>
        commands.List(actor, network, Http.Paging.Of(limit, cursor));

    private static RuleInfo Get(Actor actor, int id, RuleCommands commands, HttpContext context)
    {
        var info = commands.Get(actor, id);
        RequestParts.SetETag(context.Response, info.Revision);
        return info;
    }

    private static async Task<RuleInfo> Update(Actor actor, int id, RuleUpdate body, RuleCommands commands, HttpContext context)
    {
        var info = await commands.UpdateAsync(actor, id, body, RequestParts.RevisionOf(context.Request), context.RequestAborted);
        RequestParts.SetETag(context.Response, info.Revision);
        return info;
    }

    private static Task<CutResult> Delete(Actor actor, int id, RuleCommands commands, CancellationToken cancel) =>
        commands.DeleteAsync(actor, id, cancel);

    private static WhoisInfo Whois(Actor actor, WhoisQueries queries, string? address, string? network, int? port, string? at) =>
        queries.Find(actor, address, network, port, at);

    private static PolicyExplanation Explain(Actor actor, PolicyQueries queries, string? from, string? to, string? protocol, int? port, string? at) =>
        queries.Explain(actor, from, to, protocol, port, at);

    private static Task<ReplayReport> Replay(Actor actor, ReplayRequest body, ReplayQueries queries, CancellationToken cancel) =>
        queries.ReplayAsync(actor, body, cancel);

    private static LearnPlan Learn(
        Actor actor, LearnQueries queries, string? subject, string? network, int? days, bool? denied, CancellationToken cancel) =>
        queries.Learn(actor, subject, network, days, denied ?? false, cancel);

    private static MudPlan Mud(Actor actor, MudRequest body, MudQueries queries) => queries.Plan(actor, body);

    private static LintReport Lint(Actor actor, LintQueries queries, string? network, int? days, CancellationToken cancel) =>
        queries.Lint(actor, network, days, cancel);
}
