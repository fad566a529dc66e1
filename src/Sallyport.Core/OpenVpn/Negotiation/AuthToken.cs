using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

public enum AuthTokenVerdict : byte
{
    Valid,

    /// <summary>
    /// Good, but made for no user name: OpenVPN 3 clients drop the name. The caller decides whether the certificate says enough.
    /// </summary>
    ValidForEmptyUsername,

    /// <summary>The password does not begin as our tokens do: it is a password.</summary>
    NotAToken,

    Malformed,

    /// <summary>Not made with this key for this user.</summary>
    Forged,

    /// <summary>Genuine, but too old, or from a time to come.</summary>
    Expired,
}

/// <summary>What a genuine token says.</summary>
/// <param name="SessionId">12 random bytes; stays the same over every renewal, and must within a session.</param>
/// <param name="InitialSeconds">When its user last gave a password: Unix seconds.</param>
/// <param name="IssuedSeconds">When this one was made: Unix seconds.</param>
public readonly record struct AuthTokenClaims(UInt128 SessionId, long InitialSeconds, long IssuedSeconds);

/// <summary>
/// Tokens of `auth-gen-token`: the client gives one in place of its password, so that reconnecting asks nobody.
/// SESS_ID_AT_ and the base64 of session id 12 | initial 8 | issued 8 | HMAC-SHA256(key, user name | the 28 before) 32.
/// </summary>
public sealed class AuthToken : IDisposable
{
    public const int KeyLength = 32;

    /// <summary>Characters of every token.</summary>
    public const int Length = PrefixLength + (BinaryLength / 3 * 4);

    private const int PrefixLength = 11;
    private const int SessionIdLength = 12;
    private const int ClaimsLength = SessionIdLength + 8 + 8;
    private const int MacLength = 32;
    private const int BinaryLength = ClaimsLength + MacLength;

    private readonly byte[] _key;
    private readonly IEntropy _entropy;
    private readonly long _renewalSeconds;

    /// <param name="key">32 bytes, the same on every server that takes the tokens; a copy is kept until this is disposed.</param>
    /// <param name="renewal">How often a live session gets a new token. One not renewed is good for twice as long.</param>
    public AuthToken(ReadOnlySpan<byte> key, IEntropy entropy, TimeSpan renewal)
    {
        Invariant.Check(key.Length == KeyLength, "a token key has 32 bytes");
        Invariant.Check(renewal >= TimeSpan.FromSeconds(1), "a token is good for some time");
        _key = key.ToArray();
        _entropy = entropy;
        _renewalSeconds = (long)renewal.TotalSeconds;
    }

    private static ReadOnlySpan<byte> Prefix => "SESS_ID_AT_"u8;

    /// <summary>After a password was good.</summary>
    public string Issue(string username, Instant now, out AuthTokenClaims claims)
    {
        Span<byte> sessionId = stackalloc byte[16];
        _entropy.Fill(sessionId[(16 - SessionIdLength)..]);
        claims = new AuthTokenClaims(BinaryPrimitives.ReadUInt128BigEndian(sessionId), now.UnixSeconds, now.UnixSeconds);
        return Write(username, claims);
    }

    /// <summary>For a session that goes on: same session id and beginning, new date.</summary>
    public string Renew(string username, ref AuthTokenClaims claims, Instant now)
    {
        claims = claims with { IssuedSeconds = now.UnixSeconds };
        return Write(username, claims);
    }

    /// <summary>When <see cref="Renew"/> is due.</summary>
    public Instant RenewAt(AuthTokenClaims claims) => Instant.FromUnixSeconds(claims.IssuedSeconds + _renewalSeconds);

    /// <param name="password">As the client sent it: anything at all.</param>
    /// <param name="lifetime">From the password on, however often the token was renewed since.</param>
    /// <param name="claims">Only with Valid, ValidForEmptyUsername and Expired.</param>
    public AuthTokenVerdict Verify(ReadOnlySpan<byte> password, string username, TimeSpan lifetime, Instant now, out AuthTokenClaims claims)
    {
        Invariant.Check(lifetime > TimeSpan.Zero, "a token has an end");
        claims = default;
        if (!password.StartsWith(Prefix))
        {
            return AuthTokenVerdict.NotAToken;
        }

        // Lengths before content (CVE-2026-13122). 60 bytes need no padding; the decoder would skip white space, which makes it shorter.
        Span<byte> binary = stackalloc byte[BinaryLength];
        if (password.Length != Length
            || Base64.DecodeFromUtf8(password[PrefixLength..], binary, out _, out var written) != System.Buffers.OperationStatus.Done
            || written != BinaryLength)
        {
            return AuthTokenVerdict.Malformed;
        }

        Span<byte> mac = stackalloc byte[MacLength];
        Mac(username, binary[..ClaimsLength], mac);
        var isForUser = CryptographicOperations.FixedTimeEquals(mac, binary[ClaimsLength..]);
        Mac("", binary[..ClaimsLength], mac);
        var isForNobody = CryptographicOperations.FixedTimeEquals(mac, binary[ClaimsLength..]);
        CryptographicOperations.ZeroMemory(mac);
        if (!isForUser && !isForNobody)
        {
            return AuthTokenVerdict.Forged;
        }

        claims = ReadClaims(binary);
        return IsCurrent(claims, (long)lifetime.TotalSeconds, now.UnixSeconds)
            ? isForUser ? AuthTokenVerdict.Valid : AuthTokenVerdict.ValidForEmptyUsername
            : AuthTokenVerdict.Expired;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);

    private bool IsCurrent(AuthTokenClaims claims, long lifetime, long now) =>
        claims.IssuedSeconds <= now
        && now < claims.IssuedSeconds + (2 * _renewalSeconds)
        && now < claims.InitialSeconds + lifetime;

    private static AuthTokenClaims ReadClaims(ReadOnlySpan<byte> binary)
    {
        Span<byte> sessionId = stackalloc byte[16];
        sessionId.Clear();
        binary[..SessionIdLength].CopyTo(sessionId[(16 - SessionIdLength)..]);
        return new AuthTokenClaims(
            BinaryPrimitives.ReadUInt128BigEndian(sessionId),
            BinaryPrimitives.ReadInt64BigEndian(binary[SessionIdLength..]),
            BinaryPrimitives.ReadInt64BigEndian(binary[(SessionIdLength + 8)..]));
    }

    private string Write(string username, AuthTokenClaims claims)
    {
        Span<byte> binary = stackalloc byte[BinaryLength];
        Span<byte> sessionId = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(sessionId, claims.SessionId);
        sessionId[(16 - SessionIdLength)..].CopyTo(binary);
        BinaryPrimitives.WriteInt64BigEndian(binary[SessionIdLength..], claims.InitialSeconds);
        BinaryPrimitives.WriteInt64BigEndian(binary[(SessionIdLength + 8)..], claims.IssuedSeconds);
        Mac(username, binary[..ClaimsLength], binary[ClaimsLength..]);
        return "SESS_ID_AT_" + Convert.ToBase64String(binary);
    }

    private void Mac(string username, ReadOnlySpan<byte> claims, Span<byte> mac)
    {
        Invariant.Check(
            Encoding.UTF8.GetByteCount(username) <= NegotiationLimits.TokenNameMax, "a user name was measured when it was parsed");
        Span<byte> text = stackalloc byte[NegotiationLimits.TokenNameMax + ClaimsLength];
        var length = Encoding.UTF8.GetBytes(username, text[..NegotiationLimits.TokenNameMax]);
        claims.CopyTo(text[length..]);
        HMACSHA256.HashData(_key, text[..(length + ClaimsLength)], mac);
    }
}
