using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.Ike.Eap;

public sealed class EapTlsTests : IDisposable
{
    private const byte First = 250;

    private readonly TestPki _pki = new();
    private readonly TestPki _foreign = new("Another root");
    private readonly List<IDisposable> _made = [];

    public static TheoryData<TlsVersion, int> VersionsAndLengths
    {
        get
        {
            var data = new TheoryData<TlsVersion, int>();
            foreach (var version in (TlsVersion[])[TlsVersion.Tls12, TlsVersion.Tls13])
            {
                foreach (var length in (int[])[64, 100, 500, 1024, 1400, EapLimits.MaxTlsMessage])
                {
                    data.Add(version, length);
                }
            }

            return data;
        }
    }

    public static TheoryData<TlsVersion> Versions => [TlsVersion.Tls12, TlsVersion.Tls13];

    public void Dispose()
    {
        _made.ForEach(one => one.Dispose());
        _pki.Dispose();
        _foreign.Dispose();
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Theory]
    [MemberData(nameof(VersionsAndLengths))]
    public void Certificates_prove_both_sides_whatever_the_length_of_packets(TlsVersion version, int length)
    {
        var (server, client) = Pair(version, length: length);
        var talk = new EapTalk(server, client);
        EapTalk.ShouldBeProven(talk.Run());
        server.PeerCertificateDer.ShouldBe(_device!.ChainDer[0]);
        talk.ToClient[0].ShouldBe([1, First, 0, 6, 13, 0x20]);
        talk.ToServer.Concat(talk.ToClient).ShouldAllBe(packet => packet.Length <= 4 + 1 + 1 + 4 + length);

        // Numbers go on behind 255, and the last answer is nothing but "go on".
        talk.ToClient.SkipLast(1).Select((packet, i) => packet[1] - (byte)(First + i)).ShouldAllBe(difference => difference == 0);
        talk.ToServer[^1].AsSpan(4).ToArray().ShouldBe([13, 0]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Large_chains_pass_in_pieces(TlsVersion version)
    {
        _device = _pki.IssueLarge("device", 25_000, TestPki.ClientAuth);
        var (server, client) = Pair(version);
        EapTalk.ShouldBeProven(new EapTalk(server, client).Run());
    }

    /// <summary>RFC 5216 section 2.3, RFC 9190 section 2.3; the labels and lengths are libssl's own business here.</summary>
    [Theory]
    [MemberData(nameof(Versions))]
    public void A_client_that_shares_no_code_with_ours_comes_to_the_key_of_the_rfcs(TlsVersion version)
    {
        using var server = new EapTlsServer(ServerContext(version), TestPki.Now, First);
        using var tls = new TlsPump(ClientContext(version), TestPki.Now, ownRecords: false);
        var packet = server.Start();
        var step = (EapStep?)null;
        tls.Handshake();
        while (step?.Outcome != EapOutcome.Success)
        {
            var said = TlsPair.DrainAll(tls);
            step = server.Handle(EapMessage.Response(packet[1], EapType.Tls, [0, .. said]));
            step.Outcome.ShouldNotBe(EapOutcome.Failure, step.Detail);
            packet = step.Packet;
            if (packet.Length > 6)
            {
                // Large enough for everything at once: nothing is in pieces, so that only the flags are in front.
                (packet[5] & 0xe0).ShouldBe(0);
                tls.Feed(packet.AsSpan(6));
                tls.Handshake();
            }
        }

        var material = new byte[128];
        var room = new byte[10];
        if (version == TlsVersion.Tls13)
        {
            tls.Read(room, out var count).ShouldBe(TlsStatus.Done);
            (count, room[0]).ShouldBe((1, (byte)0));
            tls.TryExport("EXPORTER_EAP_TLS_Key_Material"u8, [13], material).ShouldBeTrue();
            var half = new byte[64];
            tls.TryExport("EXPORTER_EAP_TLS_Key_Material"u8, [13], half).ShouldBeTrue();
            half.ShouldNotBe(material[..64], "the length is part of what is derived");
        }
        else
        {
            tls.TryExport("client EAP encryption"u8, material).ShouldBeTrue();
        }

        step.Msk!.Bytes.ToArray().ShouldBe(material[..64]);
        material[64..].ShouldNotBe(material[..64]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_server_that_shares_no_code_with_ours_is_believed_when_it_is_done(TlsVersion version)
    {
        using var tls = new TlsPump(ServerContext(version), TestPki.Now, ownRecords: false);
        using var client = new EapTlsClient(ClientContext(version), "device", TestPki.Now, 60_000);
        byte identifier = 7;
        var step = client.Handle(EapMessage.Request(identifier, EapType.Tls, [0x20]));
        var isDone = false;
        while (!isDone)
        {
            tls.Feed(step.Packet.AsSpan(6));
            isDone = tls.Handshake() == TlsStatus.Done;
            if (isDone && version == TlsVersion.Tls13)
            {
                tls.Write([0]).ShouldBe(TlsStatus.Done);
            }

            step = client.Handle(EapMessage.Request(++identifier, EapType.Tls, [0, .. TlsPair.DrainAll(tls)]));
            step.Outcome.ShouldBe(EapOutcome.Continue, step.Detail);
        }

        step.Packet.ShouldBe([2, identifier, 0, 6, 13, 0]);
        step = client.Handle(EapMessage.Success(identifier));
        step.Outcome.ShouldBe(EapOutcome.Success);
        step.Msk!.Length.ShouldBe(64);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Certificates_of_others_are_refused_by_the_server(TlsVersion version)
    {
        _device = _foreign.Issue("device", TestPki.ClientAuth);
        ShouldBeRefusedByServer(version, TlsFailure.UnknownIssuer);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Certificates_of_servers_are_refused_by_the_server(TlsVersion version)
    {
        _device = _pki.Issue("device", TestPki.ServerAuth);
        ShouldBeRefusedByServer(version, TlsFailure.WrongPurpose);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Clients_without_a_certificate_are_refused_by_the_server(TlsVersion version)
    {
        _hasCertificate = false;
        ShouldBeRefusedByServer(version, TlsFailure.NoCertificate);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Expired_certificates_are_refused_by_the_server(TlsVersion version)
    {
        var (server, client) = Pair(version, serverNow: TestPki.At(TestPki.NotAfter.AddDays(1)));
        var (atServer, atClient) = new EapTalk(server, client).Run();
        (atServer.Failure, server.TlsFailure, atServer.Msk).ShouldBe((EapFailure.NotProven, TlsFailure.CertificateExpired, null));
        atClient.Msk.ShouldBeNull();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Servers_of_others_are_refused_by_the_client(TlsVersion version)
    {
        _gateway = _foreign.Issue("gateway", TestPki.ServerAuth);
        ShouldBeRefusedByClient(version, TlsFailure.UnknownIssuer);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Devices_that_pose_as_the_server_are_refused_by_the_client(TlsVersion version)
    {
        _gateway = _pki.Issue("another device", TestPki.ClientAuth);
        ShouldBeRefusedByClient(version, TlsFailure.WrongPurpose);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Devices_without_a_purpose_that_pose_as_the_server_are_refused_by_the_client(TlsVersion version)
    {
        _gateway = _pki.Issue("another device");
        var (server, client) = Pair(version);
        var (atServer, atClient) = new EapTalk(server, client).Run();
        (atServer.Msk, atClient.Msk, client.TlsFailure).ShouldBe((null, null, TlsFailure.WrongPurpose));
    }

    [Fact]
    public void A_server_that_requires_no_certificate_is_none_for_eap()
    {
        var gateway = _pki.Issue("gateway", TestPki.ServerAuth);
        using var lax = TlsContext.CreateServer(
            new() { ChainDer = gateway.ChainDer, PrivateKeyPkcs8 = gateway.Pkcs8, AnchorsDer = [_pki.RootDer], RequireClientCertificate = false });
        Should.Throw<InvariantException>(() => new EapTlsServer(lax, TestPki.Now, First));
        Should.Throw<InvariantException>(() => new EapTlsServer(ClientContext(TlsVersion.Tls13), TestPki.Now, First));
        Should.Throw<InvariantException>(() => new EapTlsClient(ServerContext(TlsVersion.Tls13), "device", TestPki.Now));
    }

    /// <summary>CVE-2021-45079 and CVE-2023-26463: at no point before the end is a success one, and nothing of ours says so.</summary>
    [Theory]
    [MemberData(nameof(Versions))]
    public void A_success_at_any_earlier_point_is_a_failure(TlsVersion version)
    {
        // Two heads, of which one has heard everything and the other a success in the place of packet number i.
        for (var i = 0; ; i++)
        {
            var (server, client) = Pair(version, length: 400);
            var packet = server.Start();
            var heard = 0;
            EapStep? step = null;
            while (heard < i && step?.Outcome is null or EapOutcome.Continue)
            {
                step = client.Handle(packet);
                heard++;
                var answer = server.Handle(step.Packet);
                packet = answer.Packet;
                if (answer.Outcome == EapOutcome.Success)
                {
                    // The client has heard all that the server had to prove: from here on it may believe it.
                    client.Handle(packet).Outcome.ShouldBe(EapOutcome.Success);
                    i.ShouldBeGreaterThan(4);
                    return;
                }
            }

            var early = client.Handle(EapMessage.Success(packet[1]));
            (early.Outcome, early.Failure, early.Msk).ShouldBe((EapOutcome.Failure, EapFailure.EarlySuccess, null), $"after {heard} packets");
            client.Handle(packet).Outcome.ShouldBe(EapOutcome.Failure);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Going_on_without_a_handshake_leads_nowhere(TlsVersion version)
    {
        // A client that says nothing but "go on" at any point where the server waits for more than that.
        for (var i = 0; i < 3; i++)
        {
            var (server, client) = Pair(version, length: 60_000);
            var packet = server.Start();
            for (var heard = 0; heard < i; heard++)
            {
                packet = server.Handle(client.Handle(packet).Packet).Packet;
            }

            var step = server.Handle(EapMessage.Response(packet[1], EapType.Tls, [0]));
            var isDone = i == 2;
            step.Outcome.ShouldBe(isDone ? EapOutcome.Success : EapOutcome.Failure, $"after {i} packets");
            (step.Msk is null, server.PeerCertificateDer is null).ShouldBe((!isDone, !isDone));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Changed_packets_prove_nothing(TlsVersion version)
    {
        // Every packet in turn, at its front, its middle and its end.
        for (var number = 0; number < 7; number++)
        {
            foreach (var towardsServer in (bool[])[true, false])
            {
                foreach (var place in (double[])[0.3, 0.6, 0.99])
                {
                    var (server, client) = Pair(version, length: 60_000);
                    var seen = 0;
                    var isChanged = false;
                    byte[] Change(byte[] packet)
                    {
                        if (seen++ == number && packet.Length > 10)
                        {
                            packet = [.. packet];
                            packet[6 + (int)((packet.Length - 7) * place)] ^= 0x10;
                            isChanged = true;
                        }

                        return packet;
                    }

                    var end = new EapTalk(server, client).Run(toServer: towardsServer ? Change : null, toClient: towardsServer ? null : Change);
                    if (isChanged)
                    {
                        (end.Server.Msk, end.Client.Msk).ShouldBe((null, null), $"packet {number} to {(towardsServer ? "server" : "client")}");
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Cut_repeated_and_lost_packets_end_it(TlsVersion version)
    {
        for (var number = 0; number < 12; number++)
        {
            byte[]? previous = null;
            var seen = 0;

            // Cut short, with a length that is right for what is left.
            var (server, client) = Pair(version, length: 300);
            var cut = new EapTalk(server, client).Run(toServer: packet => seen++ == number && packet.Length > 20
                ? EapMessage.Response(packet[1], EapType.Tls, packet.AsSpan(5, packet.Length - 6)) : packet);

            // The same again, under the number that is due.
            seen = 0;
            (server, client) = Pair(version, length: 300);
            var repeated = new EapTalk(server, client).Run(toServer: packet =>
            {
                var sent = seen++ == number && previous is { Length: > 6 } ? EapMessage.Response(packet[1], EapType.Tls, previous.AsSpan(5)) : packet;
                previous = packet;
                return sent;
            });

            // An old number.
            seen = 0;
            (server, client) = Pair(version, length: 300);
            var old = new EapTalk(server, client).Run(toServer: packet => seen++ == number ? [packet[0], (byte)(packet[1] - 1), .. packet.AsSpan(2)] : packet);
            foreach (var end in new[] { cut, repeated, old })
            {
                // Beyond the last packet nothing was done to it.
                if (end.Server.Outcome == EapOutcome.Success)
                {
                    EapTalk.ShouldBeProven(end);
                }
                else
                {
                    end.Server.Msk.ShouldBeNull();
                    (end.Server.Outcome, end.Client.Outcome).ShouldBe((EapOutcome.Failure, EapOutcome.Failure));
                }
            }

            (old.Server.Failure == EapFailure.OutOfOrder || old.Server.Outcome == EapOutcome.Success).ShouldBeTrue();
            (number > 0 || cut.Server.Outcome == EapOutcome.Failure).ShouldBeTrue();
        }
    }

    [Fact]
    public void Data_that_have_no_place_are_refused_by_the_client()
    {
        // RFC 9190 section 2.5: one byte, and it is 0.
        foreach (var data in (byte[][])[[1], [0, 0], "hello"u8.ToArray()])
        {
            using var tls = new TlsPump(ServerContext(TlsVersion.Tls13), TestPki.Now, ownRecords: false);
            using var client = new EapTlsClient(ClientContext(TlsVersion.Tls13), "device", TestPki.Now, 60_000);
            var step = client.Handle(EapMessage.Request(1, EapType.Tls, [0x20]));
            tls.Feed(step.Packet.AsSpan(6));
            tls.Handshake();
            step = client.Handle(EapMessage.Request(2, EapType.Tls, [0, .. TlsPair.DrainAll(tls)]));
            tls.Feed(step.Packet.AsSpan(6));
            tls.Handshake().ShouldBe(TlsStatus.Done);
            tls.Write(data);
            step = client.Handle(EapMessage.Request(3, EapType.Tls, [0, .. TlsPair.DrainAll(tls)]));
            (step.Outcome, step.Msk).ShouldBe((EapOutcome.Failure, null));
            client.Handle(EapMessage.Success(3)).Outcome.ShouldBe(EapOutcome.Failure);
        }
    }

    [Fact]
    public void Two_bytes_where_one_is_due_are_refused_even_in_two_records()
    {
        using var tls = new TlsPump(ServerContext(TlsVersion.Tls13), TestPki.Now, ownRecords: false);
        using var client = new EapTlsClient(ClientContext(TlsVersion.Tls13), "device", TestPki.Now, 60_000);
        var step = client.Handle(EapMessage.Request(1, EapType.Tls, [0x20]));
        tls.Feed(step.Packet.AsSpan(6));
        tls.Handshake();
        step = client.Handle(EapMessage.Request(2, EapType.Tls, [0, .. TlsPair.DrainAll(tls)]));
        tls.Feed(step.Packet.AsSpan(6));
        tls.Handshake();
        tls.Write([0]);
        tls.Write([0]);
        client.Handle(EapMessage.Request(3, EapType.Tls, [0, .. TlsPair.DrainAll(tls)])).Outcome.ShouldBe(EapOutcome.Failure);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Data_behind_the_handshake_are_refused_by_the_server(TlsVersion version)
    {
        using var server = new EapTlsServer(ServerContext(version), TestPki.Now, First);
        using var tls = new TlsPump(ClientContext(version), TestPki.Now, ownRecords: false);
        var packet = server.Start();
        tls.Handshake();
        packet = server.Handle(EapMessage.Response(packet[1], EapType.Tls, [0, .. TlsPair.DrainAll(tls)])).Packet;
        tls.Feed(packet.AsSpan(6));
        var isDone = tls.Handshake() == TlsStatus.Done;
        if (isDone)
        {
            tls.Write("x"u8);
        }

        var step = server.Handle(EapMessage.Response(packet[1], EapType.Tls, [0, .. TlsPair.DrainAll(tls)]));
        if (version == TlsVersion.Tls13)
        {
            (step.Outcome, step.Msk).ShouldBe((EapOutcome.Failure, null));
            return;
        }

        step.Outcome.ShouldBe(EapOutcome.Continue);
        tls.Feed(step.Packet.AsSpan(6));
        tls.Handshake().ShouldBe(TlsStatus.Done);
        tls.Write("x"u8);
        step = server.Handle(EapMessage.Response(step.Packet[1], EapType.Tls, [0, .. TlsPair.DrainAll(tls)]));
        (step.Outcome, step.Failure, step.Msk, server.PeerCertificateDer).ShouldBe((EapOutcome.Failure, EapFailure.OutOfOrder, null, null));
    }

    [Fact]
    public void Endless_pieces_come_to_an_end()
    {
        using var server = new EapTlsServer(ServerContext(TlsVersion.Tls13), TestPki.Now, First);
        var packet = server.Start();
        EapStep step;
        var count = 0;
        do
        {
            step = server.Handle(EapMessage.Response(packet[1], EapType.Tls, [0xc0, 0, 0, 0xff, 0xff, 1]));
            packet = step.Packet;
            count++;
        }
        while (step.Outcome == EapOutcome.Continue);

        (step.Failure, count).ShouldBe((EapFailure.TooLong, EapLimits.MaxRounds));
    }

    [Theory]
    [InlineData("")]
    [InlineData("20")]
    [InlineData("00")]
    [InlineData("40")]
    [InlineData("0016030100")]
    [InlineData("00474554202f")]
    [InlineData("c0ffffffff00")]
    [InlineData("4016")]
    public void First_answers_that_are_none_end_it(string data)
    {
        using var server = new EapTlsServer(ServerContext(TlsVersion.Tls13), TestPki.Now, First);
        server.Start();
        var step = server.Handle(EapMessage.Response(First, EapType.Tls, Convert.FromHexString(data)));
        if (step.Outcome == EapOutcome.Continue)
        {
            // An alert, which the client is to see before it is over.
            step = server.Handle(EapMessage.Response(step.Packet[1], EapType.Tls, [0]));
        }

        (step.Outcome, step.Msk).ShouldBe((EapOutcome.Failure, null));
    }

    private TestIdentity? _device;
    private TestIdentity? _gateway;
    private bool _hasCertificate = true;

    private void ShouldBeRefusedByServer(TlsVersion version, TlsFailure failure)
    {
        var (server, client) = Pair(version);
        var talk = new EapTalk(server, client);
        var (atServer, atClient) = talk.Run();
        (atServer.Outcome, atServer.Failure, atServer.Msk, server.TlsFailure).ShouldBe((EapOutcome.Failure, EapFailure.NotProven, null, failure));
        server.PeerCertificateDer.ShouldBeNull();
        atServer.Packet[0].ShouldBe((byte)4);
        (atClient.Outcome, atClient.Failure, atClient.Msk).ShouldBe((EapOutcome.Failure, EapFailure.Refused, null));
        atClient.Detail.ShouldContain("alert");
    }

    private void ShouldBeRefusedByClient(TlsVersion version, TlsFailure failure)
    {
        var (server, client) = Pair(version);
        var (atServer, atClient) = new EapTalk(server, client).Run();
        (atClient.Outcome, atClient.Msk, client.TlsFailure).ShouldBe((EapOutcome.Failure, null, failure));
        (atServer.Outcome, atServer.Failure, atServer.Msk).ShouldBe((EapOutcome.Failure, EapFailure.Refused, null));
        atServer.Detail.ShouldContain("alert");
    }

    private (EapTlsServer Server, EapTlsClient Client) Pair(TlsVersion version, int length = EapLimits.FragmentLength, Instant? serverNow = null)
    {
        var server = new EapTlsServer(ServerContext(version), serverNow ?? TestPki.Now, First, length);
        var client = new EapTlsClient(ClientContext(version), "device", TestPki.Now, length);
        _made.AddRange([server, client]);
        return (server, client);
    }

    private TlsContext ServerContext(TlsVersion version)
    {
        _gateway ??= _pki.Issue("gateway", TestPki.ServerAuth);
        var context = TlsContext.CreateServer(new()
        {
            ChainDer = _gateway.ChainDer, PrivateKeyPkcs8 = _gateway.Pkcs8, AnchorsDer = [_pki.RootDer], Maximum = version,
        });
        _made.Add(context);
        return context;
    }

    private TlsContext ClientContext(TlsVersion version)
    {
        _device ??= _pki.Issue("device", TestPki.ClientAuth);
        var context = TlsContext.CreateClient(new()
        {
            ChainDer = _hasCertificate ? _device.ChainDer : [],
            PrivateKeyPkcs8 = _hasCertificate ? _device.Pkcs8 : null,
            AnchorsDer = [_pki.RootDer],
            Maximum = version,
        });
        _made.Add(context);
        return context;
    }
}
