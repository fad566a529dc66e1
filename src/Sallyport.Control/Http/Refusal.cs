using Sallyport.Api.Problems;
using Sallyport.Control.Users;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Http;

/// <summary>
/// The kinds of problem that the API answers with. Whatever the caller can do something about says what is wrong, where, and how to put it
/// right; there is no way to make one without.
/// </summary>
internal static class Refusal
{
    public static FieldProblem Field(string field, string message, string hint)
    {
        Invariant.Check(field.Length > 0 && message.Length > 0 && hint.Length > 0, "a problem says what, where and how to mend it");
        return new FieldProblem(field, message, hint);
    }

    public static Problem Invalid(IReadOnlyList<FieldProblem> errors) => new()
    {
        Type = "urn:sallyport:problem:invalid",
        Title = errors.Count == 1 ? "One thing is wrong with the input." : $"{errors.Count} things are wrong with the input.",
        Status = 422,
        Errors = errors,
    };

    /// <summary>Nothing is wrong but names that stand for nothing.</summary>
    public static Problem Unknown(IReadOnlyList<FieldProblem> errors) => Invalid(errors) with { Type = Problem.UnknownName };

    /// <summary>A fleet file whose own tests fail on what it leads to.</summary>
    public static Problem Broken(IReadOnlyList<FieldProblem> failed) => Invalid(failed) with
    {
        Type = Problem.TestFailed,
        Title = failed.Count == 1 ? "One test of the file fails; nothing was changed." : $"{failed.Count} tests of the file fail; nothing was changed.",
    };

    public static Problem Malformed(string field, string message, string hint) => new()
    {
        Type = "urn:sallyport:problem:malformed",
        Title = "The request could not be read.",
        Status = 400,
        Errors = [Field(field, message, hint)],
        Detail = Sentences(message, hint),
    };

    public static Problem NotFound(string field, string message, string hint) => new()
    {
        Type = "urn:sallyport:problem:not-found",
        Title = "There is no such thing.",
        Status = 404,
        Errors = [Field(field, message, hint)],
        Detail = Sentences(message, hint),
    };

    public static Problem Conflict(string field, string message, string hint) => Conflict([Field(field, message, hint)]);

    public static Problem Conflict(IReadOnlyList<FieldProblem> errors) => new()
    {
        Type = "urn:sallyport:problem:conflict",
        Title = "What exists stands in the way.",
        Status = 409,
        Detail = Sentences(errors[0].Message, errors[0].Hint),
        Errors = errors,
    };

    public static Problem Changed(string what, long revision) => new()
    {
        Type = "urn:sallyport:problem:changed",
        Title = "Somebody changed it in the meantime.",
        Status = 412,
        Detail = Sentences($"{what} is at revision {revision} now", ReadAgain),
        Errors = [Field("If-Match", $"{what} is at revision {revision} now", ReadAgain)],
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
        Detail = (right == Right.See ? $"{actor} may not see this." : $"{actor} may not change this.") + " Ask an administrator who may.",
    };

    public static Problem Internal { get; } = new()
    {
        Type = "urn:sallyport:problem:internal",
        Title = "Sallyport failed to do this; its log says why.",
        Status = 500,
        Detail = "Nothing is wrong with the request. See sallyportd.log in the data directory, or the journal.",
    };

    private const string ReadAgain = "read it again, then repeat the change";

    private static string Sentences(string message, string hint) => $"{Sentence(message)} {Sentence(hint)}";

    private static string Sentence(string text)
    {
        var capital = char.ToUpperInvariant(text[0]) + text[1..];
        return capital[^1] is '.' or '?' ? capital : capital + ".";
    }
}
