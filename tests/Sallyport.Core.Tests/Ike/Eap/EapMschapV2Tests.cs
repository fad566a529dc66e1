using System.Text;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Ike.Eap;

public sealed class EapMschapV2Tests
{
    private const string Name = "pump-17";
    private const byte First = 5;

    [Theory]
    [InlineData(Name)]
    [InlineData(@"PLANT-A\pump-17")]
    [InlineData("PUMP-17")]
    public void Who_knows_the_password_and_who_knows_its_hash_come_to_the_same_key(string said)
    {
        using var server = Server();
        using var client = Client("secret", said);
        var talk = new EapTalk(server, client);
        EapTalk.ShouldBeProven(talk.Run());
        talk.ToClient.Select(packet => packet[0]).ShouldBe([(byte)1, (byte)1, (byte)3]);
        talk.ToClient.Select(packet => packet[1]).ShouldBe([First, (byte)(First + 1), (byte)(First + 1)]);

        // The confirmation is the opcode alone (draft-kamath section 2.4).
        talk.ToServer[^1].ShouldBe([2, First + 1, 0, 6, 26, 3]);
    }

    [Fact]
    public void An_identity_and_a_notification_may_come_first()
    {
        using var client = Client("secret");
        var identity = client.Handle(EapIdentity.Request(4));
        EapIdentity.TryReadResponse(identity.Packet, 4, out var name).ShouldBeTrue();
        name.ShouldBe(Name);
        client.Handle(EapMessage.Request(4, EapType.Notification, "hello"u8)).Packet.ShouldBe([2, 4, 0, 5, 2]);
        client.Handle(EapMessage.Request(4, EapType.Tls, [0x20])).Packet.ShouldBe([2, 4, 0, 6, 3, 26]);
        using var server = Server();
        EapTalk.ShouldBeProven(new EapTalk(server, client).Run());
    }

    [Theory]
    [InlineData("wrong", Name)]
    [InlineData("", Name)]
    [InlineData("secret ", Name)]
    [InlineData("secret", "pump-18")]
    [InlineData("secret", @"pump-17\pump-18")]
    public void Wrong_names_and_passwords_are_refused_in_the_same_words(string password, string said)
    {
        using var server = Server();
        using var client = Client(password, said);
        var talk = new EapTalk(server, client);
        var (atServer, atClient) = talk.Run();
        (atServer.Outcome, atServer.Failure, atServer.Msk).ShouldBe((EapOutcome.Failure, EapFailure.NotProven, null));
        atServer.Packet.ShouldBe([4, First + 1, 0, 4]);
        (atClient.Outcome, atClient.Failure, atClient.Msk).ShouldBe((EapOutcome.Failure, EapFailure.Refused, null));
        atClient.Detail.ShouldBe("error 691: a wrong name or password");
        Encoding.ASCII.GetString(talk.ToClient[1].AsSpan(9)).ShouldBe("E=691 R=0 C=00000000000000000000000000000000 V=3 M=Access denied");
    }

