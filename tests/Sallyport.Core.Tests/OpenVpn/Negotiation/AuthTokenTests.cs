using System.Text;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

public sealed class AuthTokenTests
{
    // Made with another HMAC implementation: key 00..1f, session id 01..0c, first at 1700000000, issued at 1700000600.
    private const string ForMeter7 = "SESS_ID_AT_AQIDBAUGBwgJCgsMAAAAAGVT8QAAAAAAZVPzWA3W5aoMuSt5ia5fquZsf1TrVK2v5VfDchAfhf+9wHeA";
    private const string ForNobody = "SESS_ID_AT_AQIDBAUGBwgJCgsMAAAAAGVT8QAAAAAAZVPzWEnONaMtkfTSxjdGaidH/+4J/GvE4hKLUWacEmURHrdX";

    private static readonly TimeSpan Day = TimeSpan.FromHours(24);
    private static readonly Instant Start = Instant.FromUnixSeconds(1_700_000_000);
    private static readonly Instant Issued = Instant.FromUnixSeconds(1_700_000_600);

    private readonly AuthToken _tokens = Tokens(renewalSeconds: 600);

    [Fact]
    public void A_token_made_elsewhere_is_understood()
    {
        Verify(ForMeter7, "meter-7", Issued, out var claims).ShouldBe(AuthTokenVerdict.Valid);
        claims.SessionId.ShouldBe(new UInt128(0x01020304, 0x05060708_090a0b0c));
        claims.InitialSeconds.ShouldBe(1_700_000_000);
        claims.IssuedSeconds.ShouldBe(1_700_000_600);
        ForMeter7.Length.ShouldBe(AuthToken.Length);
    }

