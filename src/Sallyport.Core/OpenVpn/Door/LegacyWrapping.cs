using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>A wrapping that one network allows beside tls-crypt-v2.</summary>
public sealed record LegacyWrapping
{
    private LegacyWrapping(WrappingKind kind, int networkId, StaticKey? key, KeyDirection clientDirection, HashKind digest)
    {
        Kind = kind;
        NetworkId = networkId;
        Key = key;
        ClientDirection = clientDirection;
        Digest = digest;
    }

    /// <summary>TlsAuth, TlsCrypt or None.</summary>
    public WrappingKind Kind { get; }

    public int NetworkId { get; }

    /// <summary>Null for None alone. Not disposed before the door has seen a list without it.</summary>
    public StaticKey? Key { get; }

    /// <summary>The key-direction option of the clients. Meaningful for TlsAuth.</summary>
    public KeyDirection ClientDirection { get; }

    /// <summary>Meaningful for TlsAuth.</summary>
    public HashKind Digest { get; }

    public static LegacyWrapping TlsAuth(int networkId, StaticKey key, KeyDirection clientDirection, HashKind digest) =>
        new(WrappingKind.TlsAuth, networkId, key, clientDirection, digest);

    public static LegacyWrapping TlsCrypt(int networkId, StaticKey key) =>
        new(WrappingKind.TlsCrypt, networkId, key, KeyDirection.Normal, HashKind.Sha256);

    public static LegacyWrapping Plain(int networkId) => new(WrappingKind.None, networkId, null, KeyDirection.Normal, HashKind.Sha256);

    /// <summary>The server's side of a new session.</summary>
    internal ControlWrapper CreateWrapper(uint firstPacketId)
    {
        if (Kind == WrappingKind.None)
        {
            return new PlainWrapper();
        }

        Invariant.Check(Key is not null, "a wrapping other than none has a key");
        return Kind == WrappingKind.TlsAuth
            ? new TlsAuthWrapper(Key, ClientDirection.Opposite(), Digest, firstPacketId)
            : new TlsCryptWrapper(Key.Bytes, isServer: true, WrappingKind.TlsCrypt, firstPacketId);
    }
}
