namespace Sallyport.Core.OpenVpn.Wire;

/// <summary>The high five bits of a packet's first byte.</summary>
public enum Opcode : byte
{
    HardResetClientV1 = 1,
    HardResetServerV1 = 2,
    SoftResetV1 = 3,
    ControlV1 = 4,
    AckV1 = 5,
    DataV1 = 6,
    HardResetClientV2 = 7,
    HardResetServerV2 = 8,
    DataV2 = 9,

    /// <summary>The reset of tls-crypt-v2: a WKc follows the wrapped packet.</summary>
    HardResetClientV3 = 10,

    /// <summary><see cref="ControlV1"/> with a WKc after the wrapped packet.</summary>
    ControlWkcV1 = 11,
}
