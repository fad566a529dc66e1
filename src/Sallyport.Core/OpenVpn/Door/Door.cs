using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>
/// Everything before a session exists. Remembers nothing of any peer but how often its credential came in lately; silent to everything whose wrapping does not verify; never sends more bytes
/// than it received. It sees packets of which no session at that address has the sender's session id, and on a stream the first packet alone.
/// For one thread at a time.
/// </summary>
public sealed class Door : IDisposable
{
    private static readonly uint[] PeersReset = [0];

    private readonly IEntropy _entropy;
    private readonly CookieJar _cookies;
    private readonly PlainResetLimiter _plainResets;
    private readonly SessionLimiter _sessions = new();
    private readonly LegacyKeys _legacy = new();
    private readonly byte[] _clear = new byte[OpenVpnLimits.MaxControlPacket];
    private TlsCryptV2ServerKey[] _serverKeys = [];

    public Door(IEntropy entropy, DoorOptions options)
    {
        _entropy = entropy;
        _cookies = new CookieJar(entropy, options.CookieSlotSeconds);
        _plainResets = new PlainResetLimiter(entropy);
        UseServerKeys(options.ServerKeys);
    }

    /// <summary>Changes the server keys; handshakes that are under way are not disturbed while their key is among the new ones.</summary>
    public void UseServerKeys(IReadOnlyList<TlsCryptV2ServerKey> keys)
    {
        Invariant.Check(keys.Count <= OpenVpnLimits.MaxServerKeys, "there are at most 8 tls-crypt-v2 server keys");
        DisposeServerKeys();
        _serverKeys = [.. keys.Select(key => new TlsCryptV2ServerKey(key.Bytes))];
    }

    /// <summary>Judges one packet.</summary>
    /// <param name="from">Part of the cookie: only who receives there can come in from there.</param>
    /// <param name="isStream">The first packet of a TCP connection, whose address is proven.</param>
    /// <param name="reply">Room for as many bytes as the packet has.</param>
    /// <param name="admission">Set for Admit alone; the caller owns it.</param>
    public DoorVerdict Handle(
        ReadOnlySpan<byte> packet,
        OuterAddress from,
        bool isStream,
        ICredentialDirectory directory,
        Instant now,
        Span<byte> reply,
        out int replyLength,
        out Admission? admission)
    {
        replyLength = 0;
        admission = null;
        var reason = Screen(packet, isStream, out var head);
        if (reason != DropReason.None)
        {
            return DoorVerdict.Drop(reason);
        }

        var knock = new Knock { Packet = packet, From = from, IsStream = isStream, Now = now, Control = packet };
        return head.CarriesWrappedKey
            ? HandleWrappedKey(knock, directory, reply, out replyLength, out admission)
            : HandleLegacy(knock, directory, reply, out replyLength, out admission);
    }

    /// <summary>
    /// Counts a session against its credential; false where that has begun too many. To be asked once, for an admission that was not
    /// counted yet, when its peer has acknowledged our session id: a packet that was captured cannot.
    /// </summary>
    public bool TryCount(ReadOnlySpan<byte> wrappedKeyId, Instant now) =>
        _sessions.TryTake(BinaryPrimitives.ReadUInt128BigEndian(wrappedKeyId), now);

    public void Dispose()
    {
        _cookies.Dispose();
        _plainResets.Dispose();
        _legacy.Dispose();
        DisposeServerKeys();
        CryptographicOperations.ZeroMemory(_clear);
    }

    /// <summary>Only key 0 opens a session, and of the opcodes only a client's reset and what follows it.</summary>
    private static DropReason Screen(ReadOnlySpan<byte> packet, bool isStream, out PacketHead head)
    {
        head = default;
        if (packet.Length > OpenVpnLimits.MaxControlPacket)
        {
            return DropReason.TooLong;
        }

        if (packet.Length < ControlPacket.HeadLength)
        {
            return DropReason.TooShort;
        }

        if (!ControlPacket.TryPeek(packet, out head, out var sender))
        {
            return head.IsData ? DropReason.UnknownPeer : sender.IsZero && head.IsControl ? DropReason.ControlMalformed : DropReason.UnknownOpcode;
        }

        if (head.KeyId != 0)
        {
            return DropReason.UnknownKey;
        }

        var mayOpen = head.IsClientReset || (!isStream && head.Opcode is Opcode.ControlV1 or Opcode.AckV1 or Opcode.ControlWkcV1);
        return mayOpen ? DropReason.None : DropReason.UnknownPeer;
    }

