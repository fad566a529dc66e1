using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sallyport.Control.Http;

/// <summary>
/// A stream of events (WHATWG HTML, section 9.2) that begins before the first event, so that a client knows at once that it listens,
/// and beats every few seconds, so that both ends notice a connection that died.
/// </summary>
internal static class ServerSentEvents
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15); // below the idle limit of common proxies, 60 s

    /// <param name="listen">Begins to listen; the token ends it.</param>
    public static async Task WriteAsync<T>(
        HttpContext context, Func<CancellationToken, IAsyncEnumerable<T>> listen, Func<T, long> idOf, JsonTypeInfo<T> type, CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        var source = listen(ending.Token).GetAsyncEnumerator(ending.Token);
        var next = source.MoveNextAsync().AsTask();
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await response.WriteAsync(": listening\n\n", ending.Token);
            await response.Body.FlushAsync(ending.Token);
            while (true)
            {
                if (await Task.WhenAny(next, Task.Delay(Heartbeat, ending.Token)) != next)
                {
                    ending.Token.ThrowIfCancellationRequested();
                    await response.WriteAsync(": still here\n\n", ending.Token);
                }
                else if (await next)
                {
                    var id = idOf(source.Current).ToString(CultureInfo.InvariantCulture);
                    await response.WriteAsync($"id: {id}\ndata: {JsonSerializer.Serialize(source.Current, type)}\n\n", ending.Token);
                    next = source.MoveNextAsync().AsTask();
                }
                else
                {
                    return;
                }

                await response.Body.FlushAsync(ending.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client went away, or we stop.
        }
        finally
        {
            await ending.CancelAsync();
            // An iterator may only be disposed at rest.
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await source.DisposeAsync();
        }
    }
}
