using System.Security.Cryptography;

namespace Sallyport.Core.Crypto;

/// <summary>From DER to OpenSSL's certificates. Whoever takes one frees it.</summary>
internal static unsafe class NativeCertificate
{
    /// <summary>0 where the bytes are no certificate, or one with something behind it.</summary>
    public static nint TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return 0;
        }

        fixed (byte* der = bytes)
        {
            var at = der;
            var certificate = OpenSsl.d2i_X509(null, &at, bytes.Length);
            if (certificate != 0 && at == der + bytes.Length)
            {
                return certificate;
            }

            OpenSsl.X509_free(certificate);
            OpenSsl.ERR_clear_error();
            return 0;
        }
    }

    /// <param name="what">As the operator knows it.</param>
    /// <param name="index">From 0.</param>
    /// <exception cref="CryptographicException">It is no certificate, or has something behind it.</exception>
    public static nint Read(byte[] bytes, string what, int index)
    {
        fixed (byte* der = bytes)
        {
            var at = der;
            var certificate = OpenSsl.d2i_X509(null, &at, bytes.Length);
            if (certificate == 0)
            {
                OpenSsl.ThrowRefused($"{what}, number {index + 1}, is not an X.509 certificate in DER");
            }

            if (at != der + bytes.Length)
            {
                OpenSsl.X509_free(certificate);
                throw new CryptographicException($"{what}, number {index + 1}, has bytes after its end.");
            }

            return certificate;
        }
    }
}
