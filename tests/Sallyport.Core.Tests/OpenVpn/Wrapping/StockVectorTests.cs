using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Wrapping;

public class StockVectorTests
{
    private static readonly StaticKey Key = ParseStatic();

    public static TheoryData<int> TlsAuthCases => [.. Enumerable.Range(0, StockVectors.TlsAuth.Length)];

    [Theory]
    [MemberData(nameof(TlsAuthCases))]
    public void Tls_auth_of_every_digest_and_direction_is_read_both_ways_and_written_alike(int index)
    {
        var (digest, direction, reset, reply) = StockVectors.TlsAuth[index];
        using var server = new TlsAuthWrapper(Key, direction.Opposite(), digest);
        using var client = new TlsAuthWrapper(Key, direction, digest);
        ExpectReset(server, reset, Opcode.HardResetClientV2);
        ExpectReply(client, reply, []);
        Rewrapped(new TlsAuthWrapper(Key, direction, digest), server, reset).ShouldBe(reset);
        Rewrapped(new TlsAuthWrapper(Key, direction.Opposite(), digest), client, reply).ShouldBe(reply);
    }

    [Fact]
    public void Tls_crypt_is_read_both_ways_and_written_alike()
    {
        using var server = new TlsCryptWrapper(Key.Bytes, isServer: true);
        using var client = new TlsCryptWrapper(Key.Bytes, isServer: false);
        ExpectReset(server, StockVectors.TlsCryptReset, Opcode.HardResetClientV2);
        ExpectReply(client, StockVectors.TlsCryptReply, []);
        Rewrapped(new TlsCryptWrapper(Key.Bytes, isServer: false), server, StockVectors.TlsCryptReset).ShouldBe(StockVectors.TlsCryptReset);
        Rewrapped(new TlsCryptWrapper(Key.Bytes, isServer: true), client, StockVectors.TlsCryptReply).ShouldBe(StockVectors.TlsCryptReply);
    }

    [Fact]
    public void Tls_crypt_v2_reset_is_opened_with_the_key_that_it_brings_and_written_alike()
    {
        TlsCryptV2ServerKey.TryParsePem(StockVectors.ServerKeyPem, out var serverKey).ShouldBeTrue();
        TlsCryptV2ClientKey.TryParsePem(StockVectors.ClientKeyPem, out var clientKey).ShouldBeTrue();
        var packet = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
        var key = new byte[OpenVpnLimits.StaticKeyLength];
        var metadata = new byte[OpenVpnLimits.MaxMetadata];
        serverKey.TryUnwrapClient(packet, out var controlLength, key, metadata, out var metadataLength).ShouldBeTrue();
        key.ShouldBe(clientKey.Key256.ToArray());
        packet[controlLength..].ShouldBe(clientKey.Wkc.ToArray());
        WrappedKeyMetadata.TryRead(metadata.AsSpan(0, metadataLength), out var id).ShouldBeTrue();
        id.ToArray().ShouldBe(Enumerable.Range(0, 16).Select(i => (byte)i));

        using var server = new TlsCryptWrapper(key, isServer: true, WrappingKind.TlsCryptV2);
        using var client = TlsCryptWrapper.ForClient(clientKey);
        ExpectReset(server, Convert.ToHexStringLower(packet[..controlLength]), Opcode.HardResetClientV3);
        ExpectReply(client, StockVectors.TlsCryptV2Reply, [0, 1, 0, 2, 0, 1]);
        Rewrapped(TlsCryptWrapper.ForClient(clientKey), server, StockVectors.TlsCryptV2Reset[..(2 * controlLength)])
            .ShouldBe(StockVectors.TlsCryptV2Reset);
        Rewrapped(new TlsCryptWrapper(key, isServer: true), client, StockVectors.TlsCryptV2Reply).ShouldBe(StockVectors.TlsCryptV2Reply);
    }

