namespace Sallyport.Core.Crypto;

/// <summary>One derivation by an EVP_KDF; its context lives only for the call.</summary>
internal static unsafe class NativeKdf
{
    public static void Derive(nint kdf, OsslParam* parameters, byte* output, int length)
    {
        var context = OpenSsl.EVP_KDF_CTX_new(kdf);
        var done = context != 0 && OpenSsl.EVP_KDF_derive(context, output, (nuint)length, parameters) == 1;
        OpenSsl.EVP_KDF_CTX_free(context);
        if (!done)
        {
            OpenSsl.ThrowBroken("derive a key");
        }
    }
}
