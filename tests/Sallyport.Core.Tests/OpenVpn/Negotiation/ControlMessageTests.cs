using System.Text;
using Sallyport.Core.OpenVpn.Negotiation;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

public sealed class ControlMessageTests
{
    [Theory]
    [InlineData("PUSH_REQUEST", ControlMessageKind.PushRequest, "")]
    [InlineData("PUSH_REPLY,ping 1,ping-restart 2", ControlMessageKind.PushReply, "ping 1,ping-restart 2")]
    [InlineData("PUSH_UPDATE,-dns", ControlMessageKind.PushUpdate, "-dns")]
    [InlineData("AUTH_FAILED", ControlMessageKind.AuthFailed, "")]
    [InlineData("AUTH_FAILED,no", ControlMessageKind.AuthFailed, "no")]
    [InlineData("AUTH_PENDING,timeout 90", ControlMessageKind.AuthPending, "timeout 90")]
    [InlineData("INFO,x", ControlMessageKind.Info, "x")]
    [InlineData("INFO_PRE,OPEN_URL:https://example.net", ControlMessageKind.InfoPre, "OPEN_URL:https://example.net")]
    [InlineData("CR_RESPONSE,MTIz", ControlMessageKind.CrResponse, "MTIz")]
    [InlineData("EXIT", ControlMessageKind.Exit, "")]
    [InlineData("RESTART,[N]", ControlMessageKind.Restart, "[N]")]
    [InlineData("HALT", ControlMessageKind.Halt, "")]
    [InlineData("EXITS", ControlMessageKind.Unknown, "EXITS")]
    public void Messages_have_a_verb_and_an_argument(string text, ControlMessageKind kind, string argument) =>
        Take(Encoding.ASCII.GetBytes(text + "\0")).ShouldHaveSingleItem().ShouldBe(new ControlMessage(kind, argument));

    [Fact]
    public void Several_messages_in_one_record_are_split_at_nul() => Take("PUSH_REQUEST\0EXIT\0\0HALT"u8).Select(m => m.Kind)
        .ShouldBe([ControlMessageKind.PushRequest, ControlMessageKind.Exit, ControlMessageKind.Halt]);

    [Fact]
    public void Line_ends_of_scripts_are_ignored() => Take("AUTH_FAILED,no\r\n\0"u8)
        .ShouldHaveSingleItem().ShouldBe(new ControlMessage(ControlMessageKind.AuthFailed, "no"));

    [Fact]
    public void Text_with_control_characters_is_refused_and_kept_nowhere_CVE_2024_5594()
    {
        byte[][] records =
        [
            [.. "AUTH_FAILED,\u001b[2J"u8, 0], [.. "PUSH_REPLY,a\nb"u8, 0], [.. "EXIT"u8, 0x7f, 0], [.. "INFO,"u8, 0xc3, 0x28, 0],
            [.. "INFO,a\u202eb"u8, 0], [.. "INFO,a\u2028b"u8, 0], [.. "INFO,\u0085"u8, 0],
        ];
        foreach (var record in records)
        {
            Take(record).ShouldHaveSingleItem().ShouldBe(new ControlMessage(ControlMessageKind.Unprintable, ""));
        }
    }

    [Fact]
    public void A_record_of_nul_holds_nothing() => Take(new byte[100]).ShouldBeEmpty();

    [Fact]
    public void Mutated_records_never_throw()
    {
        var entropy = new SeededEntropy(9);
        for (var i = 0; i < 20_000; i++)
        {
            foreach (var message in Take(Mutations.Mutate([.. "PUSH_REQUEST\0AUTH_FAILED,TEMP[backoff 4,advance no]:x\0"u8], entropy)))
            {
                PrintableText.IsPrintable(message.Argument).ShouldBeTrue();
                AuthFailure.Parse(message.Argument);
            }
        }
    }

    [Fact]
    public void A_message_ends_with_nul()
    {
        var plaintext = new byte[64];
        var length = ControlMessage.AuthFailed("ungültig").Write(plaintext);
        length.ShouldBe(ControlMessage.AuthFailed("ungültig").WireLength);
        plaintext.AsSpan(0, length).ToArray().ShouldBe([.. "AUTH_FAILED,ungültig"u8, 0]);
    }

    [Fact]
    public void A_reason_is_cleaned_and_cut()
    {
        ControlMessage.AuthFailed("a\nb\u001bc").Argument.ShouldBe("a?b?c");
        ControlMessage.AuthFailed(new string('x', 5000)).Argument.Length.ShouldBe(NegotiationLimits.ReasonMax);
        ControlMessage.AuthFailed("\ud83d").Argument.ShouldBe("?");
    }

    [Theory]
    [InlineData("TEMP[backoff 42,advance no]:come back", AuthFailureKind.Temporary, 42, false, "come back")]
    [InlineData("TEMP[backoff 7]:", AuthFailureKind.Temporary, 7, true, "")]
    [InlineData("TEMP:busy", AuthFailureKind.Temporary, null, true, "busy")]
    [InlineData("TEMP[backoff x", AuthFailureKind.Temporary, null, true, "[backoff x")]
    [InlineData("SESSION: token expired", AuthFailureKind.TokenExpired, null, true, "token expired")]
    [InlineData("CRV1:R,E:id:dXNlcg==:Code?", AuthFailureKind.Challenge, null, true, "R,E:id:dXNlcg==:Code?")]
    [InlineData("no", AuthFailureKind.Permanent, null, true, "no")]
    [InlineData("", AuthFailureKind.Permanent, null, true, "")]
    public void A_client_knows_what_kind_of_failure_it_is(
        string argument, AuthFailureKind kind, int? backoff, bool mayAdvance, string reason) =>
        AuthFailure.Parse(argument).ShouldBe(new AuthFailure(kind, backoff, mayAdvance, reason));

    [Fact]
    public void Our_temporary_failure_is_read_back()
    {
        AuthFailure.Parse(ControlMessage.AuthFailedTemporarily(42, mayAdvance: false, "full").Argument)
            .ShouldBe(new AuthFailure(AuthFailureKind.Temporary, 42, false, "full"));
        AuthFailure.Parse(ControlMessage.TokenExpired.Argument).Kind.ShouldBe(AuthFailureKind.TokenExpired);
        ControlMessage.AuthPending(90).ShouldBe(new ControlMessage(ControlMessageKind.AuthPending, "timeout 90"));
    }

    [Fact]
    public void A_push_is_a_row_of_messages()
    {
        var messages = ControlMessage.Push(new PushOptions { TopologySubnet = true, PingSeconds = 5 });
        messages.ShouldHaveSingleItem().ShouldBe(new ControlMessage(ControlMessageKind.PushReply, "topology subnet,ping 5"));
        messages[0].ToString().ShouldBe("PushReply");
    }

    private static List<ControlMessage> Take(ReadOnlySpan<byte> record)
    {
        var messages = new List<ControlMessage>();
        while (ControlMessage.TryTakeNext(ref record, out var message))
        {
            messages.Add(message);
        }

        return messages;
    }
}
