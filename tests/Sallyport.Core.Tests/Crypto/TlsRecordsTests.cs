using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>Our record layer with libssl's own on the other end, which never hands over.</summary>
public sealed partial class TlsRecordsTests : IDisposable
{
    private readonly TestPki _pki = new();
    private readonly TlsContext _server;
    private readonly TlsContext _client;

    public TlsRecordsTests()
    {
        var gateway = _pki.Issue("gateway", TestPki.ServerAuth);
        var device = _pki.Issue("device", TestPki.ClientAuth);
        _server = TlsContext.CreateServer(new() { ChainDer = gateway.ChainDer, PrivateKeyPkcs8 = gateway.Pkcs8, AnchorsDer = [_pki.RootDer] });
        _client = TlsContext.CreateClient(new() { ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer] });
    }

    public static TheoryData<bool, string> RolesAndSuites() => new()
    {
        { true, "TLS_AES_256_GCM_SHA384" },
        { true, "TLS_AES_128_GCM_SHA256" },
        { true, "TLS_CHACHA20_POLY1305_SHA256" },
        { false, "TLS_AES_256_GCM_SHA384" },
        { false, "TLS_AES_128_GCM_SHA256" },
        { false, "TLS_CHACHA20_POLY1305_SHA256" },
    };

    public void Dispose()
    {
        _server.Dispose();
        _client.Dispose();
        _pki.Dispose();
    }

    [Theory]
    [MemberData(nameof(RolesAndSuites))]
    public void A_settled_end_and_libssl_understand_each_other_for_many_records(bool weServe, string suite)
    {
        using var pair = Connect(weServe, suite);
        pair.Ours.CipherSuite.ShouldBe(suite);
        pair.Ours.Settle();
        pair.Ours.Settle();
        pair.Ours.Ssl.ShouldBe(0);
        pair.Ours.CipherSuite.ShouldBe(suite);
        pair.Ours.Version.ShouldBe("TLSv1.3");

        var random = new SeededBytes(8446);
        for (var turn = 0; turn < 300; turn++)
        {
            var (from, to) = random.Below(2) == 0 ? (pair.Ours, pair.Libssl) : (pair.Libssl, pair.Ours);
            var data = random.Take(1 + random.Below(turn % 50 == 0 ? TlsLimits.MaxRecordPlaintext : 2048));
            TlsPair.Send(from, to, data).ShouldBe(data);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Records_come_in_any_pieces(bool weServe)
    {
        using var pair = Connect(weServe);
        pair.Ours.Settle();
        var random = new SeededBytes(3);
        var sent = random.Take(20_000);
        var received = new List<byte>();
        for (var at = 0; at < sent.Length; at += 1000)
        {
            pair.Libssl.Write(sent.AsSpan(at, 1000)).ShouldBe(TlsStatus.Done);
        }

        var room = new byte[700];
        ReadOnlySpan<byte> wire = TlsPair.DrainAll(pair.Libssl);
        while (!wire.IsEmpty)
        {
            var piece = Math.Min(wire.Length, 1 + random.Below(900));
            pair.Ours.Feed(wire[..piece]);
            wire = wire[piece..];
            while (pair.Ours.Read(room, out var count) == TlsStatus.Done)
            {
                received.AddRange(room.AsSpan(0, count));
            }
        }

        received.ShouldBe(sent);
        pair.Ours.HasPartialRecord.ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Each_end_hears_the_other_close(bool weServe)
    {
        using var first = Connect(weServe);
        first.Ours.Settle();
        first.Ours.Close();
        first.Ours.Write("more"u8).ShouldBe(TlsStatus.Closed);
        Read(first.Libssl, TlsPair.DrainAll(first.Ours)).ShouldBe(TlsStatus.Closed);

        using var second = Connect(weServe);
        second.Ours.Settle();
        second.Libssl.Close();
        Read(second.Ours, TlsPair.DrainAll(second.Libssl)).ShouldBe(TlsStatus.Closed);
        second.Ours.Failure.ShouldBe(TlsFailure.None);
    }

    /// <summary>Whether libssl would take the new key or not: no peer of ours sends one, so that it is nobody we know.</summary>
    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    [InlineData(false, 1)]
    public void A_key_update_of_libssl_ends_the_connection(bool weServe, int requested)
    {
        using var pair = Connect(weServe);
        pair.Ours.Settle();
        SSL_key_update(pair.Libssl.Ssl, requested).ShouldBe(1);
        pair.Libssl.Write("after the update"u8).ShouldBe(TlsStatus.Done);

        Refused(pair, TlsPair.DrainAll(pair.Libssl), "handshake message");
        pair.Ours.PendingOutput.ShouldBe(0);
    }

    [Fact]
    public void The_peer_is_told_why_in_an_alert_that_libssl_reads()
    {
        using var pair = Connect(weServe: true);
        pair.Libssl.Write("data"u8);
        var record = TlsPair.DrainAll(pair.Libssl);
        record[^1] ^= 1;
        Read(pair.Ours, record).ShouldBe(TlsStatus.Failed);
        pair.Ours.FailureDetail.ShouldContain("not genuine");

        Read(pair.Libssl, TlsPair.DrainAll(pair.Ours)).ShouldBe(TlsStatus.Failed);
        pair.Libssl.Failure.ShouldBe(TlsFailure.PeerAlert);
        pair.Libssl.FailureDetail.ShouldContain("bad record mac");
    }

    [Fact]
    public void The_alert_of_a_server_that_refuses_our_certificate_is_understood()
    {
        using var stranger = new TestPki("Stranger");
        var device = stranger.Issue("device", TestPki.ClientAuth);
        using var client = TlsContext.CreateClient(new() { ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer] });
        using var ours = new TlsPump(client, TestPki.Now);
        using var libssl = new TlsPump(_server, TestPki.Now, ownRecords: false);
        Shake(ours, libssl);
        ours.IsHandshakeDone.ShouldBeTrue();

        ours.Read(new byte[10], out _).ShouldBe(TlsStatus.Failed);
        ours.Failure.ShouldBe(TlsFailure.PeerAlert);
        ours.FailureDetail.ShouldBe("alert unknown_ca");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_flipped_bit_is_refused_and_nothing_is_read(bool weServe)
    {
        using var sample = Connect(weServe);
        sample.Libssl.Write("data"u8);
        var length = TlsPair.DrainAll(sample.Libssl).Length;
        foreach (var flip in (ReadOnlySpan<byte>)[0x01, 0x80])
        {
            for (var at = 0; at < length; at++)
            {
                using var pair = Connect(weServe);
                pair.Libssl.Write("data"u8);
                pair.Libssl.Write("data"u8);
                var wire = TlsPair.DrainAll(pair.Libssl);
                wire[at] ^= flip;
                pair.Ours.Feed(wire);
                // A greater length may make it wait for the rest.
                pair.Ours.Read(new byte[100], out var count).ShouldNotBe(TlsStatus.Done);
                count.ShouldBe(0);
            }
        }
    }

    [Fact]
    public void A_repeated_a_skipped_and_a_reordered_record_are_refused()
    {
        foreach (var order in (int[][])[[0, 0], [1], [0, 2], [1, 0]])
        {
            using var pair = Connect(weServe: true);
            pair.Ours.Settle();
            var records = new List<byte[]>();
            for (var i = 0; i < 3; i++)
            {
                pair.Libssl.Write([(byte)i]);
                records.Add(TlsPair.DrainAll(pair.Libssl));
            }

            var status = TlsStatus.WantRead;
            foreach (var index in order)
            {
                status = Read(pair.Ours, records[index]);
            }

            status.ShouldBe(TlsStatus.Failed);
            pair.Ours.FailureDetail.ShouldContain("not genuine");
        }
    }

    [Fact]
    public void A_record_of_the_other_direction_is_refused()
    {
        using var pair = Connect(weServe: true);
        pair.Ours.Write("mine"u8);
        Refused(pair, TlsPair.DrainAll(pair.Ours), "not genuine");
    }

    [Theory]
    [InlineData(20, 3, 3, "without protection")]
    [InlineData(21, 3, 3, "without protection")]
    [InlineData(22, 3, 3, "without protection")]
    [InlineData(24, 3, 3, "without protection")]
    [InlineData(23, 3, 1, "without protection")]
    [InlineData(23, 3, 4, "without protection")]
    public void A_record_with_another_head_is_refused(byte type, byte major, byte minor, string why)
    {
        using var pair = Connect(weServe: true);
        Refused(pair, [type, major, minor, 0, 20, .. new byte[20]], why);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(TlsLimits.MaxRecordPlaintext + 257)]
    [InlineData(65_535)]
    public void A_length_that_no_record_has_is_refused_before_the_rest_comes(int length)
    {
        using var pair = Connect(weServe: true);
        Refused(pair, [23, 3, 3, (byte)(length >> 8), (byte)length], "no legal length");
    }

    [Fact]
    public void A_truncated_record_waits_and_says_so()
    {
        using var pair = Connect(weServe: true);
        pair.Ours.HasPartialRecord.ShouldBeFalse();
        pair.Libssl.Write("data"u8);
        var record = TlsPair.DrainAll(pair.Libssl);
        Read(pair.Ours, record[..^1]).ShouldBe(TlsStatus.WantRead);
        pair.Ours.HasPartialRecord.ShouldBeTrue();
        pair.Ours.Feed(record.AsSpan(record.Length - 1));
        pair.Ours.Read(new byte[100], out var count).ShouldBe(TlsStatus.Done);
        count.ShouldBe(4);
        pair.Ours.HasPartialRecord.ShouldBeFalse();
    }

    /// <summary>What only a peer with the right keys can send. Type, content, zeros after the type.</summary>
    [Theory]
    [InlineData(22, "18000001" + "00", 0, "handshake message")]
    [InlineData(22, "04000001" + "00", 0, "handshake message")]
    [InlineData(22, "0d000000", 0, "handshake message")]
    [InlineData(22, "", 0, "handshake message")]
    [InlineData(20, "01", 0, "unknown type")]
    [InlineData(24, "01", 0, "unknown type")]
    [InlineData(255, "", 0, "unknown type")]
    [InlineData(0, "", 30, "without a type")]
    [InlineData(0, "", 0, "without a type")]
    [InlineData(21, "", 0, "alert of no legal length")]
    [InlineData(21, "0100" + "0100", 0, "alert of no legal length")]
    [InlineData(21, "0228", 0, "alert handshake_failure")]
    [InlineData(21, "0228", 5, "alert handshake_failure")]
    [InlineData(21, "015a", 0, "alert user_canceled")]
    [InlineData(21, "01fe", 0, "alert 254")]
    public void What_a_genuine_peer_may_not_say_ends_the_connection(byte type, string content, int zeros, string why)
    {
        var (ours, peer) = Bare(weServe: true);
        var sealedRecord = Seal(ref peer, type, Convert.FromHexString(content), zeros);
        ours.Feed(sealedRecord);
        ours.Read(new byte[100], out _).ShouldBe(TlsStatus.Failed);
        ours.FailureDetail.ShouldContain(why);
        ours.PendingInput.ShouldBe(0);
    }

    [Fact]
    public void Padding_and_empty_records_are_passed_over()
    {
        var (ours, peer) = Bare(weServe: true);
        ours.Feed(Seal(ref peer, 23, [], 0));
        ours.Feed(Seal(ref peer, 23, [], 100));
        ours.Feed(Seal(ref peer, 23, [1, 0, 0], 300));
        var room = new byte[100];
        ours.Read(room, out var count).ShouldBe(TlsStatus.Done);
        room[..count].ShouldBe([1, 0, 0]);
        ours.Read(room, out _).ShouldBe(TlsStatus.WantRead);
    }

    [Fact]
    public void Only_a_client_passes_whole_tickets_over()
    {
        byte[] ticket = [4, 0, 0, 3, 1, 2, 3];
        var (client, server) = Bare(weServe: false);
        client.Feed(Seal(ref server, 22, [.. ticket, .. ticket], 0));
        client.Feed(Seal(ref server, 23, [7], 0));
        var room = new byte[100];
        client.Read(room, out var count).ShouldBe(TlsStatus.Done);
        room[..count].ShouldBe([7]);
        foreach (var wrong in (byte[][])[ticket[..^1], [.. ticket, 0], [.. ticket, 24, 0, 0, 1, 0]])
        {
            var (other, its) = Bare(weServe: false);
            other.Feed(Seal(ref its, 22, wrong, 0));
            other.Read(room, out _).ShouldBe(TlsStatus.Failed);
        }

        var (gateway, device) = Bare(weServe: true);
        gateway.Feed(Seal(ref device, 22, ticket, 0));
        gateway.Read(room, out _).ShouldBe(TlsStatus.Failed);
    }

    [Fact]
    public void A_record_may_be_as_long_as_the_rfc_says_and_no_longer()
    {
        var (ours, peer) = Bare(weServe: true);
        ours.Feed(Seal(ref peer, 23, new byte[TlsLimits.MaxRecordPlaintext], 256 - TlsRecordKey.Expansion));
        var room = new byte[TlsLimits.MaxRecordPlaintext];
        ours.Read(room, out var count).ShouldBe(TlsStatus.Done);
        count.ShouldBe(TlsLimits.MaxRecordPlaintext);
        ours.Feed(Seal(ref peer, 23, new byte[TlsLimits.MaxRecordPlaintext + 1], 0));
        ours.Read(room, out _).ShouldBe(TlsStatus.Failed);
        ours.FailureDetail.ShouldContain("too long");
    }

    [Fact]
    public void Worn_out_keys_neither_open_nor_seal()
    {
        var (ours, peer) = Bare(weServe: true);
        ours.Wear(TlsLimits.MaxRecords - 1, TlsLimits.MaxRecords - 1);
        peer.Wear(TlsLimits.MaxRecords - 1);
        ours.Feed(Seal(ref peer, 23, [1], 0));
        ours.Read(new byte[10], out _).ShouldBe(TlsStatus.Done);
        ours.Write([1]).ShouldBe(TlsStatus.Done);
        ours.Write([1]).ShouldBe(TlsStatus.Failed);
        ours.FailureDetail.ShouldContain("all the records");

        var (reader, _) = Bare(weServe: true);
        reader.Wear(TlsLimits.MaxRecords, 0);
        reader.Feed([23, 3, 3, 0, 17, .. new byte[17]]);
        reader.Read(new byte[10], out _).ShouldBe(TlsStatus.Failed);
        reader.FailureDetail.ShouldContain("more TLS records");
    }

    [Fact]
    public void A_failure_is_final_and_late_bytes_are_ignored()
    {
        using var pair = Connect(weServe: true);
        pair.Ours.Settle();
        Refused(pair, [22, 3, 3, 0, 20, .. new byte[20]], "without protection");
        pair.Libssl.Write("late"u8);
        Read(pair.Ours, TlsPair.DrainAll(pair.Libssl)).ShouldBe(TlsStatus.Failed);
        pair.Ours.Write("late"u8).ShouldBe(TlsStatus.Failed);
        pair.Ours.HasPartialRecord.ShouldBeFalse();
    }

    [Fact]
    public void Tls_1_2_keeps_libssl_whoever_settles_it()
    {
        var device = _pki.Issue("old", TestPki.ClientAuth);
        using var old = TlsContext.CreateClient(
            new() { ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer], Maximum = TlsVersion.Tls12 });
        using var pair = new TlsPair(_server, old, TestPki.Now);
        pair.Handshake().ShouldBe((TlsStatus.Done, TlsStatus.Done));
        pair.Server.Settle();
        pair.Server.Records.ShouldBeNull();
        pair.Server.PeerCertificateDer().ShouldBe(device.ChainDer[0]);
        TlsPair.Send(pair.Client, pair.Server, "old"u8).ShouldBe("old"u8.ToArray());
        TlsPair.Send(pair.Server, pair.Client, "old"u8).ShouldBe("old"u8.ToArray());
    }

    private static (TlsRecords Ours, TlsRecordKey Peer) Bare(bool weServe)
    {
        var (client, server) = (new SeededBytes(1).Take(32), new SeededBytes(2).Take(32));
        return (
            new TlsRecords(TlsSuite.Aes128GcmSha256, weServe, client, server),
            TlsRecordKey.Create(TlsSuite.Aes128GcmSha256, weServe ? client : server));
    }

    /// <summary>Type and zeros may be anything: the last byte of what is sealed as content stands for the type.</summary>
    private static byte[] Seal(ref TlsRecordKey key, byte type, byte[] content, int zeros)
    {
        byte[] inner = [.. content, type, .. new byte[zeros]];
        var record = new byte[TlsRecordKey.HeaderLength + inner.Length - 1 + TlsRecordKey.Expansion];
        key.Seal(inner[^1], inner.AsSpan(0, inner.Length - 1), record);
        BinaryPrimitives.ReadUInt16BigEndian(record.AsSpan(3)).ShouldBe((ushort)(record.Length - TlsRecordKey.HeaderLength));
        return record;
    }

    private static TlsStatus Read(TlsPump pump, byte[] wire)
    {
        pump.Feed(wire);
        var status = pump.Read(new byte[TlsLimits.MaxRecordPlaintext], out _);
        while (status == TlsStatus.Done)
        {
            status = pump.Read(new byte[TlsLimits.MaxRecordPlaintext], out _);
        }

        return status;
    }

    private static void Refused(Ends pair, byte[] wire, string why)
    {
        Read(pair.Ours, wire).ShouldBe(TlsStatus.Failed);
        pair.Ours.FailureDetail.ShouldContain(why);
        Read(pair.Libssl, TlsPair.DrainAll(pair.Ours)).ShouldBe(TlsStatus.Failed);
    }

    private static void Shake(TlsPump client, TlsPump server)
    {
        client.Handshake();
        for (var turn = 0; turn < 20 && (client.PendingOutput > 0 || server.PendingOutput > 0); turn++)
        {
            server.Feed(TlsPair.DrainAll(client));
            server.Handshake();
            client.Feed(TlsPair.DrainAll(server));
            client.Handshake();
        }
    }

    private Ends Connect(bool weServe, string suite = "TLS_AES_256_GCM_SHA384")
    {
        var pair = new Ends(
            new TlsPump(weServe ? _server : _client, TestPki.Now), new TlsPump(weServe ? _client : _server, TestPki.Now, ownRecords: false));
        SSL_set_ciphersuites(pair.Libssl.Ssl, in Encoding.ASCII.GetBytes(suite + '\0')[0]).ShouldBe(1);
        Shake(weServe ? pair.Libssl : pair.Ours, weServe ? pair.Ours : pair.Libssl);
        pair.Ours.IsHandshakeDone.ShouldBeTrue();
        pair.Libssl.IsHandshakeDone.ShouldBeTrue();
        pair.Ours.Records.ShouldNotBeNull();
        pair.Libssl.Records.ShouldBeNull();
        return pair;
    }

    [LibraryImport("libssl.so.3")]
    private static partial int SSL_key_update(nint ssl, int requested);

    [LibraryImport("libssl.so.3")]
    private static partial int SSL_set_ciphersuites(nint ssl, in byte names);

    private sealed record Ends(TlsPump Ours, TlsPump Libssl) : IDisposable
    {
        public void Dispose()
        {
            Ours.Dispose();
            Libssl.Dispose();
        }
    }
}
