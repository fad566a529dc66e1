using System.Buffers.Binary;

namespace Sallyport.Core.Ike.Eap;

/// <summary>RFC 3748 section 4.</summary>
public enum EapCode : byte
{
    Request = 1,
    Response = 2,
    Success = 3,
    Failure = 4,
}

/// <summary>RFC 3748 section 5, and the methods that we have.</summary>
public enum EapType : byte
{
    None = 0,
    Identity = 1,
    Notification = 2,

    /// <summary>Only in responses.</summary>
    Nak = 3,
    Tls = 13,
    MsChapV2 = 26,

    /// <summary>RFC 3748 section 5.7; the Nak of this kind is a response, too.</summary>
    Expanded = 254,
}

/// <summary>A packet of EAP (RFC 3748 section 4), where it is in its bytes. IKE carries it whole, so that nothing is behind its end.</summary>
public readonly ref struct EapMessage
{
    public const int HeadLength = 4;
    public const int MaxLength = ushort.MaxValue;

    private EapMessage(EapCode code, byte identifier, EapType type, ReadOnlySpan<byte> data)
    {
        Code = code;
        Identifier = identifier;
        Type = type;
        Data = data;
    }

    public EapCode Code { get; }

    public byte Identifier { get; }

    /// <summary><see cref="EapType.None"/> for success and failure. Any other number where the peer has methods that we have not.</summary>
    public EapType Type { get; }

    /// <summary>What is behind the type.</summary>
    public ReadOnlySpan<byte> Data { get; }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out EapMessage message)
    {
        message = default;
        if (bytes.Length is < HeadLength or > MaxLength || BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) != bytes.Length)
        {
            return false;
        }

        var code = (EapCode)bytes[0];
        var hasType = code is EapCode.Request or EapCode.Response;
        if (hasType ? bytes.Length == HeadLength || bytes[HeadLength] == 0 : bytes.Length != HeadLength || code is not (EapCode.Success or EapCode.Failure))
        {
            return false;
        }

        message = hasType
            ? new EapMessage(code, bytes[1], (EapType)bytes[HeadLength], bytes[(HeadLength + 1)..])
            : new EapMessage(code, bytes[1], EapType.None, default);
        return true;
    }

    public static byte[] Request(byte identifier, EapType type, ReadOnlySpan<byte> data) => Write(EapCode.Request, identifier, type, data);

    public static byte[] Response(byte identifier, EapType type, ReadOnlySpan<byte> data) => Write(EapCode.Response, identifier, type, data);

    /// <param name="identifier">Of the response that it follows.</param>
    public static byte[] Success(byte identifier) => [(byte)EapCode.Success, identifier, 0, HeadLength];

    /// <param name="identifier">Of the response that it follows.</param>
    public static byte[] Failure(byte identifier) => [(byte)EapCode.Failure, identifier, 0, HeadLength];

    private static byte[] Write(EapCode code, byte identifier, EapType type, ReadOnlySpan<byte> data)
    {
        var bytes = new byte[HeadLength + 1 + data.Length];
        bytes[0] = (byte)code;
        bytes[1] = identifier;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), checked((ushort)bytes.Length));
        bytes[HeadLength] = (byte)type;
        data.CopyTo(bytes.AsSpan(HeadLength + 1));
        return bytes;
    }
}
