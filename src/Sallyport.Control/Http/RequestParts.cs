using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Sallyport.Control.Changes;

namespace Sallyport.Control.Http;

/// <summary>Parts of a request that endpoints read alike.</summary>
internal static class RequestParts
{
    /// <summary>The revision of If-Match; null without one.</summary>
    public static long? RevisionOf(HttpRequest request)
    {
        var text = request.Headers[HeaderNames.IfMatch].ToString();
        if (text.Length == 0 || text == "*")
        {
            return null;
        }

        if (long.TryParse(text.Replace("W/", "", StringComparison.Ordinal).Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
        {
            return revision;
        }

        var problems = new ProblemList();
        problems.Add(HeaderNames.IfMatch, "the ETag is not one of ours", "send the ETag of the last answer, unchanged");
        problems.ThrowIfAny();
        return null;
    }

    public static void SetETag(HttpResponse response, long revision) =>
        response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");

    /// <summary>The Idempotency-Key of a create, bound to what was asked; null without one.</summary>
    public static Idempotency? IdempotencyOf<T>(HttpRequest request, T body, JsonTypeInfo<T> type)
    {
        var key = request.Headers["Idempotency-Key"].ToString();
        if (key.Length == 0)
        {
            return null;
        }

        if (key.Length > Idempotency.KeyLengthMax)
        {
            var problems = new ProblemList();
            problems.Add("Idempotency-Key", $"a key of {key.Length} characters is too long", $"use at most {Idempotency.KeyLengthMax}");
            problems.ThrowIfAny();
        }

        return Idempotency.Of(key, request.Path, JsonSerializer.SerializeToUtf8Bytes(body, type));
    }
}
