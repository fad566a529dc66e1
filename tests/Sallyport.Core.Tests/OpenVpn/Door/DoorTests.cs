using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>Who comes in, and with what.</summary>
public class DoorTests
{
    public static TheoryData<string> Kinds => DoorFixture.Kinds;

    [Fact]
    public void Tls_crypt_v2_client_is_asked_for_its_key_again_and_admitted_with_it()
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed("v2");
        visitor.AcksOfReply.Count.ShouldBe(1);
        visitor.AcksOfReply[0].ShouldBe(0u);
        EarlyNegotiation.TryParse(visitor.PayloadOfReply, out var flags).ShouldBeTrue();
        flags.ShouldBe(EarlyNegotiationFlags.ResendWkc);

        var packet = visitor.Control();
        using var admission = fixture.ShouldAdmit(packet);
        admission.WrappedKeyId.ShouldBe(DoorFixture.KnownId);
        admission.NetworkId.ShouldBeNull();
        admission.StaticKey!.Length.ShouldBe(256);
        admission.Wrapper.Kind.ShouldBe(WrappingKind.TlsCryptV2);
        ShouldContinue(admission, visitor, Opcode.ControlWkcV1, [22, 3, 1]);
        WrappedClientKey.TryStrip(packet, out var controlLength).ShouldBeTrue();
        Unwrap(admission.Wrapper, packet[..controlLength]).ShouldBe(DropReason.WrapReplayed);
    }

    [Theory]
    [InlineData("tls-crypt", DoorFixture.TlsCryptNetwork, WrappingKind.TlsCrypt)]
    [InlineData("tls-auth", DoorFixture.TlsAuthNetwork, WrappingKind.TlsAuth)]
    public void Client_with_a_shared_key_is_admitted_to_the_network_of_that_key(string kind, int network, WrappingKind wrapping)
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed(kind);
        var packet = visitor.Ack();
        using var admission = fixture.ShouldAdmit(packet);
        admission.NetworkId.ShouldBe(network);
        admission.WrappedKeyId.ShouldBeNull();
        admission.StaticKey!.Length.ShouldBe(256);
        admission.Wrapper.Kind.ShouldBe(wrapping);
        ShouldContinue(admission, visitor, Opcode.AckV1, []);
        Unwrap(admission.Wrapper, packet).ShouldBe(DropReason.WrapReplayed);
    }

    [Fact]
    public void Client_without_a_key_is_admitted_where_a_network_allows_it_and_nothing_is_known_of_it()
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed("plain");
        using var admission = fixture.ShouldAdmit(visitor.Control());
        admission.NetworkId.ShouldBeNull();
        admission.WrappedKeyId.ShouldBeNull();
        admission.StaticKey.ShouldBeNull();
        admission.Wrapper.Kind.ShouldBe(WrappingKind.None);
        ShouldContinue(admission, visitor, Opcode.ControlV1, [22, 3, 1]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Acknowledgement_lost_on_the_way_is_made_good_by_the_repeated_reset(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed(kind);
        using var admission = fixture.ShouldAdmit(visitor.RepeatedReset());
        admission.ResetExchanged.ShouldBeTrue();
        admission.Local.ShouldBe(visitor.Remote);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Repeated_reset_without_acknowledgement_gets_the_same_session_id(string kind)
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Welcomed(kind);
        var first = visitor.Remote;
        fixture.Handle(visitor.Reset(), DoorFixture.Start + TimeSpan.FromSeconds(2)).Action.ShouldBe(DoorAction.Reply);
        visitor.Read(fixture.LastReply);
        visitor.Remote.ShouldBe(first);
    }

    [Fact]
    public void Tls_crypt_v2_client_of_2_5_is_admitted_with_its_reset_since_it_brings_its_key_once()
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Visit("v2 of 2.5");
        using var admission = fixture.ShouldAdmit(visitor.Reset());
        ShouldStart(admission, visitor, Opcode.HardResetClientV3);
        admission.WrappedKeyId.ShouldBe(DoorFixture.KnownId);
    }

    [Theory]
    [InlineData("v2", Opcode.HardResetClientV3)]
    [InlineData("tls-crypt", Opcode.HardResetClientV2)]
    [InlineData("tls-auth", Opcode.HardResetClientV2)]
    [InlineData("plain", Opcode.HardResetClientV2)]
    public void First_packet_of_a_stream_is_admitted_at_once(string kind, Opcode opcode)
    {
        var fixture = DoorFixture.WithPlain();
        var visitor = fixture.Visit(kind);
        using var admission = fixture.ShouldAdmit(visitor.Reset(), isStream: true);
        ShouldStart(admission, visitor, opcode);
    }

    [Fact]
    public void Reset_that_openvpn_made_is_answered_in_a_form_that_its_key_opens()
    {
        TlsCryptV2ServerKey.TryParsePem(Wrapping.StockVectors.ServerKeyPem, out var serverKey).ShouldBeTrue();
        TlsCryptV2ClientKey.TryParsePem(Wrapping.StockVectors.ClientKeyPem, out var clientKey).ShouldBeTrue();
        var directory = new Anybody();
        using var door = new Sallyport.Core.OpenVpn.Door.Door(new SeededEntropy(1), new DoorOptions { ServerKeys = [serverKey] });
        var packet = Convert.FromHexString(Wrapping.StockVectors.TlsCryptV2Reset);
        var reply = new byte[packet.Length];
        door.Handle(packet, DoorFixture.Address, false, directory, DoorFixture.Start, reply, out var length, out _).Action.ShouldBe(DoorAction.Reply);
        using var client = TlsCryptWrapper.ForClient(clientKey);
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        client.TryUnwrap(reply.AsSpan(0, length), clear, out _).ShouldBe(DropReason.None);
        directory.Asked.ShouldBe(Enumerable.Range(0, 16).Select(i => (byte)i));
        length.ShouldBe(Wrapping.StockVectors.TlsCryptV2Reply.Length / 2);
    }

    [Fact]
    public void Thirty_two_shared_keys_are_tried_and_not_one_more()
    {
        var entropy = new SeededEntropy(500);
        StaticKey[] keys = [.. Enumerable.Range(0, 33).Select(_ => StaticKey.Generate(entropy))];
        var fixture = new DoorFixture
        {
            LegacyWrappings =
            [
                .. keys.Select((key, i) => i % 2 == 0
                    ? LegacyWrapping.TlsCrypt(100 + i, key)
                    : LegacyWrapping.TlsAuth(100 + i, key, KeyDirection.Bidirectional, HashKind.Sha512)),
            ],
        };
        var last = new Visitor(new TlsAuthWrapper(keys[31], KeyDirection.Bidirectional, HashKind.Sha512), Opcode.HardResetClientV2, entropy);
        using var admission = fixture.ShouldAdmit(last.Reset(), isStream: true);
        admission.NetworkId.ShouldBe(131);
        var oneMore = new Visitor(new TlsCryptWrapper(keys[32].Bytes, isServer: false), Opcode.HardResetClientV2, entropy);
        fixture.ShouldDrop(oneMore.Reset(), DropReason.WrapInvalid);
    }

    [Fact]
    public void Retired_server_key_opens_until_it_is_taken_away()
    {
        var entropy = new SeededEntropy(600);
        var fixture = new DoorFixture();
        using var oldKey = TlsCryptV2ServerKey.Generate(entropy);
        using var newKey = TlsCryptV2ServerKey.Generate(entropy);
        var visitor = fixture.V2(oldKey, DoorFixture.KnownId);
        fixture.ShouldDrop(visitor.Reset(), DropReason.WrappedKeyInvalid);
        fixture.Door.UseServerKeys([newKey, oldKey]);
        fixture.Handle(visitor.Reset()).Action.ShouldBe(DoorAction.Reply);
        visitor.Read(fixture.LastReply);
        fixture.Door.UseServerKeys([oldKey]);
        fixture.ShouldAdmit(visitor.Control()).Dispose();
        fixture.Door.UseServerKeys([newKey]);
        fixture.ShouldDrop(visitor.Reset(), DropReason.WrappedKeyInvalid);
    }

    [Fact]
    public void Networks_that_change_their_keys_are_followed()
    {
        var fixture = new DoorFixture();
        fixture.Welcomed("tls-crypt");
        fixture.LegacyWrappings = [];
        fixture.ShouldDrop(fixture.Visit("tls-crypt").Reset(), DropReason.WrapNotAllowed);
        fixture.LegacyWrappings = new DoorFixture().LegacyWrappings;
        fixture.Welcomed("tls-crypt");
    }

    /// <summary>Counter 2 and up from our side, and the peer's next packet is taken.</summary>
    private static void ShouldContinue(Admission admission, Visitor visitor, Opcode opcode, byte[] payload)
    {
        admission.ResetExchanged.ShouldBeTrue();
        admission.Local.ShouldBe(visitor.Remote);
        ShouldTalk(admission, visitor, opcode, payload, firstPacketId: 2);
    }

    private static void ShouldStart(Admission admission, Visitor visitor, Opcode opcode)
    {
        admission.ResetExchanged.ShouldBeFalse();
        admission.Local.IsZero.ShouldBeFalse();
        ShouldTalk(admission, visitor, opcode, [], firstPacketId: 1);
    }

    private static void ShouldTalk(Admission admission, Visitor visitor, Opcode opcode, byte[] payload, uint firstPacketId)
    {
        admission.Remote.ShouldBe(visitor.Local);
        ControlPacket.TryParse(admission.FirstPacket, out var first).ShouldBeTrue();
        first.Opcode.ShouldBe(opcode);
        first.Sender.ShouldBe(visitor.Local);
        first.Payload.ToArray().ShouldBe(payload);

        var clear = new byte[100];
        var length = ControlPacket.Write(clear, Opcode.ControlV1, 0, admission.Local, [1], admission.Remote, 1, [1]);
        var wrapped = new byte[200];
        length = admission.Wrapper.Wrap(clear.AsSpan(0, length), wrapped, DoorFixture.Start);
        if (visitor.Wrapper is TlsCryptWrapper)
        {
            ((uint)ControlWrapper.ReadCounter(wrapped.AsSpan(ControlPacket.HeadLength))).ShouldBe(firstPacketId);
        }

        Unwrap(visitor.Wrapper, wrapped[..length]).ShouldBe(DropReason.None);
        Unwrap(admission.Wrapper, visitor.Write(Opcode.ControlV1, 0, [1], visitor.Remote, 2, [])).ShouldBe(DropReason.None);
    }

    private static DropReason Unwrap(ControlWrapper wrapper, byte[] packet) =>
        wrapper.TryUnwrap(packet, new byte[OpenVpnLimits.MaxControlPacket], out _);

    private sealed class Anybody : ICredentialDirectory
    {
        public IReadOnlyList<LegacyWrapping> LegacyWrappings => [];

        public byte[] Asked { get; private set; } = [];

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16)
        {
            Asked = wrappedKeyId16.ToArray();
            return true;
        }
    }
}
