namespace Sallyport.Core.Crypto;

/// <summary>Bounds of what a TLS peer can make us hold or do.</summary>
public static class TlsLimits
{
    /// <summary>Bytes of plaintext in one record: RFC 8446 section 5.1.</summary>
    public const int MaxRecordPlaintext = 16384;

    /// <summary>
    /// Records under one key in one direction: AES-GCM is good for 2^24.5 full ones (RFC 8446 section 5.5), and a control channel needs some hundred.
    /// </summary>
    public const ulong MaxRecords = 1UL << 24;

    /// <summary>
    /// Ciphertext fed and not yet taken: four records of the largest size. A control channel delivers a window of some
    /// kilobytes and reads before it delivers more.
    /// </summary>
    public const int MaxUnreadCiphertext = 65536;

    /// <summary>
    /// Ciphertext for the peer that waits: the longest flight of a handshake with our whole certificate chain, four times. More grows only
    /// where the peer has us answer and takes nothing.
    /// </summary>
    public const int MaxPendingOutput = 65536;

    /// <summary>Bytes of the peer's certificate message: eight RSA-4096 certificates of 2 KB, doubled (OpenSSL's default is 100 KB).</summary>
    public const int MaxPeerChain = 32768;

    /// <summary>Certificates between the peer's own and its anchor: a deep enterprise PKI has three.</summary>
    public const int MaxIntermediates = 6;
}
