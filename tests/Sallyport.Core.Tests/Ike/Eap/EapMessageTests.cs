using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Ike.Eap;

public sealed class EapMessageTests
{
    [Fact]
    public void What_is_written_is_read()
    {
        EapMessage.TryRead(EapMessage.Request(7, EapType.Tls, [1, 2, 3]), out var request).ShouldBeTrue();
        (request.Code, request.Identifier, request.Type).ShouldBe((EapCode.Request, (byte)7, EapType.Tls));
        request.Data.ToArray().ShouldBe([1, 2, 3]);
        EapMessage.TryRead(EapMessage.Response(255, EapType.Nak, [26]), out var response).ShouldBeTrue();
        (response.Code, response.Identifier, response.Type, response.Data.Length).ShouldBe((EapCode.Response, (byte)255, EapType.Nak, 1));
        EapMessage.TryRead(EapMessage.Success(9), out var success).ShouldBeTrue();
        (success.Code, success.Identifier, success.Type, success.Data.Length).ShouldBe((EapCode.Success, (byte)9, EapType.None, 0));
        EapMessage.TryRead(EapMessage.Failure(9), out var failure).ShouldBeTrue();
        failure.Code.ShouldBe(EapCode.Failure);
        EapMessage.Success(9).ShouldBe([3, 9, 0, 4]);
        EapMessage.Request(1, EapType.Identity, default).ShouldBe([1, 1, 0, 5, 1]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("01")]
    [InlineData("010000")]
    [InlineData("01000004")] // a request without a type
    [InlineData("02000004")]
    [InlineData("0100000500")] // a type that does not exist
    [InlineData("0100000601")] // shorter than it says
    [InlineData("010000050100")] // longer
    [InlineData("0100000401")]
    [InlineData("0100000001")]
    [InlineData("0300000501")] // a success with something in it
    [InlineData("0400000501")]
    [InlineData("03000003")]
    [InlineData("0000000501")]
    [InlineData("0500000501")] // codes of RFC 6696, which nobody asked for
    [InlineData("05000004")]
    [InlineData("ff000004")]
    public void What_is_no_packet_is_refused(string hex) => EapMessage.TryRead(Convert.FromHexString(hex), out _).ShouldBeFalse();

    [Fact]
    public void Identities_are_asked_for_and_told()
    {
        EapIdentity.Request(3).ShouldBe([1, 3, 0, 5, 1]);
        EapIdentity.TryReadResponse(EapIdentity.Response(3, "pump-17@plant-a"), 3, out var identity).ShouldBeTrue();
        identity.ShouldBe("pump-17@plant-a");
        EapIdentity.TryReadResponse(EapIdentity.Response(3, "pump-17"), 4, out identity).ShouldBeFalse();
        identity.ShouldBeNull();
        EapIdentity.TryReadResponse(EapIdentity.Request(3), 3, out _).ShouldBeFalse();
        EapIdentity.TryReadResponse(EapMessage.Success(3), 3, out _).ShouldBeFalse();
        EapIdentity.TryReadResponse(EapMessage.Response(3, EapType.Nak, "name"u8), 3, out _).ShouldBeFalse();
        Should.Throw<InvariantException>(() => EapIdentity.Response(3, ""));
        Should.Throw<InvariantException>(() => EapIdentity.Response(3, new string('x', EapLimits.MaxIdentity + 1)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("61006263")] // NUL
    [InlineData("611b5b324a")]
    [InlineData("0a")]
    [InlineData("ff")]
    [InlineData("e280ae61")] // letters from right to left
    public void Identities_that_cannot_be_shown_are_refused(string hex)
    {
        EapIdentity.TryReadResponse(EapMessage.Response(3, EapType.Identity, Convert.FromHexString(hex)), 3, out var identity).ShouldBeFalse();
        identity.ShouldBeNull();
        EapIdentity.TryReadResponse(EapMessage.Response(3, EapType.Identity, new byte[254]), 3, out _).ShouldBeFalse();
    }
}