    [Fact]
    public void A_token_for_no_name_is_good_but_told_apart()
    {
        Verify(ForNobody, "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.ValidForEmptyUsername);
        Verify(ForNobody, "", Issued, out _).ShouldBe(AuthTokenVerdict.Valid);
    }

    [Fact]
    public void A_token_of_another_user_or_key_is_forged()
    {
        Verify(ForMeter7, "meter-8", Issued, out var claims).ShouldBe(AuthTokenVerdict.Forged);
        claims.ShouldBe(default);
        using var other = new AuthToken(new byte[32], new SeededEntropy(1), TimeSpan.FromSeconds(600));
        other.Verify(Encoding.ASCII.GetBytes(ForMeter7), "meter-7", Day, Issued, out _).ShouldBe(AuthTokenVerdict.Forged);
    }

    [Fact]
    public void The_longest_name_of_a_password_gets_a_token_of_its_own()
    {
        var name = new string('n', NegotiationLimits.UsernameMax) + "#" + int.MaxValue;
        Encoding.UTF8.GetByteCount(name).ShouldBe(NegotiationLimits.TokenNameMax);
        var token = _tokens.Issue(name, Start, out _);
        Verify(token, name, Start, out _).ShouldBe(AuthTokenVerdict.Valid);
        Verify(token, name[..^1] + "6", Start, out _).ShouldBe(AuthTokenVerdict.Forged);
    }

    [Fact]
    public void An_issued_token_is_good_and_its_renewal_keeps_the_session()
    {
        var first = _tokens.Issue("meter-7", Start, out var claims);
        Verify(first, "meter-7", Start, out var read).ShouldBe(AuthTokenVerdict.Valid);
        read.ShouldBe(claims);
        _tokens.RenewAt(claims).ShouldBe(Issued);

        var renewed = claims;
        var second = _tokens.Renew("meter-7", ref renewed, Issued);
        second.ShouldNotBe(first);
        Verify(second, "meter-7", Issued, out read).ShouldBe(AuthTokenVerdict.Valid);
        read.SessionId.ShouldBe(claims.SessionId);
        read.InitialSeconds.ShouldBe(claims.InitialSeconds);

        _tokens.Issue("meter-7", Start, out var another);
        another.SessionId.ShouldNotBe(claims.SessionId);
    }

    [Theory]
    [InlineData(-1, AuthTokenVerdict.Expired)]
    [InlineData(0, AuthTokenVerdict.Valid)]
    [InlineData(1199, AuthTokenVerdict.Valid)]
    [InlineData(1200, AuthTokenVerdict.Expired)]
    public void A_token_is_good_for_two_renewals_and_not_before_its_time(int afterSeconds, AuthTokenVerdict expected) =>
        Verify(ForMeter7, "meter-7", Issued + TimeSpan.FromSeconds(afterSeconds), out _).ShouldBe(expected);

    [Theory]
    [InlineData(699, AuthTokenVerdict.Valid)]
    [InlineData(700, AuthTokenVerdict.Expired)]
    public void A_lifetime_counts_from_the_password(int afterSeconds, AuthTokenVerdict expected) =>
        _tokens.Verify(Encoding.ASCII.GetBytes(ForMeter7), "meter-7", TimeSpan.FromSeconds(700), Start + TimeSpan.FromSeconds(afterSeconds), out _)
            .ShouldBe(expected);

    [Fact]
    public void A_lifetime_is_not_lengthened_by_renewals()
    {
        _tokens.Issue("meter-7", Start, out var claims);
        for (var now = Start; now < Start + TimeSpan.FromSeconds(86_400); now += TimeSpan.FromSeconds(600))
        {
            var token = _tokens.Renew("meter-7", ref claims, now);
            Verify(token, "meter-7", now, out _).ShouldBe(AuthTokenVerdict.Valid);
        }

        var last = _tokens.Renew("meter-7", ref claims, Start + TimeSpan.FromSeconds(86_399));
        Verify(last, "meter-7", Start + TimeSpan.FromSeconds(86_400), out _).ShouldBe(AuthTokenVerdict.Expired);
    }

    [Fact]
    public void A_password_is_not_a_token()
    {
        Verify("sesame", "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.NotAToken);
        Verify("", "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.NotAToken);
        Verify("sess_id_at_", "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.NotAToken);
    }

    [Fact]
    public void Lengths_are_judged_before_content_CVE_2026_13122()
    {
        for (var length = 11; length < ForMeter7.Length; length++)
        {
            Verify(ForMeter7[..length], "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.Malformed);
        }

        Verify(ForMeter7 + "A", "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.Malformed);
        Verify(ForMeter7 + new string('A', 4000), "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.Malformed);
        Verify("SESS_ID_AT_" + new string(' ', 80), "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.Malformed);
        Verify("SESS_ID_AT_" + new string('=', 80), "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.Malformed);
        Verify(ForMeter7[..^1] + "=", "meter-7", Issued, out _).ShouldBe(AuthTokenVerdict.Malformed);
    }

    [Fact]
    public void No_changed_character_passes()
    {
        for (var i = 0; i < ForMeter7.Length; i++)
        {
            var changed = ForMeter7.ToCharArray();
            changed[i] = changed[i] == 'B' ? 'C' : 'B';
            Verify(new string(changed), "meter-7", Issued, out _).ShouldBe(i < 11 ? AuthTokenVerdict.NotAToken : AuthTokenVerdict.Forged);
        }
    }

    [Fact]
    public void Mutated_tokens_never_throw_and_never_pass()
    {
        var entropy = new SeededEntropy(13122);
        var valid = Encoding.ASCII.GetBytes(ForMeter7);
        for (var i = 0; i < 20_000; i++)
        {
            var hostile = Mutations.Mutate(valid, entropy);
            var verdict = _tokens.Verify(hostile, "meter-7", Day, Issued, out _);
            (verdict == AuthTokenVerdict.Valid).ShouldBe(hostile.AsSpan().SequenceEqual(valid));
        }
    }

    private AuthTokenVerdict Verify(string token, string username, Instant now, out AuthTokenClaims claims) =>
        _tokens.Verify(Encoding.UTF8.GetBytes(token), username, Day, now, out claims);

    private static AuthToken Tokens(int renewalSeconds) => new(
        [.. Enumerable.Range(0, 32).Select(i => (byte)i)],
        new SeededEntropy(3),
        TimeSpan.FromSeconds(renewalSeconds));
}
