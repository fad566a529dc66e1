using Sallyport.Core.Ike.Eap;

namespace Sallyport.Core.Tests.Ike.Eap;

public sealed class EapTlsFramingTests
{
    [Theory]
    [InlineData("20", EapTlsPiece.Start)]
    [InlineData("00", EapTlsPiece.Acknowledgement)]
    [InlineData("0016", EapTlsPiece.Whole)]
    [InlineData("1f16", EapTlsPiece.Whole)] // reserved bits are nobody's business (RFC 5216 section 3.1)
    [InlineData("800000000116", EapTlsPiece.Whole)]
    [InlineData("c00000000216", EapTlsPiece.Fragment)]
    [InlineData("", EapTlsPiece.Malformed)]
    [InlineData("2000", EapTlsPiece.Malformed)] // a start with something in it
    [InlineData("6016", EapTlsPiece.Malformed)]
    [InlineData("a000000000", EapTlsPiece.Malformed)]
    [InlineData("40", EapTlsPiece.Malformed)] // nothing, and more of it
    [InlineData("4016", EapTlsPiece.Malformed)] // the first of several without the length
    [InlineData("80", EapTlsPiece.Malformed)]
    [InlineData("80000001", EapTlsPiece.Malformed)]
    [InlineData("8000000000", EapTlsPiece.Malformed)]
    [InlineData("8000000001", EapTlsPiece.Malformed)]
    [InlineData("800000000216", EapTlsPiece.Malformed)] // less than it says
    [InlineData("80000000011616", EapTlsPiece.Malformed)] // more
    [InlineData("c0000000011616", EapTlsPiece.Malformed)]
    [InlineData("c000000000", EapTlsPiece.Malformed)]
    [InlineData("c00000000016", EapTlsPiece.Malformed)]
    [InlineData("c00001000116", EapTlsPiece.TooLong)] // 65,537
    [InlineData("c0ffffffff16", EapTlsPiece.TooLong)]
    [InlineData("c08000000016", EapTlsPiece.TooLong)]
    internal void First_pieces_are_what_they_are(string data, EapTlsPiece piece) =>
        new EapTlsFraming(100).Take(Convert.FromHexString(data)).ShouldBe(piece);

    [Fact]
    public void Pieces_are_put_together()
    {
        var framing = new EapTlsFraming(100);
        framing.Take([0xc0, 0, 0, 0, 5, 1, 2]).ShouldBe(EapTlsPiece.Fragment);
        framing.Take([0x40, 3]).ShouldBe(EapTlsPiece.Fragment);
        framing.Take([0xc0, 0, 0, 0, 5, 4]).ShouldBe(EapTlsPiece.Fragment);
        framing.Take([0x00, 5]).ShouldBe(EapTlsPiece.Whole);
        framing.Message.ToArray().ShouldBe([1, 2, 3, 4, 5]);
        framing.Clear();
        framing.Take([0x00, 6]).ShouldBe(EapTlsPiece.Whole);
        framing.Message.ToArray().ShouldBe([6]);
    }

    [Theory]
    [InlineData("0003")] // ends too early
    [InlineData("00030405")] // too late
    [InlineData("40030405")]
    [InlineData("c0000000060304")] // another length
    [InlineData("00")]
    [InlineData("40")]
    [InlineData("20")]
    public void Pieces_that_do_not_fit_the_first_are_refused(string data)
    {
        var framing = new EapTlsFraming(100);
        framing.Take([0xc0, 0, 0, 0, 4, 1, 2]).ShouldBe(EapTlsPiece.Fragment);
        framing.Take(Convert.FromHexString(data)).ShouldBe(EapTlsPiece.Malformed);
    }

    [Fact]
    public void The_longest_is_taken_and_costs_no_more_than_what_came()
    {
        var framing = new EapTlsFraming(100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        framing.Take([0xc0, 0, 1, 0, 0, 1]).ShouldBe(EapTlsPiece.Fragment);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(4096, "a length that is only said makes nobody hold it");
        framing.Take([0x00, .. new byte[65535]]).ShouldBe(EapTlsPiece.Whole);
        framing.Erase();
        new EapTlsFraming(100).Take(new byte[65538]).ShouldBe(EapTlsPiece.TooLong);
    }
}
