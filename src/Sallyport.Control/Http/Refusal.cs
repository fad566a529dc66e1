using Sallyport.Api.Problems;
using Sallyport.Control.Users;

namespace Sallyport.Control.Http;

/// <summary>The kinds of problem that the API answers with.</summary>
internal static class Refusal
{
    public static Problem Invalid(IReadOnlyList<FieldProblem> errors) => new()
    {
        Type = "urn:sallyport:problem:invalid",
        Title = errors.Count == 1 ? "One thing is wrong with the input." : $"{errors.Count} things are wrong with the input.",
        Status = 422,
        Errors = errors,
    };

    public static Problem Malformed(string detail) => new()
    {
        Type = "urn:sallyport:problem:malformed",
        Title = "The request could not be read.",
        Status = 400,
        Detail = detail,
    };

    public static Problem NotFound(string detail) => new()
    {
        Type = "urn:sallyport:problem:not-found",
        Title = "There is no such thing.",
        Status = 404,
        Detail = detail,
    };

    public static Problem Conflict(string detail, IReadOnlyList<FieldProblem>? errors = null) => new()
    {
        Type = "urn:sallyport:problem:conflict",
        Title = "What exists stands in the way.",
        Status = 409,
        Detail = detail,
        Errors = errors ?? [],
    };

    public static Problem Changed(string what, long revision) => new()
    {
        Type = "urn:sallyport:problem:changed",
        Title = "Somebody changed it in the meantime.",
        Status = 412,
        Detail = $"{what} is at revision {revision} now. Read it again, then repeat the change.",
    };

    public static Problem Unauthorized { get; } = new()
    {
        Type = "urn:sallyport:problem:unauthorized",
        Title = "A valid token is needed.",
        Status = 401,
        Detail = "Send 'Authorization: Bearer TOKEN'. The administrator's token is in admin.token in the data directory.",
    };

    public static Problem Forbidden(Actor actor, Right right) => new()
    {
        Type = "urn:sallyport:problem:forbidden",
        Title = "That is not permitted.",
        Status = 403,
        Detail = right == Right.See ? $"{actor} may not see this." : $"{actor} may not change this.",
    };

    public static Problem Internal { get; } = new()
    {
        Type = "urn:sallyport:problem:internal",
        Title = "Sallyport failed to do this; its log says why.",
        Status = 500,
    };
}
