using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>Libraries of algorithms beside the one that the process has by default.</summary>
internal static unsafe partial class OpenSsl
{
    [LibraryImport(Crypto)]
    internal static partial nint OSSL_LIB_CTX_new();

    [LibraryImport(Crypto)]
    internal static partial void OSSL_LIB_CTX_free(nint library);

    [LibraryImport(Crypto)]
    internal static partial nint OSSL_PROVIDER_load(nint library, byte* name);
}
