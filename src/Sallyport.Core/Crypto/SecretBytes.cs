using System.Security.Cryptography;

namespace Sallyport.Core.Crypto;

/// <summary>Bytes that are zeroed when disposed, and of which the collector of garbage leaves no copies behind: they do not move.</summary>
public sealed class SecretBytes : IDisposable
{
    private readonly byte[] _bytes;
    private bool _disposed;

    public SecretBytes(int length) => _bytes = GC.AllocateArray<byte>(length, pinned: true);

    public SecretBytes(ReadOnlySpan<byte> copied)
        : this(copied.Length) => copied.CopyTo(_bytes);

    public int Length => _bytes.Length;

    public Span<byte> Span
    {
        get
        {
            // A key of zeros would be worse than none.
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _bytes;
        }
    }

    public ReadOnlySpan<byte> Bytes => Span;

    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_bytes);
    }
}
