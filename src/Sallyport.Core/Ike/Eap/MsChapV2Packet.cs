using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>draft-kamath-pppext-eap-mschapv2 section 2.</summary>
internal enum MsChapV2Opcode : byte
{
    Challenge = 1,
    Response = 2,
    Success = 3,
    Failure = 4,
}

/// <summary>
/// Packets of EAP-MSCHAPv2, behind the type: opcode, identifier, length, and what the opcode has. A client confirms success and failure by the opcode alone.
/// </summary>
internal readonly ref struct MsChapV2Packet
{
    private const int HeadLength = 4;

    /// <summary>Peer's challenge 16, reserved 8, NT response 24, flags 1: RFC 2759 section 4.</summary>
    private const int ResponseLength = 49;
    private const int ReservedLength = 8;

    private MsChapV2Packet(MsChapV2Opcode opcode, byte identifier, ReadOnlySpan<byte> value, ReadOnlySpan<byte> name)
    {
        Opcode = opcode;
        Identifier = identifier;
        Value = value;
        Name = name;
    }

    public MsChapV2Opcode Opcode { get; }

    public byte Identifier { get; }

    /// <summary>Of a challenge or a response, without the length in front of it; of the others the text.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>Of a challenge or a response: who says so.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Only in responses.</summary>
    public ReadOnlySpan<byte> PeerChallenge => Value[..MsChapV2.ChallengeLength];

    /// <summary>Only in responses.</summary>
    public ReadOnlySpan<byte> NtResponse => Value.Slice(MsChapV2.ChallengeLength + ReservedLength, MsChapV2.NtResponseLength);

    /// <summary>Whether the client says nothing but that it has read the server's last word.</summary>
    public static bool IsConfirmation(ReadOnlySpan<byte> data, MsChapV2Opcode of) => data.Length == 1 && data[0] == (byte)of;

    public static bool TryRead(ReadOnlySpan<byte> data, out MsChapV2Packet packet)
    {
        packet = default;
        var reader = new ByteReader(data);
        if (!reader.TryU8(out var opcode) || !reader.TryU8(out var identifier) || !reader.TryU16(out var length) || length != data.Length)
        {
            return false;
        }

        var kind = (MsChapV2Opcode)opcode;
        var isText = kind is MsChapV2Opcode.Success or MsChapV2Opcode.Failure;
        if (isText)
        {
            packet = new MsChapV2Packet(kind, identifier, reader.Rest, default);
            return true;
        }

        var expected = kind switch
        {
            MsChapV2Opcode.Challenge => MsChapV2.ChallengeLength,
            MsChapV2Opcode.Response => ResponseLength,
            _ => -1,
        };
        if (!reader.TryU8(out var size) || size != expected || !reader.TryBytes(size, out var value) || reader.Remaining > EapLimits.MaxIdentity)
        {
            return false;
        }

        packet = new MsChapV2Packet(kind, identifier, value, reader.Rest);
        return true;
    }

    public static byte[] Challenge(byte identifier, ReadOnlySpan<byte> challenge, string name) =>
        Write(MsChapV2Opcode.Challenge, identifier, [(byte)challenge.Length, .. challenge, .. Encoding.UTF8.GetBytes(name)]);

    public static byte[] Response(byte identifier, ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> ntResponse, ReadOnlySpan<byte> name) =>
        Write(MsChapV2Opcode.Response, identifier, [ResponseLength, .. peerChallenge, .. new byte[ReservedLength], .. ntResponse, 0, .. name]);

    public static byte[] Text(MsChapV2Opcode opcode, byte identifier, ReadOnlySpan<byte> text) => Write(opcode, identifier, text);

    private static byte[] Write(MsChapV2Opcode opcode, byte identifier, ReadOnlySpan<byte> rest)
    {
        var data = new byte[HeadLength + rest.Length];
        data[0] = (byte)opcode;
        data[1] = identifier;
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), (ushort)data.Length);
        rest.CopyTo(data.AsSpan(HeadLength));
        return data;
    }
}
