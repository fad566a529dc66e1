using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Core.Tests.OpenVpn.Wrapping;

public class EarlyNegotiationTests
{
    [Fact]
    public void Flags_are_written_as_one_entry_and_read_back()
    {
        var payload = new byte[EarlyNegotiation.Length];
        EarlyNegotiation.Write(payload, EarlyNegotiationFlags.ResendWkc).ShouldBe(6);
        Convert.ToHexStringLower(payload).ShouldBe("000100020001");
        EarlyNegotiation.TryParse(payload, out var flags).ShouldBeTrue();
        flags.ShouldBe(EarlyNegotiationFlags.ResendWkc);
    }

    [Theory]
    [InlineData("", EarlyNegotiationFlags.None)]
    [InlineData("0007000361626300010002ff01", (EarlyNegotiationFlags)0xff01)]
    [InlineData("00090000", EarlyNegotiationFlags.None)]
    public void Unknown_entries_are_passed_over(string hex, EarlyNegotiationFlags expected)
    {
        EarlyNegotiation.TryParse(Convert.FromHexString(hex), out var flags).ShouldBeTrue();
        flags.ShouldBe(expected);
    }

    [Theory]
    [InlineData("00")]
    [InlineData("000100")]
    [InlineData("0001000200")]
    [InlineData("00010003000001")]
    [InlineData("0002ffff00")]
    public void List_that_does_not_add_up_is_refused(string hex)
    {
        EarlyNegotiation.TryParse(Convert.FromHexString(hex), out _).ShouldBeFalse();
    }

    [Fact]
    public void Client_offers_it_by_the_high_byte_of_its_counter()
    {
        EarlyNegotiation.IsOfferedBy(EarlyNegotiation.FirstPacketId).ShouldBeTrue();
        EarlyNegotiation.IsOfferedBy(0x0fffffff).ShouldBeTrue();
        EarlyNegotiation.IsOfferedBy(1).ShouldBeFalse();
        EarlyNegotiation.IsOfferedBy(0x1f000001).ShouldBeFalse();
    }
}
