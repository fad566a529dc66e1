namespace Sallyport.Core.Crypto;

/// <summary>Whether a provider's functions do exactly what EVP does: a few packets both ways, a forged one among them.</summary>
internal static unsafe class AeadTrial
{
    private const int Rounds = 4;
    private const int TextLength = 40;

    public static bool Passes(AeadAlgorithm algorithm, AeadFunctions* functions)
    {
        Span<byte> key = stackalloc byte[algorithm.KeyLength()];
        var plain = AeadContext.ForSealing(algorithm, key, null);
        var (sealing, opening) = (default(AeadContext), default(AeadContext));
        try
        {
            sealing = AeadContext.ForSealing(algorithm, key, functions);
            opening = AeadContext.ForOpening(algorithm, key, functions);
            for (byte round = 0; round < Rounds; round++)
            {
                if (!Passes(plain, sealing, opening, round))
                {
                    return false;
                }
            }

            return true;
        }
        catch (Primitives.InvariantException)
        {
            return false;
        }
        finally
        {
            plain.Free();
            sealing.Free();
            opening.Free();
            OpenSsl.ERR_clear_error();
        }
    }

    private static bool Passes(in AeadContext plain, in AeadContext sealing, in AeadContext opening, byte round)
    {
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        Span<byte> aad = stackalloc byte[8];
        Span<byte> expected = stackalloc byte[TextLength];
        Span<byte> text = stackalloc byte[TextLength];
        Span<byte> expectedTag = stackalloc byte[AeadContext.TagLength];
        Span<byte> tag = stackalloc byte[AeadContext.TagLength];

        // No round's nonce differs from the last one's in the same bytes.
        nonce[round * 3] ^= (byte)(round + 1);
        expected.Fill(round);
        text.Fill(round);
        plain.Seal(nonce, aad, expected, expectedTag);
        if (!sealing.TrySeal(nonce, aad, text, tag) || !text.SequenceEqual(expected) || !tag.SequenceEqual(expectedTag))
        {
            return false;
        }

        Span<byte> forged = stackalloc byte[TextLength];
        text.CopyTo(forged);
        forged[^1] ^= 1;
        return opening.TryOpen(nonce, aad, forged, tag, out var isGenuine) && !isGenuine
            && opening.TryOpen(nonce, aad, text, tag, out isGenuine) && isGenuine && !text.ContainsAnyExcept(round);
    }
}