    private DoorVerdict HandleWrappedKey(
        Knock knock,
        ICredentialDirectory directory,
        Span<byte> reply,
        out int replyLength,
        out Admission? admission)
    {
        replyLength = 0;
        admission = null;
        Span<byte> key = stackalloc byte[OpenVpnLimits.StaticKeyLength];
        Span<byte> metadata = stackalloc byte[OpenVpnLimits.MaxMetadata];
        if (!TryOpenWrappedKey(knock.Packet, out var controlLength, key, metadata, out var metadataLength))
        {
            return DoorVerdict.Drop(DropReason.WrappedKeyInvalid);
        }

        try
        {
            if (!WrappedKeyMetadata.TryRead(metadata[..metadataLength], out var id) || !directory.IsKnown(id))
            {
                return DoorVerdict.Drop(DropReason.CredentialUnknown);
            }

            var control = knock.Packet[..controlLength];
            if (!TryOpenWith(key, control, out var length, out var counter))
            {
                return DoorVerdict.Drop(DropReason.WrapInvalid);
            }

            var opened = knock with
            {
                Kind = WrappingKind.TlsCryptV2,
                Control = control,
                Key256 = key,
                WrappedKeyId = id,
                Overhead = TlsCryptKey.Overhead,
                OffersEarlyNegotiation = EarlyNegotiation.IsOfferedBy((uint)counter),
            };
            Span<byte> identity = stackalloc byte[1 + WrappedClientKey.TagLength];
            identity[0] = (byte)WrappingKind.TlsCryptV2;
            knock.Packet.Slice(controlLength, WrappedClientKey.TagLength).CopyTo(identity[1..]);
            return Judge(opened, identity, _clear.AsSpan(0, length), reply, out replyLength, out admission);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private DoorVerdict HandleLegacy(
        Knock knock,
        ICredentialDirectory directory,
        Span<byte> reply,
        out int replyLength,
        out Admission? admission)
    {
        replyLength = 0;
        admission = null;
        _legacy.Adopt(directory.LegacyWrappings);
        knock.LegacyIndex = _legacy.Find(knock.Packet, _clear, out var length);
        Span<byte> identity = stackalloc byte[1 + sizeof(int)];
        var writer = new ByteWriter(identity);
        if (knock.LegacyIndex >= 0)
        {
            var wrapping = _legacy.WrappingOf(knock.LegacyIndex);
            knock.Kind = wrapping.Kind;
            knock.Overhead = _legacy.OverheadOf(knock.LegacyIndex);
            writer.U8((byte)wrapping.Kind);
            writer.U32((uint)wrapping.NetworkId);
            return Judge(knock, writer.Written, _clear.AsSpan(0, length), reply, out replyLength, out admission);
        }

        if (_legacy.AllowsPlain)
        {
            knock.Kind = WrappingKind.None;
            writer.U8((byte)WrappingKind.None);
            return Judge(knock, writer.Written, knock.Packet, reply, out replyLength, out admission);
        }

        return DoorVerdict.Drop(_legacy.Count == 0 ? DropReason.WrapNotAllowed : DropReason.WrapInvalid);
    }

    /// <summary>The peer has a key, or needs none.</summary>
    private DoorVerdict Judge(
        Knock knock,
        ReadOnlySpan<byte> identity,
        ReadOnlySpan<byte> clear,
        Span<byte> reply,
        out int replyLength,
        out Admission? admission)
    {
        replyLength = 0;
        admission = null;
        if (!ControlPacket.TryParse(clear, out var packet))
        {
            return DoorVerdict.Drop(DropReason.ControlMalformed);
        }

        var isReset = new PacketHead(clear[0]).IsClientReset;
        if (isReset && packet.MessageId != 0)
        {
            return DoorVerdict.Drop(DropReason.ControlMalformed);
        }

        // A reset that acknowledges ours is repeated because its own acknowledgement is missing: it proves as much as an ACK_V1 does.
        if (!isReset || packet.Acks.Count > 0)
        {
            return HandleReturn(knock, identity, clear, packet, out admission);
        }

        // 2.5 clients of tls-crypt-v2 bring their key in the reset alone, so it has to be remembered from there on.
        if (knock.IsStream || (knock.Kind == WrappingKind.TlsCryptV2 && !knock.OffersEarlyNegotiation))
        {
            return Admit(knock, clear, packet.Sender, SessionId.Generate(_entropy), resetExchanged: false, out admission);
        }

        if (knock.Kind == WrappingKind.None && !_plainResets.TryTake(knock.From.Ip, knock.Now))
        {
            return DoorVerdict.Drop(DropReason.ResetRateLimited);
        }

        var local = _cookies.Make(knock.From, packet.Sender, identity, knock.Now);
        replyLength = WriteReply(knock, packet.Sender, local, reply);
        return DoorVerdict.Reply;
    }

    /// <summary>The third packet of the handshake: the peer shows that it received our reply.</summary>
    private DoorVerdict HandleReturn(
        Knock knock,
        ReadOnlySpan<byte> identity,
        ReadOnlySpan<byte> clear,
        in ControlPacket packet,
        out Admission? admission)
    {
        admission = null;
        if (knock.IsStream || !IsEarly(packet)
            || !_cookies.IsValid(packet.AckedSession, knock.From, packet.Sender, identity, knock.Now))
        {
            return DoorVerdict.Drop(DropReason.CookieInvalid);
        }

        if (knock.Kind == WrappingKind.None)
        {
            _plainResets.Confirm(knock.From.Ip, knock.Now);
        }

        return Admit(knock, clear, packet.Sender, packet.AckedSession, resetExchanged: true, out admission);
    }

    /// <summary>We sent one message and the peer at most two, so later ids are of a session that is gone.</summary>
    private static bool IsEarly(in ControlPacket packet)
    {
        for (var i = 0; i < packet.Acks.Count; i++)
        {
            if (packet.Acks[i] > 1)
            {
                return false;
            }
        }

        return packet.Acks.Count > 0 && (!packet.HasMessageId || packet.MessageId <= 1);
    }

    /// <summary>
    /// Without its acknowledgement where that would make it longer than the request: the peer then acknowledges ours, and the session that this
    /// opens acknowledges the peer's.
    /// </summary>
    private int WriteReply(Knock knock, SessionId remote, SessionId local, Span<byte> reply)
    {
        Span<byte> payload = stackalloc byte[EarlyNegotiation.Length];
        payload = payload[..(knock.Kind == WrappingKind.TlsCryptV2 ? EarlyNegotiation.Write(payload, EarlyNegotiationFlags.ResendWkc) : 0)];
        var withAck = ControlPacket.LengthBeforePayload(Opcode.HardResetServerV2, 1) + payload.Length + knock.Overhead;
        ReadOnlySpan<uint> acks = withAck <= knock.Packet.Length ? PeersReset : [];

        Span<byte> clear = stackalloc byte[64];
        var length = ControlPacket.Write(clear, Opcode.HardResetServerV2, 0, local, acks, remote, messageId: 0, payload);
        clear = clear[..length];
        var counter = ((ulong)(uint)knock.Now.UnixSeconds << 32) | 1;
        var wrapped = knock.Kind switch
        {
            WrappingKind.TlsCryptV2 => SealWith(knock.Key256, clear, counter, reply),
            WrappingKind.None => Copy(clear, reply),
            WrappingKind.TlsAuth or WrappingKind.TlsCrypt => _legacy.Seal(knock.LegacyIndex, clear, counter, reply),
        };
        Invariant.Check(wrapped <= knock.Packet.Length, "a stateless reply is not longer than its request");
        return wrapped;
    }

    private DoorVerdict Admit(
        Knock knock,
        ReadOnlySpan<byte> clear,
        SessionId remote,
        SessionId local,
        bool resetExchanged,
        out Admission? admission)
    {
        admission = null;
        // The stateless reply used packet id 1.
        var firstPacketId = resetExchanged ? 2u : 1u;
        var isV2 = knock.Kind == WrappingKind.TlsCryptV2;
        var legacy = knock.Kind is WrappingKind.TlsAuth or WrappingKind.TlsCrypt ? _legacy.WrappingOf(knock.LegacyIndex) : null;
        var wrapper = isV2
            ? new TlsCryptWrapper(knock.Key256, isServer: true, WrappingKind.TlsCryptV2, firstPacketId)
            : legacy?.CreateWrapper(firstPacketId) ?? new PlainWrapper();
        var firstPacket = clear.ToArray();
        // Records the packet's counter as seen.
        var reason = wrapper.TryUnwrap(knock.Control, _clear, out _);
        if (reason != DropReason.None)
        {
            wrapper.Dispose();
            return DoorVerdict.Drop(reason);
        }

        // Whoever captured a reset could use up its owner's sessions with it from anywhere: what has not answered us is counted once it has.
        var isCounted = isV2 && resetExchanged;
        if (isCounted && !TryCount(knock.WrappedKeyId, knock.Now))
        {
            wrapper.Dispose();
            return DoorVerdict.Drop(DropReason.SessionRateLimited);
        }

        admission = new Admission
        {
            Wrapper = wrapper,
            Remote = remote,
            Local = local,
            WrappedKeyId = isV2 ? knock.WrappedKeyId.ToArray() : null,
            ResetTag = isV2 ? BinaryPrimitives.ReadUInt128BigEndian(knock.Control[(ControlPacket.HeadLength + ControlWrapper.ReplayLength)..]) : default,
            NetworkId = legacy?.NetworkId,
            StaticKey = isV2 ? knock.Key256.ToArray() : legacy?.Key?.Bytes.ToArray(),
            FirstPacket = firstPacket,
            ResetExchanged = resetExchanged,
            IsCounted = isCounted,
        };
        return DoorVerdict.Admit;
    }

    private bool TryOpenWrappedKey(
        ReadOnlySpan<byte> packet,
        out int controlLength,
        Span<byte> key,
        Span<byte> metadata,
        out int metadataLength)
    {
        foreach (var serverKey in _serverKeys)
        {
            if (serverKey.TryUnwrapClient(packet, out controlLength, key, metadata, out metadataLength))
            {
                return true;
            }
        }

        controlLength = 0;
        metadataLength = 0;
        return false;
    }

    private bool TryOpenWith(ReadOnlySpan<byte> key256, ReadOnlySpan<byte> control, out int length, out ulong counter)
    {
        var receive = TlsCryptKey.Create(key256, half: 1);
        var isOpen = receive.TryOpen(control, _clear, out length, out counter);
        receive.Free();
        return isOpen;
    }

    private static int SealWith(ReadOnlySpan<byte> key256, ReadOnlySpan<byte> clear, ulong counter, Span<byte> wrapped)
    {
        var send = TlsCryptKey.Create(key256, half: 0);
        var length = send.Seal(clear, counter, wrapped);
        send.Free();
        return length;
    }

    private static int Copy(ReadOnlySpan<byte> clear, Span<byte> wrapped)
    {
        clear.CopyTo(wrapped);
        return clear.Length;
    }

    private void DisposeServerKeys()
    {
        foreach (var key in _serverKeys)
        {
            key.Dispose();
        }

        _serverKeys = [];
    }

    /// <summary>One packet and what is found out about it.</summary>
    private ref struct Knock
    {
        public ReadOnlySpan<byte> Packet;
        public OuterAddress From;
        public bool IsStream;
        public Instant Now;

        /// <summary>The packet without its WKc.</summary>
        public ReadOnlySpan<byte> Control;

        public WrappingKind Kind;
        public int Overhead;
        public int LegacyIndex;
        public ReadOnlySpan<byte> Key256;
        public ReadOnlySpan<byte> WrappedKeyId;
        public bool OffersEarlyNegotiation;
    }
}