    [Fact]
    public void Wrapped_client_key_is_made_bit_for_bit_as_openvpn_makes_it()
    {
        TlsCryptV2ServerKey.TryParsePem(StockVectors.ServerKeyPem, out var serverKey).ShouldBeTrue();
        TlsCryptV2ClientKey.TryParsePem(StockVectors.ClientKeyPem, out var clientKey).ShouldBeTrue();
        var metadata = new byte[WrappedKeyMetadata.Length];
        WrappedKeyMetadata.Write(metadata, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        serverKey.WrapClient(clientKey.Key256, metadata).ShouldBe(clientKey.Wkc.ToArray());
    }

    [Fact]
    public void Timestamp_metadata_is_opened_and_is_not_ours()
    {
        TlsCryptV2ServerKey.TryParsePem(StockVectors.ServerKeyPem, out var serverKey).ShouldBeTrue();
        TlsCryptV2ClientKey.TryParsePem(StockVectors.ClientKeyWithTimestampPem, out var clientKey).ShouldBeTrue();
        byte[] packet = [.. new byte[100], .. clientKey.Wkc];
        var key = new byte[OpenVpnLimits.StaticKeyLength];
        var metadata = new byte[OpenVpnLimits.MaxMetadata];
        serverKey.TryUnwrapClient(packet, out var controlLength, key, metadata, out var length).ShouldBeTrue();
        controlLength.ShouldBe(100);
        length.ShouldBe(9);
        metadata[0].ShouldBe((byte)1);
        WrappedKeyMetadata.TryRead(metadata.AsSpan(0, length), out _).ShouldBeFalse();
    }

    private static void ExpectReset(ControlWrapper server, string hex, Opcode opcode)
    {
        var clear = Unwrap(server, hex);
        ControlPacket.TryParse(clear, out var packet).ShouldBeTrue();
        packet.Opcode.ShouldBe(opcode);
        packet.KeyId.ShouldBe((byte)0);
        packet.MessageId.ShouldBe(0u);
        packet.Acks.Count.ShouldBe(0);
        packet.Payload.Length.ShouldBe(0);
    }

    private static void ExpectReply(ControlWrapper client, string hex, byte[] payload)
    {
        var clear = Unwrap(client, hex);
        ControlPacket.TryParse(clear, out var packet).ShouldBeTrue();
        packet.Opcode.ShouldBe(Opcode.HardResetServerV2);
        packet.Acks.Count.ShouldBe(1);
        packet.Acks[0].ShouldBe(0u);
        packet.MessageId.ShouldBe(0u);
        packet.Payload.ToArray().ShouldBe(payload);
    }

    private static byte[] Unwrap(ControlWrapper wrapper, string hex)
    {
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        wrapper.TryUnwrap(Convert.FromHexString(hex), clear, out var length).ShouldBe(DropReason.None);
        return clear[..length];
    }

    /// <summary>Every form of wrapping is a function of key, counter and packet, so ours must give the same bytes.</summary>
    private static string Rewrapped(ControlWrapper sender, ControlWrapper receiver, string hex)
    {
        var wrapped = Convert.FromHexString(hex);
        var at = receiver is TlsAuthWrapper ? ControlPacket.HeadLength + receiver.Overhead - ControlWrapper.ReplayLength : ControlPacket.HeadLength;
        var counter = ControlWrapper.ReadCounter(wrapped.AsSpan(at));
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        receiver.TryUnwrap(wrapped, clear, out _).ShouldBe(DropReason.WrapReplayed);
        using var fresh = Twin(receiver);
        fresh.TryUnwrap(wrapped, clear, out var length).ShouldBe(DropReason.None);
        var again = new byte[OpenVpnLimits.MaxControlPacket];
        using (sender)
        {
            return Convert.ToHexStringLower(again, 0, sender.Wrap(clear.AsSpan(0, length), again, Instant.FromUnixSeconds((long)(counter >> 32))));
        }

        ControlWrapper Twin(ControlWrapper like) => like switch
        {
            TlsAuthWrapper => TlsAuthTwin(hex),
            _ => TlsCryptTwin(wrapped),
        };
    }

    private static TlsAuthWrapper TlsAuthTwin(string hex)
    {
        var (digest, direction, reset, _) = StockVectors.TlsAuth.Single(v => v.Reset == hex || v.Reply == hex);
        return new TlsAuthWrapper(Key, reset == hex ? direction.Opposite() : direction, digest);
    }

    private static TlsCryptWrapper TlsCryptTwin(byte[] wrapped)
    {
        TlsCryptV2ClientKey.TryParsePem(StockVectors.ClientKeyPem, out var clientKey).ShouldBeTrue();
        var isForServer = wrapped[0] != PacketHead.Of(Opcode.HardResetServerV2, 0).Value;
        var hex = Convert.ToHexStringLower(wrapped);
        var isV2 = hex == StockVectors.TlsCryptV2Reply || StockVectors.TlsCryptV2Reset.StartsWith(hex, StringComparison.Ordinal);
        return new TlsCryptWrapper(isV2 ? clientKey.Key256 : Key.Bytes, isForServer);
    }

    private static StaticKey ParseStatic()
    {
        StaticKey.TryParsePem(StockVectors.StaticKeyPem, out var key).ShouldBeTrue();
        return key;
    }
}
