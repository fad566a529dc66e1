using System.Security.Cryptography;

namespace Sallyport.Core.Crypto;

/// <summary>Bytes that are erased when nobody needs them any more, and that no debugger text shows.</summary>
public sealed class SecretBytes : IDisposable
{
    private readonly byte[] _bytes;

    /// <summary>All zero, to be filled.</summary>
    public SecretBytes(int length) => _bytes = new byte[length];

    /// <summary>Takes a copy.</summary>
    public SecretBytes(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    public int Length => _bytes.Length;

    public Span<byte> Span => _bytes;

    public ReadOnlySpan<byte> Bytes => _bytes;

    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);
}
