namespace Sallyport.Core.OpenVpn.Data;

/// <summary>
/// The byte that says "not compressed" before or inside the inner packet, which a client with a compression option expects.
/// We frame, we never compress: compression leaks plaintext lengths (VORACLE).
/// </summary>
public enum CompressionFraming : byte
{
    /// <summary>No framing: the client has no compression option.</summary>
    None,

    /// <summary>comp-lzo in any form, compress lzo: 0xFA before the packet.</summary>
    Lzo,

    /// <summary>compress, compress stub, compress lz4: 0xFB in place of the first byte, which goes to the tail.</summary>
    StubSwap,

    /// <summary>compress stub-v2 or lz4-v2: nothing, unless the first byte is 0x50, which 50 00 then escapes.</summary>
    StubV2,
}
