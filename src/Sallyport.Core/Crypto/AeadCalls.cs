using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One AEAD algorithm as OpenSSL's provider implements it: the functions that EVP itself calls (provider-cipher(7)), found by the same
/// provider that EVP fetched the algorithm from. Between EVP and them lie, for each packet, a search for the length of the nonce by its
/// name and a dozen checks of what cannot have changed since the last one; ADR 0012 has the figures. The functions are found and tried out
/// once; where one is missing or does not do what EVP does, EVP is used.
/// </summary>
internal static unsafe class AeadCalls
{
    // core_dispatch.h
    private const int OperationCipher = 2;
    private const int NewContextId = 1;
    private const int EncryptInitId = 2;
    private const int DecryptInitId = 3;
    private const int UpdateId = 4;
    private const int FinalId = 5;
    private const int FreeContextId = 7;
    private const int GetContextParamsId = 10;

    private static readonly Lazy<nint> Aes128Gcm = new(static () => Find(AeadAlgorithm.Aes128Gcm, "AES-128-GCM"u8));
    private static readonly Lazy<nint> Aes256Gcm = new(static () => Find(AeadAlgorithm.Aes256Gcm, "AES-256-GCM"u8));
    private static readonly Lazy<nint> ChaCha20Poly1305 = new(static () => Find(AeadAlgorithm.ChaCha20Poly1305, "ChaCha20-Poly1305"u8));

    /// <summary>Null where EVP has to be used. Lives as long as the process.</summary>
    public static AeadFunctions* Of(AeadAlgorithm algorithm) => (AeadFunctions*)(algorithm switch
    {
        AeadAlgorithm.Aes128Gcm => Aes128Gcm.Value,
        AeadAlgorithm.Aes256Gcm => Aes256Gcm.Value,
        AeadAlgorithm.ChaCha20Poly1305 => ChaCha20Poly1305.Value,
    });

    private static nint Find(AeadAlgorithm algorithm, ReadOnlySpan<byte> name)
    {
        var provider = OpenSsl.EVP_CIPHER_get0_provider(Algorithms.Aead(algorithm));
        int mayNotKeep;
        var offered = OpenSsl.OSSL_PROVIDER_query_operation(provider, OperationCipher, &mayNotKeep);
        for (; offered != null && offered->Names != null; offered++)
        {
            if (mayNotKeep == 0 && HasName(offered->Names, name))
            {
                var functions = Read(offered->Implementation, OpenSsl.OSSL_PROVIDER_get0_provider_ctx(provider));
                return functions != null && AeadTrial.Passes(algorithm, functions) ? (nint)functions : 0;
            }
        }

        return 0;
    }

    /// <summary>Names come behind each other with colons between them.</summary>
    private static bool HasName(byte* names, ReadOnlySpan<byte> name)
    {
        var rest = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(names);
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)':');
            if ((end < 0 ? rest : rest[..end]).SequenceEqual(name))
            {
                return true;
            }

            rest = end < 0 ? default : rest[(end + 1)..];
        }

        return false;
    }

    private static AeadFunctions* Read(OsslDispatch* table, nint providerContext)
    {
        var found = (AeadFunctions*)NativeMemory.AllocZeroed((nuint)sizeof(AeadFunctions));
        found->ProviderContext = providerContext;
        for (; table->Id != 0; table++)
        {
            switch (table->Id)
            {
                case NewContextId:
                    found->NewContext = (delegate* unmanaged<nint, nint>)table->Function;
                    break;
                case EncryptInitId:
                    found->EncryptInit = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, OsslParam*, int>)table->Function;
                    break;
                case DecryptInitId:
                    found->DecryptInit = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, OsslParam*, int>)table->Function;
                    break;
                case UpdateId:
                    found->Update = (delegate* unmanaged<nint, byte*, nuint*, nuint, byte*, nuint, int>)table->Function;
                    break;
                case FinalId:
                    found->Final = (delegate* unmanaged<nint, byte*, nuint*, nuint, int>)table->Function;
                    break;
                case FreeContextId:
                    found->FreeContext = (delegate* unmanaged<nint, void>)table->Function;
                    break;
                case GetContextParamsId:
                    found->GetContextParams = (delegate* unmanaged<nint, OsslParam*, int>)table->Function;
                    break;
                default:
                    break;
            }
        }

        if (found->IsWhole)
        {
            return found;
        }

        NativeMemory.Free(found);
        return null;
    }
}

/// <summary>The functions of one algorithm, with the names and arguments of provider-cipher(7).</summary>
internal unsafe struct AeadFunctions
{
    public nint ProviderContext;
    public delegate* unmanaged<nint, nint> NewContext;
    public delegate* unmanaged<nint, void> FreeContext;
    public delegate* unmanaged<nint, byte*, nuint, byte*, nuint, OsslParam*, int> EncryptInit;
    public delegate* unmanaged<nint, byte*, nuint, byte*, nuint, OsslParam*, int> DecryptInit;
    public delegate* unmanaged<nint, byte*, nuint*, nuint, byte*, nuint, int> Update;
    public delegate* unmanaged<nint, byte*, nuint*, nuint, int> Final;
    public delegate* unmanaged<nint, OsslParam*, int> GetContextParams;

    public readonly bool IsWhole =>
        ProviderContext != 0 && NewContext != null && FreeContext != null && EncryptInit != null && DecryptInit != null
        && Update != null && Final != null && GetContextParams != null;
}
