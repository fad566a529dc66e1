using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// Passwords that may be tokens. Input: <c>way 1 | bytes</c>. Way 0: the bytes are the password. Way 1: the first 28 are claims, which are signed with
/// the server's key.
/// </summary>
internal sealed class AuthTokenTarget : FuzzTarget
{
    private const int ClaimsLength = 28;
    private const string User = "pump-17";

    private readonly byte[] _key = new Chance(11).Bytes(AuthToken.KeyLength);
    private readonly AuthToken _tokens;

    public AuthTokenTarget() =>
        _tokens = new AuthToken(_key, new Chance(12), TimeSpan.FromHours(1));

    public override string Name => "auth-token";

    public override int InputMax => 1024;

    public override IReadOnlyList<byte[]> Words => WordsOf("SESS_ID_AT_", "=", "==", "\r\n", " ", "AAAA");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        using var tokens = new AuthToken(_key, new Chance(12), TimeSpan.FromHours(1));
        var token = tokens.Issue(User, Keys.Start, out _);
        yield return ("token", [0, .. Encoding.ASCII.GetBytes(token)]);
        yield return ("of-nobody", [0, .. Encoding.ASCII.GetBytes(tokens.Issue("", Keys.Start, out _))]);
        yield return ("padded", [0, .. Encoding.ASCII.GetBytes(token[..^4] + "ab==")]);
        yield return ("password", [0, .. "correct horse"u8]);
        var seconds = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(seconds, Keys.Start.UnixSeconds);
        yield return ("signed", [1, .. new byte[12], .. seconds, .. seconds]);
        yield return ("signed-from-the-end-of-time", [1, .. new byte[12], 0x7f, 255, 255, 255, 255, 255, 255, 255, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        if (input[0] % 2 == 0)
        {
            var verdict = Verify(input[1..], probe);
            var isPlainToken = input.Length == 1 + AuthToken.Length;
            probe.That(isPlainToken || verdict is AuthTokenVerdict.Malformed or AuthTokenVerdict.NotAToken, "a token has its length");
        }
        else if (input.Length > ClaimsLength)
        {
            var claims = input.Slice(1, ClaimsLength);
            var mac = HMACSHA256.HashData(_key, (byte[])[.. Encoding.ASCII.GetBytes(User), .. claims]);
            var text = "SESS_ID_AT_" + Convert.ToBase64String([.. claims, .. mac]);
            var verdict = Verify(Encoding.ASCII.GetBytes(text), probe);
            probe.That(verdict is AuthTokenVerdict.Valid or AuthTokenVerdict.Expired, "what the key signed is genuine");
        }
    }

    private AuthTokenVerdict Verify(ReadOnlySpan<byte> password, Probe probe)
    {
        var meter = Probe.StartMeter();
        var verdict = _tokens.Verify(password, User, TimeSpan.FromDays(30), Keys.Start, out var claims);
        probe.AllocatedAtMost(meter, 0, "verifying a token");
        probe.Reach((long)verdict);
        if (verdict is AuthTokenVerdict.Valid or AuthTokenVerdict.ValidForEmptyUsername)
        {
            probe.That(claims.IssuedSeconds <= Keys.Start.UnixSeconds, "a valid token is not from the future");
            _ = _tokens.RenewAt(claims);
        }
        else if (verdict != AuthTokenVerdict.Expired)
        {
            probe.That(claims == default, "a token that is not genuine claims nothing");
        }

        return verdict;
    }
}
