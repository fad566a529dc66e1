using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Audit;
using Sallyport.Api.Paging;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Audit;

internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder api)
    {
        var audit = api.MapGroup("/audit").WithTags("Audit");
        audit.MapGet("", List).WithSummary("List audit records, newest first");
        audit.MapGet("/verify", Verify).WithSummary("Prove the whole trail");
        audit.MapGet("/export", Export).WithSummary("The whole trail as JSON lines, to be proven elsewhere");
    }

    private static Page<AuditRecord> List(Actor actor, Database database, string? action, string? subject, int? limit, string? cursor)
    {
        actor.Require(Right.See);
        var paging = Http.Paging.Of(limit, cursor);
        return database.Read(sql => paging.PageOf(
            AuditTrail.List(sql, action, subject, paging.BeforeId, paging.Limit + 1), record => record.Sequence, record => record with { Time = UnixTime.ToTime(record.At), Summary = AuditSentence.Of(record) }));
    }

    private static AuditVerification Verify(Actor actor, Database database, AuditTrail trail)
    {
        actor.Require(Right.See);
        return trail.Verify(database);
    }

    private static async Task Export(Actor actor, Database database, AuditTrail trail, HttpContext context)
    {
        actor.Require(Right.See);
        context.Response.ContentType = "application/jsonl";
        foreach (var line in trail.Export(database))
        {
            await JsonSerializer.SerializeAsync(context.Response.Body, line, ApiJson.Default.AuditExportLine, context.RequestAborted);
            await context.Response.Body.WriteAsync("\n"u8.ToArray(), context.RequestAborted);
        }
    }
}
