using Microsoft.AspNetCore.Http;
using Sallyport.Control.Changes;

namespace Sallyport.Control.Nodes;

/// <summary>
/// Answers a change when the gateways run on it: what a script granted works when it goes on, and what it took is gone. A gateway that
/// does not confirm in time delays the answer and nothing else; the change is committed either way.
/// </summary>
internal sealed class AnswerWhenEnforced(GatewayLinks links, ChangeFeed feed, ControlOptions options) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var result = await next(context);
        var method = context.HttpContext.Request.Method;
        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method))
        {
            return result;
        }

        // Later changes of others may be part of it: a gateway that has those has this one.
        var version = feed.State.Version;
        var waits = links.Connected.Where(link => link.IsReady && !link.IsReadyFor(version)).Select(link => link.AcknowledgedAsync(version));
        Task all = Task.WhenAll(waits);
        await all.WaitAsync(options.CutWait).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return result;
    }
}
