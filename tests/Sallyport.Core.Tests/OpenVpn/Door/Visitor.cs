using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using OpenVpnDoor = Sallyport.Core.OpenVpn.Door.Door;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>A client at the door, as far as the first three packets go.</summary>
internal sealed class Visitor(ControlWrapper wrapper, Opcode resetOpcode, SeededEntropy entropy)
{
    public ControlWrapper Wrapper => wrapper;

    public SessionId Local { get; } = SessionId.Generate(entropy);

    public SessionId Remote { get; private set; }

    public AckIds AcksOfReply { get; private set; }

    public byte[] PayloadOfReply { get; private set; } = [];

    public byte[] Reset(uint messageId = 0, int keyId = 0) => Write(resetOpcode, keyId, [], default, messageId, []);

    public byte[] RepeatedReset() => Write(resetOpcode, 0, [0], Remote, 0, []);

    public byte[] Ack(SessionId? cookie = null, uint id = 0) => Write(Opcode.AckV1, 0, [id], cookie ?? Remote, null, []);

    public byte[] Control(uint messageId = 1, SessionId? cookie = null) =>
        Write(resetOpcode == Opcode.HardResetClientV3 ? Opcode.ControlWkcV1 : Opcode.ControlV1, 0, [0], cookie ?? Remote, messageId, [22, 3, 1]);

    public byte[] Write(Opcode opcode, int keyId, uint[] acks, SessionId acked, uint? messageId, byte[] payload)
    {
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        var length = ControlPacket.Write(clear, opcode, keyId, Local, acks, acked, messageId, payload);
        var wrapped = new byte[2 * OpenVpnLimits.MaxControlPacket];
        return wrapped[..wrapper.Wrap(clear.AsSpan(0, length), wrapped, DoorFixture.Start)];
    }

    /// <summary>Learns the cookie.</summary>
    public void Read(byte[] reply)
    {
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        wrapper.TryUnwrap(reply, clear, out var length).ShouldBe(DropReason.None);
        ControlPacket.TryParse(clear.AsSpan(0, length), out var packet).ShouldBeTrue();
        packet.Opcode.ShouldBe(Opcode.HardResetServerV2);
        packet.KeyId.ShouldBe((byte)0);
        packet.MessageId.ShouldBe(0u);
        if (packet.Acks.Count > 0)
        {
            packet.AckedSession.ShouldBe(Local);
        }

        Remote = packet.Sender;
        AcksOfReply = packet.Acks;
        PayloadOfReply = packet.Payload.ToArray();
    }
}

/// <summary>A door, the fleet behind it, and visitors of every kind.</summary>
internal sealed class DoorFixture : ICredentialDirectory
{
    public const int TlsAuthNetwork = 11;
    public const int TlsCryptNetwork = 12;

    public static readonly Instant Start = Instant.FromUnixSeconds(1_700_000_010);
    public static readonly OuterAddress Address = new(IpAddress.Parse("198.51.100.7"), 40000);

    private static readonly StaticKey AuthKey = StaticKey.Generate(new SeededEntropy(1001));
    private static readonly StaticKey CryptKey = StaticKey.Generate(new SeededEntropy(1002));
    private static readonly TlsCryptV2ServerKey ServerKey = TlsCryptV2ServerKey.Generate(new SeededEntropy(1003));

    private readonly SeededEntropy _entropy = new(2024);

    public DoorFixture(params LegacyWrapping[] more)
    {
        Door = new OpenVpnDoor(new SeededEntropy(7), new DoorOptions { ServerKeys = [ServerKey] });
        LegacyWrappings =
        [
            LegacyWrapping.TlsAuth(TlsAuthNetwork, AuthKey, KeyDirection.Inverse, HashKind.Sha1),
            LegacyWrapping.TlsCrypt(TlsCryptNetwork, CryptKey),
            .. more,
        ];
    }

    public static byte[] KnownId { get; } = new SeededEntropy(55).Bytes(16);

    public static TheoryData<string> Kinds => ["v2", "tls-crypt", "tls-auth", "plain"];

    public OpenVpnDoor Door { get; }

