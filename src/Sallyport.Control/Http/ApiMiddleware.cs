using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Sallyport.Api;
using Sallyport.Api.Problems;
using Sallyport.Control.Users;

namespace Sallyport.Control.Http;

/// <summary>Around every request: who asks, and every failure as problem details.</summary>
internal sealed partial class ApiMiddleware(RequestDelegate next, Tokens tokens, ILogger<ApiMiddleware> log)
{
    /// <summary>What anybody who reaches the port may read: whether we live, and the description of the interface.</summary>
    private static readonly string[] Open = ["/healthz", "/readyz", "/openapi"];

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            if (!Open.Any(path => context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal)))
            {
                if (tokens.Find(context.Request.Headers.Authorization) is not { } actor)
                {
                    context.Response.Headers.WWWAuthenticate = "Bearer";
                    await WriteAsync(context, Refusal.Unauthorized);
                    return;
                }

                actor.Attach(context);
                context.Features.Get<IConnectionStanding>()?.Authorised();
            }

            await next(context);
            if (!context.Response.HasStarted && context.Response.StatusCode is 404 or 405 or 415 && context.Response.ContentLength is null or 0)
            {
                await WriteAsync(context, WhereNothingIs(context));
            }
        }
        catch (ProblemException e)
        {
            await WriteAsync(context, e.Problem);
        }
        catch (BadHttpRequestException e)
        {
            var problem = e.InnerException is JsonException json ? JsonFault(json) : Refusal.Malformed("request", e.Message, SeeDescription);
            await WriteAsync(context, problem with { Status = e.StatusCode });
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            LogFailed(log, context.Request.Method, context.Request.Path, e);
            await WriteAsync(context, Refusal.Internal);
        }
    }

    private static Problem WhereNothingIs(HttpContext context) => context.Response.StatusCode switch
    {
        405 => Refusal.Malformed("method", $"{context.Request.Path} does not know the method {context.Request.Method}", SeeDescription) with { Status = 405 },
        415 => Refusal.Malformed("Content-Type", "the body is of another type than JSON", "send it as application/json") with { Status = 415 },
        _ => Refusal.NotFound("path", $"there is nothing at {context.Request.Path}", SeeDescription),
    };

    private static Problem JsonFault(JsonException fault)
    {
        var path = fault.Path ?? "$";
        return Refusal.Malformed(
            path is "$" or "" ? "body" : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path,
            $"the body is not the JSON that is expected, at {path}: {fault.Message.Split(" Path: ")[0].TrimEnd('.')}",
            SeeDescription);
    }

    private const string SeeDescription = "the interface is described at /openapi/v1.json";

    private static async Task WriteAsync(HttpContext context, Problem problem)
    {
        if (context.Response.HasStarted)
        {
            return;
        }

        context.Response.StatusCode = problem.Status;
        await context.Response.WriteAsJsonAsync(problem, ApiJson.Default.Problem, "application/problem+json", context.RequestAborted);
    }

    [LoggerMessage(2301, LogLevel.Error, "{Method} {Path} failed")]
    private static partial void LogFailed(ILogger logger, string method, string path, Exception e);
}
