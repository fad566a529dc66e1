using Sallyport.Core.Crypto;

namespace Sallyport.Core.OpenVpn.Data;

/// <summary>Everything that decides how a data packet looks.</summary>
/// <param name="Auth">HMAC of the CBC formats; without meaning for AEAD ciphers.</param>
/// <param name="UsePeerId">P_DATA_V2 with its 24-bit peer id, against P_DATA_V1.</param>
public readonly record struct DataFormat(DataCipher Cipher, HashKind Auth, bool UsePeerId, CompressionFraming Compression)
{
    /// <summary>Bytes between the start of the outer payload and the inner packet, at most.</summary>
    public int Headroom =>
        OpcodeLength + PidLength + (Cipher.IsAead() ? TagLength : Auth.Length() + IvLength) + Compression switch
        {
            CompressionFraming.None => 0,
            CompressionFraming.Lzo => 1,
            CompressionFraming.StubSwap => 0,
            CompressionFraming.StubV2 => 2,
        };

    /// <summary>Bytes after the inner packet, at most.</summary>
    public int Tailroom => (Cipher.IsAead() ? 0 : BlockLength) + (Compression == CompressionFraming.StubSwap ? 1 : 0);

    internal const int PidLength = 4;
    internal const int TagLength = 16;
    internal const int IvLength = 16;
    internal const int BlockLength = 16;

    internal int OpcodeLength => UsePeerId ? 4 : 1;
}