    public IReadOnlyList<LegacyWrapping> LegacyWrappings { get; set; }

    public bool IsRevoked { get; set; }

    public byte[] LastReply { get; private set; } = [];

    public Admission? Admission { get; private set; }

    public static DoorFixture WithPlain() => new(LegacyWrapping.Plain(13));

    public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16) => !IsRevoked && wrappedKeyId16.SequenceEqual(KnownId);

    public Visitor Visit(string kind) => kind switch
    {
        "v2" => V2(ServerKey, KnownId),
        "v2 of 2.5" => Visitor25(),
        "tls-crypt" => new Visitor(new TlsCryptWrapper(CryptKey.Bytes, isServer: false), Opcode.HardResetClientV2, _entropy),
        "tls-auth" => new Visitor(new TlsAuthWrapper(AuthKey, KeyDirection.Inverse, HashKind.Sha1), Opcode.HardResetClientV2, _entropy),
        "plain" => new Visitor(new PlainWrapper(), Opcode.HardResetClientV2, _entropy),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    public Visitor V2(TlsCryptV2ServerKey serverKey, byte[] id) =>
        new(TlsCryptWrapper.ForClient(serverKey.IssueClient(_entropy, id)), Opcode.HardResetClientV3, _entropy);

    public DoorVerdict Handle(byte[] packet, Instant? now = null, OuterAddress? from = null, bool isStream = false)
    {
        var reply = new byte[packet.Length];
        var verdict = Door.Handle(packet, from ?? Address, isStream, this, now ?? Start, reply, out var length, out var admission);
        LastReply = reply[..length];
        Admission = admission;
        (length > 0).ShouldBe(verdict.Action == DoorAction.Reply);
        (admission is not null).ShouldBe(verdict.Action == DoorAction.Admit);
        (verdict.Reason == DropReason.None).ShouldBe(verdict.Action != DoorAction.Drop);
        return verdict;
    }

    /// <summary>Reset and reply: the visitor has its cookie.</summary>
    public Visitor Welcomed(string kind, Instant? now = null)
    {
        var visitor = Visit(kind);
        Handle(visitor.Reset(), now).Action.ShouldBe(DoorAction.Reply);
        visitor.Read(LastReply);
        return visitor;
    }

    public void ShouldDrop(byte[] packet, DropReason reason, Instant? now = null, OuterAddress? from = null, bool isStream = false) =>
        Handle(packet, now, from, isStream).ShouldBe(new DoorVerdict(DoorAction.Drop, reason));

    public Admission ShouldAdmit(byte[] packet, Instant? now = null, OuterAddress? from = null, bool isStream = false)
    {
        Handle(packet, now, from, isStream).Action.ShouldBe(DoorAction.Admit);
        return Admission!;
    }

    /// <summary>2.5 knows tls-crypt-v2 but not early negotiation: its counter starts at 1.</summary>
    private Visitor Visitor25()
    {
        var key = ServerKey.IssueClient(_entropy, KnownId);
        return new Visitor(new AppendingWkc(key), Opcode.HardResetClientV3, _entropy);
    }

    private sealed class AppendingWkc(TlsCryptV2ClientKey key) : ControlWrapper(WrappingKind.TlsCryptV2, TlsCryptKey.Overhead, 1)
    {
        private readonly TlsCryptWrapper _inner = new(key.Key256, isServer: false, WrappingKind.TlsCryptV2);

        public override int Wrap(ReadOnlySpan<byte> clear, Span<byte> wrapped, Instant now)
        {
            var length = _inner.Wrap(clear, wrapped, now);
            if (!new PacketHead(clear[0]).CarriesWrappedKey)
            {
                return length;
            }

            key.Wkc.CopyTo(wrapped[length..]);
            return length + key.Wkc.Length;
        }

        public override DropReason TryUnwrap(ReadOnlySpan<byte> wrapped, Span<byte> clear, out int length) =>
            _inner.TryUnwrap(wrapped, clear, out length);

        public override void Rest() => _inner.Rest();

        private protected override void ZeroKeys() => _inner.Dispose();
    }
}
