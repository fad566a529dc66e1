using System.Globalization;

namespace Sallyport.Core.OpenVpn.Negotiation;

public enum AuthFailureKind : byte
{
    Permanent,

    /// <summary>TEMP: come back later.</summary>
    Temporary,

    /// <summary>SESSION: the token is no longer good, the password may be.</summary>
    TokenExpired,

    /// <summary>CRV1: the server asks a question.</summary>
    Challenge,
}

/// <summary>What an AUTH_FAILED means to our client.</summary>
/// <param name="Backoff">Seconds that the server wants us to wait; null where it does not say.</param>
/// <param name="MayAdvance">Whether the next server may be tried.</param>
/// <param name="Reason">For the user.</param>
public readonly record struct AuthFailure(AuthFailureKind Kind, int? Backoff, bool MayAdvance, string Reason)
{
    /// <param name="argument">Of a message with <see cref="ControlMessageKind.AuthFailed"/>.</param>
    public static AuthFailure Parse(string argument)
    {
        if (argument.StartsWith("SESSION:", StringComparison.Ordinal))
        {
            return new AuthFailure(AuthFailureKind.TokenExpired, null, true, argument["SESSION:".Length..].TrimStart());
        }

        if (argument.StartsWith("CRV1:", StringComparison.Ordinal))
        {
            return new AuthFailure(AuthFailureKind.Challenge, null, true, argument["CRV1:".Length..]);
        }

        return argument.StartsWith("TEMP", StringComparison.Ordinal)
            ? ParseTemporary(argument["TEMP".Length..])
            : new AuthFailure(AuthFailureKind.Permanent, null, true, argument);
    }

    private static AuthFailure ParseTemporary(string rest)
    {
        int? backoff = null;
        var mayAdvance = true;
        var close = rest.StartsWith('[') ? rest.IndexOf(']', StringComparison.Ordinal) : -1;
        if (close > 0)
        {
            foreach (var flag in rest[1..close].Split(','))
            {
                if (flag.StartsWith("backoff ", StringComparison.Ordinal)
                    && int.TryParse(flag.AsSpan("backoff ".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                {
                    backoff = seconds;
                }

                mayAdvance &= flag != "advance no";
            }

            rest = rest[(close + 1)..];
        }

        return new AuthFailure(AuthFailureKind.Temporary, backoff, mayAdvance, rest.StartsWith(':') ? rest[1..] : rest);
    }
}