    [Fact]
    public void A_name_that_nobody_has_is_refused_as_a_wrong_password_is()
    {
        // Even who knows the bytes that stand in for its hash: none is taken for good.
        foreach (var hash in (byte[][])[Hash("secret"), new byte[16]])
        {
            using var server = new EapMschapV2Server(Name, [], "gw", new Zeros(), First);
            using var client = new EapMschapV2Client(Name, hash, new SeededEntropy(2));
            var (atServer, atClient) = new EapTalk(server, client).Run();
            (atServer.Failure, atServer.Msk, atClient.Failure).ShouldBe((EapFailure.NotProven, null, EapFailure.Refused));
        }

        using var nameless = new EapMschapV2Server("", Hash("secret"), "gw", new SeededEntropy(1), First);
        using var anybody = new EapMschapV2Client(@"x\", Hash("secret"), new SeededEntropy(2));
        new EapTalk(nameless, anybody).Run().Server.Failure.ShouldBe(EapFailure.NotProven);
    }

    /// <summary>CVE-2015-8023: a client that confirms a success which nobody told it.</summary>
    [Theory]
    [InlineData("03")]
    [InlineData("04")]
    [InlineData("0305000453")]
    [InlineData("03050004")]
    [InlineData("")]
    [InlineData("07")]
    public void Nobody_confirms_his_way_past_the_password(string data)
    {
        using var server = Server();
        server.Start();
        var step = server.Handle(EapMessage.Response(First, EapType.MsChapV2, Convert.FromHexString(data)));
        (step.Outcome, step.Msk).ShouldBe((EapOutcome.Failure, null));
        server.Handle(EapMessage.Response(First, EapType.MsChapV2, [3])).Outcome.ShouldBe(EapOutcome.Failure);
    }

    [Fact]
    public void After_a_wrong_password_a_confirmation_of_success_is_none()
    {
        foreach (var opcode in (byte[])[3, 2, 7])
        {
            using var server = Server();
            using var client = Client("wrong");
            var refused = server.Handle(client.Handle(server.Start()).Packet);
            refused.Outcome.ShouldBe(EapOutcome.Continue);
            var step = server.Handle(EapMessage.Response(First + 1, EapType.MsChapV2, [opcode]));
            (step.Outcome, step.Failure, step.Msk).ShouldBe((EapOutcome.Failure, EapFailure.NotProven, null));
        }
    }

    [Fact]
    public void A_right_response_alone_is_not_yet_a_success()
    {
        using var server = Server();
        using var client = Client("secret");
        var step = server.Handle(client.Handle(server.Start()).Packet);
        (step.Outcome, step.Msk).ShouldBe((EapOutcome.Continue, null));

        // The client says that it does not believe us.
        step = server.Handle(EapMessage.Response(First + 1, EapType.MsChapV2, [4]));
        (step.Failure, step.Msk).ShouldBe((EapFailure.Refused, null));
    }

    [Fact]
    public void Every_changed_byte_of_the_response_is_refused()
    {
        using var reference = Server();
        using var client = Client("secret");
        var good = client.Handle(reference.Start()).Packet;
        for (var at = 0; at < good.Length; at++)
        {
            // What is reserved, and the flags, mean nothing and are not looked at (RFC 2759 section 4).
            const int peerChallenge = 10;
            if (at is >= peerChallenge + 16 and < peerChallenge + 24 or peerChallenge + 48)
            {
                continue;
            }

            byte[] changed = [.. good];
            changed[at] ^= 1;
            using var server = Server();
            server.Start();
            var step = server.Handle(changed);
            step.Msk.ShouldBeNull();
            if (step.Outcome == EapOutcome.Continue)
            {
                step.Packet[5].ShouldBe((byte)4, $"byte {at}");
                server.Handle(EapMessage.Response(First + 1, EapType.MsChapV2, [3])).Outcome.ShouldBe(EapOutcome.Failure);
            }
        }
    }

    /// <summary>CVE-2021-45079: a success that comes before its time, at each time there is.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_success_before_the_server_has_proven_itself_is_a_failure(int answers)
    {
        using var server = Server();
        using var client = Client("secret");
        if (answers > 0)
        {
            client.Handle(EapIdentity.Request(4));
        }

        if (answers > 1)
        {
            client.Handle(server.Start());
        }

        var step = client.Handle(EapMessage.Success(First));
        (step.Outcome, step.Failure, step.Msk).ShouldBe((EapOutcome.Failure, EapFailure.EarlySuccess, null));
        client.Handle(EapMessage.Success(First)).Outcome.ShouldBe(EapOutcome.Failure);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S=")]
    [InlineData("S=407A5589115FD0D6209F510FE9C04566932CDA56")]
    [InlineData("S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome")]
    [InlineData("M=Welcome")]
    public void A_server_that_does_not_know_the_password_is_not_believed(string text)
    {
        using var server = Server();
        using var client = Client("secret");
        client.Handle(server.Start());
        var step = client.Handle(Text(3, First, text));
        (step.Outcome, step.Failure, step.Msk).ShouldBe((EapOutcome.Failure, EapFailure.NotProven, null));
        client.Handle(EapMessage.Success(First + 1)).Failure.ShouldNotBe(EapFailure.None);
    }

    [Fact]
    public void The_proof_is_held_against_every_byte_and_its_end()
    {
        for (var at = 0; at <= 42; at++)
        {
            using var server = Server();
            using var client = Client("secret");
            var end = new EapTalk(server, client).Run(toClient: packet =>
            {
                if (packet.Length > 9 && packet[5] == 3)
                {
                    packet[9 + at] ^= 1;
                }

                return packet;
            });
            (end.Client.Failure, end.Client.Msk).ShouldBe((EapFailure.NotProven, null), $"byte {at}");
            end.Server.Msk.ShouldBeNull();
        }
    }

    /// <summary>CVE-2025-62291: what a server may write into its refusal.</summary>
    [Theory]
    [InlineData("E=691 R=1 C=00000000000000000000000000000000 V=3 M=no", "error 691: a wrong name or password")]
    [InlineData("E=649", "error 649")]
    [InlineData("E=", "an error without a number")]
    [InlineData("", "an error without a number")]
    [InlineData("E=99999999999999999999999999", "an error without a number")]
    [InlineData("E=-1", "an error without a number")]
    [InlineData("R=0 E=691", "an error without a number")]
    [InlineData("M=\u001b[2J", "an error without a number")]
    public void Refusals_of_all_kinds_are_read(string text, string detail)
    {
        using var server = Server();
        using var client = Client("secret");
        client.Handle(server.Start());
        client.Handle(Text(4, First, text)).Packet.ShouldBe([2, First + 1, 0, 6, 26, 4]);
        var step = client.Handle(EapMessage.Failure(First + 1));
        (step.Failure, step.Detail).ShouldBe((EapFailure.Refused, detail));
    }

    [Fact]
    public void A_success_after_a_refusal_is_a_failure()
    {
        using var server = Server();
        using var client = Client("secret");
        client.Handle(server.Start());
        client.Handle(Text(4, First, "E=691"));
        client.Handle(EapMessage.Success(First + 1)).Failure.ShouldBe(EapFailure.EarlySuccess);
    }

    [Theory]
    [InlineData("01")]
    [InlineData("0105")]
    [InlineData("010500")]
    [InlineData("01050004")]
    [InlineData("0105000510")]
    [InlineData("010500160f000102030405060708090a0b0c0d0e6777")] // 15 bytes of challenge
    [InlineData("0105001511000102030405060708090a0b0c0d0e0f")] // 17, of which one is not there
    [InlineData("0105001610000102030405060708090a0b0c0d0e0f")] // another length
    [InlineData("0005000531")]
    [InlineData("0905000531")]
    public void Challenges_that_are_none_are_refused(string data)
    {
        using var client = Client("secret");
        var step = client.Handle(EapMessage.Request(1, EapType.MsChapV2, Convert.FromHexString(data)));
        (step.Outcome, step.Failure, step.Packet.Length).ShouldBe((EapOutcome.Failure, EapFailure.Malformed, 0));
    }

    [Fact]
    public void Packets_out_of_their_order_end_it()
    {
        using var server = Server();
        using var client = Client("secret");
        var challenge = server.Start();
        var response = client.Handle(challenge).Packet;

        // The server hears what is no answer to its question, and the client a question that it has answered.
        byte[] old = [.. response];
        old[1]--;
        using var other = Server();
        other.Start();
        other.Handle(old).Failure.ShouldBe(EapFailure.OutOfOrder);
        other.Handle(response).Failure.ShouldBe(EapFailure.OutOfOrder);
        client.Handle(challenge).Failure.ShouldBe(EapFailure.OutOfOrder);

        server.Handle(response).Outcome.ShouldBe(EapOutcome.Continue);
        server.Handle(response).Failure.ShouldBe(EapFailure.OutOfOrder);
        server.Handle(EapMessage.Response(First + 1, EapType.MsChapV2, [3])).Msk.ShouldBeNull();
    }

    [Theory]
    [InlineData("02050006030d", EapFailure.OtherMethodWanted)] // Nak: TLS
    [InlineData("020500060300", EapFailure.OtherMethodWanted)] // Nak: nothing
    [InlineData("02050005fe", EapFailure.OtherMethodWanted)]
    [InlineData("0205000501", EapFailure.OutOfOrder)] // an identity that nobody asked for
    [InlineData("020500060d00", EapFailure.OutOfOrder)]
    [InlineData("010500061a03", EapFailure.OutOfOrder)] // a request
    [InlineData("03050004", EapFailure.OutOfOrder)] // a success from the client
    [InlineData("020600061a03", EapFailure.OutOfOrder)]
    [InlineData("0205", EapFailure.Malformed)]
    public void Answers_of_other_kinds_end_it(string packet, EapFailure failure)
    {
        using var server = Server();
        server.Start();
        var step = server.Handle(Convert.FromHexString(packet));
        (step.Outcome, step.Failure, step.Msk).ShouldBe((EapOutcome.Failure, failure, null));
        step.Packet.ShouldBe([4, First, 0, 4]);
    }

    [Fact]
    public void A_nak_is_an_answer_to_the_first_question_alone()
    {
        using var server = Server();
        using var client = Client("secret");
        server.Handle(client.Handle(server.Start()).Packet);
        server.Handle(EapMessage.Response(First + 1, EapType.Nak, [13])).Failure.ShouldBe(EapFailure.OutOfOrder);
    }

    [Fact]
    public void Within_the_method_nothing_else_is_asked_and_a_talk_has_an_end()
    {
        using var server = Server();
        using var client = Client("secret");
        client.Handle(server.Start());
        client.Handle(EapIdentity.Request(9)).Failure.ShouldBe(EapFailure.OutOfOrder);

        using var patient = Client("secret");
        var steps = Enumerable.Range(0, EapLimits.MaxRounds + 1).Select(i => patient.Handle(EapIdentity.Request((byte)i))).ToList();
        steps[^2].Outcome.ShouldBe(EapOutcome.Continue);
        (steps[^1].Outcome, steps[^1].Failure).ShouldBe((EapOutcome.Failure, EapFailure.TooLong));
    }

    [Fact]
    public void Challenges_are_never_the_same_and_an_old_response_fits_no_new_one()
    {
        var entropy = new SeededEntropy(9);
        EapMschapV2Server New() => new(Name, Hash("secret"), "gw", entropy, First);
        using var one = New();
        using var two = New();
        using var client = Client("secret");
        var first = one.Start();
        two.Start().ShouldNotBe(first);
        two.Handle(client.Handle(first).Packet).Packet[5].ShouldBe((byte)4);
    }

    [Fact]
    public void Keys_are_not_to_be_had_after_the_end()
    {
        var server = Server();
        var client = Client("secret");
        var end = new EapTalk(server, client).Run();
        server.Handle(EapMessage.Response(First + 1, EapType.MsChapV2, [3])).Msk.ShouldBeNull();
        client.Handle(EapMessage.Success(First + 1)).Msk.ShouldBeNull();
        server.Dispose();
        client.Dispose();

        // What was handed over is the caller's.
        end.Server.Msk!.Bytes.SequenceEqual(end.Client.Msk!.Bytes).ShouldBeTrue();
    }

    private static byte[] Text(byte opcode, byte identifier, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return EapMessage.Request(First + 1, EapType.MsChapV2, [opcode, identifier, 0, (byte)(bytes.Length + 4), .. bytes]);
    }

    private static EapMschapV2Server Server() => new(Name, Hash("secret"), "gw", new SeededEntropy(1), First);

    private static EapMschapV2Client Client(string password, string name = Name) => new(name, Hash(password), new SeededEntropy(2));

    private static byte[] Hash(string password)
    {
        var hash = new byte[MsChapV2.HashLength];
        MsChapV2.Hash(password, hash);
        return hash;
    }

    private sealed class Zeros : IEntropy
    {
        public void Fill(Span<byte> bytes) => bytes.Clear();
    }
}
