using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wire;

/// <summary>The first byte of every packet: opcode in the high five bits, key id in the low three.</summary>
public readonly record struct PacketHead(byte Value)
{
    public const int MaxKeyId = 7;

    /// <summary>May be a number that no name stands for.</summary>
    public Opcode Opcode => (Opcode)(Value >> 3);

    public byte KeyId => (byte)(Value & MaxKeyId);

    public bool IsData => Opcode is Opcode.DataV1 or Opcode.DataV2;

    /// <summary>A control opcode in use; the V1 resets of key method 1 are not.</summary>
    public bool IsControl => Opcode is Opcode.SoftResetV1 or Opcode.ControlV1 or Opcode.AckV1 or Opcode.HardResetClientV2
        or Opcode.HardResetServerV2 or Opcode.HardResetClientV3 or Opcode.ControlWkcV1;

    /// <summary>A reset by which a client opens a session.</summary>
    public bool IsClientReset => Opcode is Opcode.HardResetClientV2 or Opcode.HardResetClientV3;

    /// <summary>A WKc follows the wrapped packet.</summary>
    public bool CarriesWrappedKey => Opcode is Opcode.HardResetClientV3 or Opcode.ControlWkcV1;

    public static PacketHead Of(Opcode opcode, int keyId)
    {
        Invariant.Check(keyId is >= 0 and <= MaxKeyId, "a key id has three bits");
        return new PacketHead((byte)(((int)opcode << 3) | keyId));
    }
}
