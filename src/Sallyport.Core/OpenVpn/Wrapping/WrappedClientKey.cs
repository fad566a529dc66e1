using System.Buffers.Binary;
using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>
/// A WKc: <c>tag 32 | AES-256-CTR(client key 256 | metadata) | length 2</c>, the length counting all of it (tls-crypt-v2.txt).
/// </summary>
public static class WrappedClientKey
{
    internal const int TagLength = 32;
    internal const int LengthField = 2;

    /// <summary>
    /// Says where the WKc starts in a packet that should end in one. The length comes from the packet's end and may be a lie: what it leaves must
    /// still be a tls-crypt packet, so that neither the opcode nor any other field is ever taken for a part of the WKc.
    /// </summary>
    public static bool TryStrip(ReadOnlySpan<byte> packet, out int controlLength)
    {
        controlLength = 0;
        if (packet.Length < TlsCryptKey.MinPacket + OpenVpnLimits.MinWrappedKey)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(packet[^LengthField..]);
        if (length is < OpenVpnLimits.MinWrappedKey or > OpenVpnLimits.MaxWrappedKey || packet.Length - length < TlsCryptKey.MinPacket)
        {
            return false;
        }

        controlLength = packet.Length - length;
        return true;
    }
}
