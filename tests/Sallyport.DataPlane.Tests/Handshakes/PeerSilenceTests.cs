using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class PeerSilenceTests
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    private PeerSilence _silence;
    private Instant _now = Instant.FromUnixSeconds(1_800_000_000);
    private Instant _ike;
    private Instant _esp;

    public PeerSilenceTests() => _ike = _esp = _now;

    [Fact]
    public void Who_does_not_answer_for_a_period_is_demoted_and_asked_on()
    {
        AfterPeriod().ShouldBe((true, false));
        AfterPeriod().ShouldBe((true, true));
        AfterPeriod().ShouldBe((true, true));
        _ike = _now + TimeSpan.FromSeconds(29);
        AfterPeriod().ShouldBe((false, false), "it is back");
        AfterPeriod().ShouldBe((true, false), "and idle");
    }

    [Fact]
    public void Who_answers_is_never_demoted()
    {
        for (var i = 0; i < 10; i++)
        {
            var (asked, demoted) = AfterPeriod();
            demoted.ShouldBeFalse();
            _ike = asked ? _now + TimeSpan.FromMilliseconds(50) : _ike;
        }
    }

    [Fact]
    public void A_packet_since_the_question_is_an_answer()
    {
        AfterPeriod().ShouldBe((true, false));
        _esp = _now + TimeSpan.FromSeconds(1);
        AfterPeriod().ShouldBe((true, false));
        AfterPeriod().ShouldBe((true, true));
    }

    private (bool Asks, bool IsDemoted) AfterPeriod()
    {
        _now += Period;
        return (_silence.Note(_ike, _esp, Period, _now), _silence.IsDemoted);
    }
}
