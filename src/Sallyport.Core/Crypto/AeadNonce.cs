namespace Sallyport.Core.Crypto;

/// <summary>
/// The two ways to give a cipher context its next nonce. The documented one, EVP_CipherInit with nothing but an IV, first asks the cipher
/// by name for its IV's length, and takes a sixth of the time of a small packet. For GCM there is a shorter one: the parameter with which
/// TLS sets its fixed part of the nonce restores the whole where the length says so (-1, as EVP_CTRL_GCM_SET_IV_FIXED has always had it),
/// and goes in one call with the expected tag. ADR 0011 has the figures.
/// </summary>
internal static unsafe class AeadNonce
{
    private static readonly nuint Whole = nuint.MaxValue;

    /// <summary>This OpenSSL does by parameter exactly what it does by EVP_CipherInit: tried out, once.</summary>
    public static readonly bool CanGoByParameter = Probe();

    private static ReadOnlySpan<byte> FixedPart => "tlsivfixed"u8;

    private static ReadOnlySpan<byte> Tag => "tag"u8;

    public static bool TrySet(nint context, byte* nonce)
    {
        var parameters = stackalloc OsslParam[2];
        parameters[0] = OsslParam.OctetsOfSpecialLength(FixedPart, nonce, Whole);
        parameters[1] = OsslParam.End;
        return OpenSsl.EVP_CIPHER_CTX_set_params(context, parameters) == 1;
    }

    /// <summary>For opening.</summary>
    public static bool TrySet(nint context, byte* nonce, byte* tag)
    {
        var parameters = stackalloc OsslParam[3];
        parameters[0] = OsslParam.OctetsOfSpecialLength(FixedPart, nonce, Whole);
        parameters[1] = OsslParam.Octets(Tag, tag, AeadContext.TagLength);
        parameters[2] = OsslParam.End;
        return OpenSsl.EVP_CIPHER_CTX_set_params(context, parameters) == 1;
    }

    private static bool Probe()
    {
        Span<byte> key = stackalloc byte[AeadAlgorithm.Aes256Gcm.KeyLength()];
        var sealing = AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, key, byParameter: true);
        var plain = AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, key, byParameter: false);
        var opening = AeadContext.ForOpening(AeadAlgorithm.Aes256Gcm, key, byParameter: true);
        try
        {
            Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
            Span<byte> text = stackalloc byte[40];
            Span<byte> expected = stackalloc byte[40];
            Span<byte> tag = stackalloc byte[AeadContext.TagLength];
            Span<byte> expectedTag = stackalloc byte[AeadContext.TagLength];
            for (byte round = 0; round < 4; round++)
            {
                // No round's nonce differs from the last one's in the same bytes.
                nonce[round * 3] ^= (byte)(round + 1);
                text.Fill(round);
                expected.Fill(round);
                plain.Seal(nonce, key[..8], expected, expectedTag);
                if (!sealing.TrySeal(nonce, key[..8], text, tag) || !text.SequenceEqual(expected) || !tag.SequenceEqual(expectedTag)
                    || !opening.TryOpen(nonce, key[..8], text, tag, out var isGenuine) || !isGenuine || text.ContainsAnyExcept(round))
                {
                    return false;
                }
            }

            return true;
        }
        finally
        {
            sealing.Free();
            plain.Free();
            opening.Free();
            OpenSsl.ERR_clear_error();
        }
    }
}
