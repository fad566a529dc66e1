using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Data;

/// <summary>
/// The 256 bytes that one negotiation yields: for client-to-server and then for server-to-client 64 bytes of cipher key
/// and 64 of HMAC key. Zeroed when disposed; a <see cref="DataKey"/> made from it keeps none of it in managed memory but its nonces' salt.
/// </summary>
public sealed class KeyMaterial : IDisposable
{
    public const int Length = 256;

    /// <summary>Bytes of each of the four slots.</summary>
    public const int SlotLength = 64;

    private readonly byte[] _bytes;

    /// <summary>Takes a copy.</summary>
    public KeyMaterial(ReadOnlySpan<byte> bytes)
    {
        Invariant.Check(bytes.Length == Length, "key material has 256 bytes");
        _bytes = bytes.ToArray();
    }

    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The 64 bytes from which the keys of the cipher in this direction come.</summary>
    public ReadOnlySpan<byte> CipherSlot(bool serverToClient) => _bytes.AsSpan(serverToClient ? 2 * SlotLength : 0, SlotLength);

    /// <summary>The 64 bytes from which the HMAC key, or the nonces' salt, in this direction comes.</summary>
    public ReadOnlySpan<byte> HmacSlot(bool serverToClient) => _bytes.AsSpan(serverToClient ? 3 * SlotLength : SlotLength, SlotLength);

    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);
}
