namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>What our WKcs carry beside the key: type 0 (user data) and the 16 bytes that name the credential, so that a revoked one dies before TLS.</summary>
public static class WrappedKeyMetadata
{
    public const int IdLength = 16;
    public const int Length = 1 + IdLength;

    private const byte UserType = 0;

    public static void Write(Span<byte> metadata, ReadOnlySpan<byte> wrappedKeyId)
    {
        metadata[0] = UserType;
        wrappedKeyId[..IdLength].CopyTo(metadata[1..]);
    }

    /// <summary>False for metadata that we did not make, such as the timestamp that is openvpn's default.</summary>
    public static bool TryRead(ReadOnlySpan<byte> metadata, out ReadOnlySpan<byte> wrappedKeyId)
    {
        wrappedKeyId = default;
        if (metadata.Length != Length || metadata[0] != UserType)
        {
            return false;
        }

        wrappedKeyId = metadata[1..];
        return true;
    }
}
