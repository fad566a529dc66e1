using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class TlsPumpTests : IDisposable
{
    private readonly TestPki _pki = new();

    public void Dispose() => _pki.Dispose();

    [Theory]
    [InlineData(TlsVersion.Tls12, "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")]
    [InlineData(TlsVersion.Tls13, "TLSv1.3", "TLS_AES_256_GCM_SHA384")]
    public void Both_sides_finish_exchange_data_and_know_each_other(TlsVersion version, string name, string suite)
    {
        var device = _pki.Issue("pump-17", TestPki.ClientAuth);
        var gateway = _pki.Issue("gateway", TestPki.ServerAuth);
        using var pair = Pair(gateway, device, version);

        pair.Handshake().ShouldBe((TlsStatus.Done, TlsStatus.Done));

        pair.Server.IsHandshakeDone.ShouldBeTrue();
        pair.Client.IsHandshakeDone.ShouldBeTrue();
        pair.Server.Version.ShouldBe(name);
        pair.Client.Version.ShouldBe(name);
        pair.Server.CipherSuite.ShouldBe(suite);
        pair.Server.PeerCertificateDer().ShouldBe(device.ChainDer[0]);
        pair.Client.PeerCertificateDer().ShouldBe(gateway.ChainDer[0]);
        pair.Server.Failure.ShouldBe(TlsFailure.None);

        var random = new SeededBytes(5705);
        foreach (var length in new[] { 1, 100, 2048, TlsLimits.MaxRecordPlaintext })
        {
            var data = random.Take(length);
            TlsPair.Send(pair.Client, pair.Server, data).ShouldBe(data);
            TlsPair.Send(pair.Server, pair.Client, data).ShouldBe(data);
        }
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void Both_sides_export_the_same_keys_that_differ_by_label_and_by_connection(TlsVersion version)
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), version);
        using var other = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), version);
        var fromServer = new byte[256];
        var fromClient = new byte[256];
        pair.Client.TryExport("EXPORTER-OpenVPN-datakeys"u8, fromClient).ShouldBeFalse();

        pair.Handshake();
        other.Handshake();

        pair.Server.TryExport("EXPORTER-OpenVPN-datakeys"u8, fromServer).ShouldBeTrue();
        pair.Client.TryExport("EXPORTER-OpenVPN-datakeys"u8, fromClient).ShouldBeTrue();
        fromServer.ShouldBe(fromClient);
        fromServer.ShouldNotBe(new byte[256]);
        pair.Client.TryExport("EXPORTER-OpenVPN-dynamic-tls-crypt"u8, fromClient).ShouldBeTrue();
        fromClient.ShouldNotBe(fromServer);
        other.Client.TryExport("EXPORTER-OpenVPN-datakeys"u8, fromClient).ShouldBeTrue();
        fromClient.ShouldNotBe(fromServer);
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void Bytes_may_come_one_at_a_time(TlsVersion version)
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), version);
        pair.Handshake(bytesAtOnce: 1).ShouldBe((TlsStatus.Done, TlsStatus.Done));

        pair.Client.Write("hello"u8).ShouldBe(TlsStatus.Done);
        var record = TlsPair.DrainAll(pair.Client);
        var room = new byte[100];
        for (var i = 0; i < record.Length; i++)
        {
            pair.Server.Read(room, out _).ShouldBe(TlsStatus.WantRead);
            pair.Server.Feed(record.AsSpan(i, 1));
        }

        pair.Server.Read(room, out var count).ShouldBe(TlsStatus.Done);
        room[..count].ShouldBe("hello"u8.ToArray());
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void A_read_takes_one_record_and_a_write_makes_one(TlsVersion version)
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), version);
        pair.Handshake();

        pair.Client.Write("one"u8);
        pair.Client.Write("three"u8);
        var wire = TlsPair.DrainAll(pair.Client);
        var first = 5 + BinaryPrimitives.ReadUInt16BigEndian(wire.AsSpan(3));
        (first + 5 + BinaryPrimitives.ReadUInt16BigEndian(wire.AsSpan(first + 3))).ShouldBe(wire.Length);

        var room = new byte[100];
        pair.Server.Feed(wire);
        pair.Server.Read(room, out var count).ShouldBe(TlsStatus.Done);
        room[..count].ShouldBe("one"u8.ToArray());
        // Less room than the record has: the next call goes on.
        pair.Server.Read(room.AsSpan(0, 2), out count).ShouldBe(TlsStatus.Done);
        pair.Server.Read(room.AsSpan(2), out var rest).ShouldBe(TlsStatus.Done);
        room[..(count + rest)].ShouldBe("three"u8.ToArray());
        pair.Server.Read(room, out count).ShouldBe(TlsStatus.WantRead);
        count.ShouldBe(0);
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void After_a_close_both_sides_read_closed(TlsVersion version)
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), version);
        pair.Handshake();
        pair.Client.Write("last"u8);
        pair.Client.Close();
        pair.Client.Write("more"u8).ShouldBe(TlsStatus.Closed);

        var room = new byte[100];
        pair.Server.Feed(TlsPair.DrainAll(pair.Client));
        pair.Server.Read(room, out var count).ShouldBe(TlsStatus.Done);
        count.ShouldBe(4);
        pair.Server.Read(room, out _).ShouldBe(TlsStatus.Closed);
        pair.Server.Read(room, out _).ShouldBe(TlsStatus.Closed);
        pair.Client.Read(room, out _).ShouldBe(TlsStatus.Closed);
        pair.Server.Failure.ShouldBe(TlsFailure.None);
    }

    [Fact]
    public void No_tickets_and_no_resumption_leave_the_server_nothing_to_say_after_the_handshake()
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), TlsVersion.Tls13);
        pair.Client.Handshake();
        pair.Server.Feed(TlsPair.DrainAll(pair.Client));
        pair.Server.Handshake().ShouldBe(TlsStatus.WantRead);
        pair.Client.Feed(TlsPair.DrainAll(pair.Server));
        pair.Client.Handshake().ShouldBe(TlsStatus.Done);
        pair.Server.Feed(TlsPair.DrainAll(pair.Client));
        pair.Server.Handshake().ShouldBe(TlsStatus.Done);
        pair.Server.PendingOutput.ShouldBe(0);
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void A_client_without_a_certificate_is_refused_unless_none_is_required(TlsVersion version)
    {
        var gateway = _pki.Issue("gateway", TestPki.ServerAuth);
        using var client = TlsContext.CreateClient(new() { AnchorsDer = [_pki.RootDer] });
        using (var strict = ServerContext(gateway, version))
        using (var pair = new TlsPair(strict, client, TestPki.Now))
        {
            pair.Handshake().Server.ShouldBe(TlsStatus.Failed);
            pair.Server.Failure.ShouldBe(TlsFailure.NoCertificate);
            pair.Server.IsHandshakeDone.ShouldBeFalse();
            pair.Server.Read(new byte[10], out _).ShouldBe(TlsStatus.Failed);
            pair.Server.Write("secret"u8).ShouldBe(TlsStatus.Failed);
            pair.Server.TryExport("EXPORTER-OpenVPN-datakeys"u8, new byte[16]).ShouldBeFalse();
            pair.Client.Read(new byte[10], out _).ShouldBe(TlsStatus.Failed);
            pair.Client.Failure.ShouldBe(TlsFailure.PeerAlert);
            pair.Client.FailureDetail.ShouldContain("alert");
        }

        using var lenient = TlsContext.CreateServer(new()
        {
            ChainDer = gateway.ChainDer, PrivateKeyPkcs8 = gateway.Pkcs8, AnchorsDer = [_pki.RootDer], RequireClientCertificate = false,
            Maximum = version,
        });
        using var open = new TlsPair(lenient, client, TestPki.Now);
        open.Handshake().ShouldBe((TlsStatus.Done, TlsStatus.Done));
        open.Server.PeerCertificateDer().ShouldBeNull();

        using var stranger = new TestPki("Stranger");
        using var wrong = ClientContext(stranger.Issue("device", TestPki.ClientAuth), version);
        using var refused = new TlsPair(lenient, wrong, TestPki.Now);
        refused.Handshake().Server.ShouldBe(TlsStatus.Failed);
        refused.Server.Failure.ShouldBe(TlsFailure.UnknownIssuer);
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void A_client_of_another_authority_is_refused(TlsVersion version)
    {
        using var stranger = new TestPki();
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), stranger.Issue("device", TestPki.ClientAuth), version);
        ServerRefuses(pair, TlsFailure.UnknownIssuer, "certificate");
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void A_client_certificate_only_for_servers_is_refused(TlsVersion version)
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ServerAuth), version);
        ServerRefuses(pair, TlsFailure.WrongPurpose, "purpose");
    }

    [Fact]
    public void Certificate_times_are_judged_at_the_given_instant_to_the_second()
    {
        var gateway = _pki.Issue("gateway", TestPki.ServerAuth);
        using var server = ServerContext(gateway);
        using var client = ClientContext(_pki.Issue("device", TestPki.ClientAuth));

        Judged(TestPki.NotBefore).ShouldBe(TlsFailure.None);
        Judged(TestPki.NotBefore.AddSeconds(-1)).ShouldBe(TlsFailure.CertificateNotYetValid);
        // RFC 5280 section 4.1.2.5 counts the last second in, OpenSSL out.
        Judged(TestPki.NotAfter.AddSeconds(-1)).ShouldBe(TlsFailure.None);
        Judged(TestPki.NotAfter).ShouldBe(TlsFailure.CertificateExpired);

        // The client stays at a good moment, so that it is the server that judges.
        TlsFailure Judged(DateTimeOffset now)
        {
            using var serverSide = new TlsPump(server, TestPki.At(now));
            using var clientSide = new TlsPump(client, TestPki.Now);
            for (var turn = 0; turn < 4; turn++)
            {
                clientSide.Handshake();
                serverSide.Feed(TlsPair.DrainAll(clientSide));
                serverSide.Handshake();
                clientSide.Feed(TlsPair.DrainAll(serverSide));
            }

            return serverSide.Failure;
        }
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void The_client_judges_the_server_too(TlsVersion version)
    {
        var device = _pki.Issue("device", TestPki.ClientAuth);
        using var stranger = new TestPki("Stranger");

        ClientJudges(stranger.Issue("gateway", TestPki.ServerAuth)).ShouldBe(TlsFailure.UnknownIssuer);
        ClientJudges(_pki.Issue("another device", TestPki.ClientAuth)).ShouldBe(TlsFailure.WrongPurpose);
        ClientJudges(_pki.Issue("no purpose")).ShouldBe(TlsFailure.WrongPurpose);
        ClientJudges(_pki.Issue("no purpose"), requirePurpose: false).ShouldBe(TlsFailure.None);
        ClientJudges(_pki.Issue("gateway", TestPki.ServerAuth), expectedName: "gateway").ShouldBe(TlsFailure.None);
        ClientJudges(_pki.Issue("gateway", TestPki.ServerAuth), expectedName: "other").ShouldBe(TlsFailure.Other);

        TlsFailure ClientJudges(TestIdentity identity, string? expectedName = null, bool requirePurpose = true)
        {
            using var server = ServerContext(identity, version);
            using var client = TlsContext.CreateClient(new()
            {
                ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer], ExpectedServerName = expectedName,
                RequireServerPurpose = requirePurpose,
            });
            using var pair = new TlsPair(server, client, TestPki.Now);
            pair.Handshake();
            (pair.Client.Failure == TlsFailure.None).ShouldBe(pair.Client.IsHandshakeDone);
            return pair.Client.Failure;
        }
    }

    [Fact]
    public void An_intermediate_authority_may_be_sent_or_be_the_anchor_itself()
    {
        var gateway = _pki.IssueThroughIntermediate("gateway", TestPki.ServerAuth);
        var device = _pki.IssueThroughIntermediate("device", TestPki.ClientAuth);
        using var pair = Pair(gateway, device, TlsVersion.Tls13);
        pair.Handshake().ShouldBe((TlsStatus.Done, TlsStatus.Done));

        using var server = TlsContext.CreateServer(new()
        {
            ChainDer = gateway.ChainDer, PrivateKeyPkcs8 = gateway.Pkcs8, AnchorsDer = [device.ChainDer[1]],
        });
        using var client = ClientContext(device with { ChainDer = [device.ChainDer[0]] });
        using var direct = new TlsPair(server, client, TestPki.Now);
        direct.Handshake().ShouldBe((TlsStatus.Done, TlsStatus.Done));
    }

    [Fact]
    public void Versions_without_overlap_are_refused_by_name()
    {
        using var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth), minimum: TlsVersion.Tls13);
        using var client = ClientContext(_pki.Issue("device", TestPki.ClientAuth), TlsVersion.Tls12);
        using var pair = new TlsPair(server, client, TestPki.Now);
        pair.Handshake().Server.ShouldBe(TlsStatus.Failed);
        pair.Server.Failure.ShouldBe(TlsFailure.ProtocolVersion);
        pair.Client.Failure.ShouldBe(TlsFailure.PeerAlert);
    }

    [Fact]
    public void A_hello_with_only_a_cipher_without_forward_secrecy_is_refused_by_name()
    {
        // TLS 1.2 ClientHello with the one suite TLS_RSA_WITH_AES_128_GCM_SHA256 and no extensions.
        var body = new byte[2 + 32 + 1 + 2 + 2 + 2];
        body[0] = 3;
        body[1] = 3;
        body[36] = 2;
        body[38] = 0x9c;
        body[39] = 1;
        byte[] hello = [0x16, 3, 1, 0, (byte)(body.Length + 4), 1, 0, 0, (byte)body.Length, .. body];

        using var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth));
        using var pump = new TlsPump(server, TestPki.Now);
        pump.Feed(hello);
        pump.Handshake().ShouldBe(TlsStatus.Failed);
        pump.Failure.ShouldBe(TlsFailure.NoSharedCipher);
        pump.PendingOutput.ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Garbage_fails_without_an_exception_and_leaves_no_errors_behind()
    {
        var random = new SeededBytes(8446);
        using var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth));
        using var client = ClientContext(_pki.Issue("device", TestPki.ClientAuth));
        for (var round = 0; round < 200; round++)
        {
            using var pump = new TlsPump(round % 2 == 0 ? server : client, TestPki.Now);
            pump.Handshake().ShouldBe(TlsStatus.WantRead);
            var garbage = random.Take(600);
            if (round % 4 >= 2)
            {
                // A record that looks right from the outside.
                garbage[0] = 0x16;
                garbage[1] = 3;
                garbage[2] = 3;
                garbage[3] = 0;
                garbage[4] = 200;
            }

            pump.Feed(garbage);
            pump.Handshake().ShouldBe(TlsStatus.Failed);
            pump.Failure.ShouldNotBe(TlsFailure.None);
            pump.FailureDetail.ShouldNotBeEmpty();
            pump.Feed(garbage);
            pump.Handshake().ShouldBe(TlsStatus.Failed);
            OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
        }
    }

    [Theory]
    [InlineData(TlsVersion.Tls12)]
    [InlineData(TlsVersion.Tls13)]
    public void Every_flipped_byte_of_a_record_is_refused(TlsVersion version)
    {
        using var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth), version);
        using var client = ClientContext(_pki.Issue("device", TestPki.ClientAuth), version);
        for (var at = 5; at < 5 + 24; at++)
        {
            using var pair = new TlsPair(server, client, TestPki.Now);
            pair.Handshake();
            pair.Client.Write("data"u8);
            var record = TlsPair.DrainAll(pair.Client);
            record[Math.Min(at, record.Length - 1)] ^= 1;
            pair.Server.Feed(record);
            pair.Server.Read(new byte[100], out var count).ShouldBe(TlsStatus.Failed);
            count.ShouldBe(0);
            pair.Server.Failure.ShouldBe(TlsFailure.Other);
        }
    }

    [Fact]
    public void More_unread_ciphertext_than_the_bound_fails_the_connection()
    {
        using var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth));
        using var pump = new TlsPump(server, TestPki.Now);
        pump.Feed(new byte[TlsLimits.MaxUnreadCiphertext]);
        pump.Failure.ShouldBe(TlsFailure.None);
        pump.Feed(new byte[1]);
        pump.Failure.ShouldBe(TlsFailure.Other);
        pump.Handshake().ShouldBe(TlsStatus.Failed);
    }

    [Fact]
    public void A_connection_outlives_its_context_and_a_disposed_one_says_so()
    {
        var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth));
        var client = ClientContext(_pki.Issue("device", TestPki.ClientAuth));
        var pair = new TlsPair(server, client, TestPki.Now);
        server.Dispose();
        server.Dispose();
        client.Dispose();
        pair.Handshake().ShouldBe((TlsStatus.Done, TlsStatus.Done));
        TlsPair.Send(pair.Client, pair.Server, "still here"u8).ShouldBe("still here"u8.ToArray());
        Should.Throw<ObjectDisposedException>(() => new TlsPump(server, TestPki.Now));

        pair.Dispose();
        pair.Dispose();
        Should.Throw<ObjectDisposedException>(() => pair.Client.Handshake());
        Should.Throw<ObjectDisposedException>(() => pair.Client.Feed("x"u8));
        Should.Throw<ObjectDisposedException>(() => pair.Client.PendingOutput);
    }

    [Fact]
    public void One_pair_of_contexts_serves_many_threads()
    {
        using var server = ServerContext(_pki.Issue("gateway", TestPki.ServerAuth));
        using var client = ClientContext(_pki.Issue("device", TestPki.ClientAuth));
        var done = 0;
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var pair = new TlsPair(server, client, TestPki.Now);
            if (pair.Handshake() == (TlsStatus.Done, TlsStatus.Done))
            {
                Interlocked.Increment(ref done);
            }
        });
        done.ShouldBe(64);
    }

    [Fact]
    public void Feeding_reading_writing_and_draining_allocate_nothing()
    {
        using var pair = Pair(_pki.Issue("gateway", TestPki.ServerAuth), _pki.Issue("device", TestPki.ClientAuth), TlsVersion.Tls13);
        pair.Handshake();
        var message = new byte[500];
        var wire = new byte[1000];
        var room = new byte[1000];
        Allocations.Of(() =>
        {
            pair.Client.Write(message);
            pair.Server.Feed(wire.AsSpan(0, pair.Client.Drain(wire)));
            return pair.Server.Read(room, out var count) == TlsStatus.Done && count == 500;
        }).ShouldBe(0);
    }

    private static void ServerRefuses(TlsPair pair, TlsFailure failure, string detail)
    {
        pair.Handshake().Server.ShouldBe(TlsStatus.Failed);
        pair.Server.Failure.ShouldBe(failure);
        pair.Server.FailureDetail.ShouldContain(detail);
        pair.Server.TryExport("EXPORTER-OpenVPN-datakeys"u8, new byte[16]).ShouldBeFalse();
        pair.Client.Read(new byte[10], out _).ShouldBe(TlsStatus.Failed);
        pair.Client.Failure.ShouldBe(TlsFailure.PeerAlert);
    }

    private TlsPair Pair(TestIdentity serverIdentity, TestIdentity clientIdentity, TlsVersion version)
    {
        using var server = ServerContext(serverIdentity, version);
        using var client = ClientContext(clientIdentity, version);
        return new TlsPair(server, client, TestPki.Now);
    }

    private TlsContext ServerContext(
        TestIdentity identity, TlsVersion maximum = TlsVersion.Tls13, TlsVersion minimum = TlsVersion.Tls12) =>
        TlsContext.CreateServer(new()
        {
            ChainDer = identity.ChainDer, PrivateKeyPkcs8 = identity.Pkcs8, AnchorsDer = [_pki.RootDer], Minimum = minimum, Maximum = maximum,
        });

    private TlsContext ClientContext(TestIdentity identity, TlsVersion maximum = TlsVersion.Tls13) =>
        TlsContext.CreateClient(new()
        {
            ChainDer = identity.ChainDer, PrivateKeyPkcs8 = identity.Pkcs8, AnchorsDer = [_pki.RootDer], Maximum = maximum,
        });
}
