using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>Between which addresses an IKE SA speaks. All zero bits of <see cref="Local"/>: the machine chooses.</summary>
/// <param name="IsNatPort">The port that IKE shares with ESP in UDP (RFC 3948): four zero bytes stand before each message.</param>
public readonly record struct IkePath(OuterAddress Local, OuterAddress Peer, bool IsNatPort)
{
    /// <summary>RFC 7296 section 2.</summary>
    public const ushort Port = 500;

    /// <summary>RFC 7296 section 2.23.</summary>
    public const ushort NatPort = 4500;

    /// <summary>The same at the port where ESP can be in UDP. Whoever is at another port already stays there.</summary>
    public IkePath ToNatPort(ushort localNatPort) => IsNatPort
        ? this
        : new(Local with { Port = localNatPort }, Peer with { Port = Peer.Port == Port ? NatPort : Peer.Port }, IsNatPort: true);

    /// <summary>What NAT_DETECTION notifications carry (RFC 7296 section 2.23): SHA-1(SPIi | SPIr | address | port), 20 bytes.</summary>
    public static byte[] Hash(ulong initiatorSpi, ulong responderSpi, OuterAddress at)
    {
        Span<byte> input = stackalloc byte[8 + 8 + 16 + 2];
        BinaryPrimitives.WriteUInt64BigEndian(input, initiatorSpi);
        BinaryPrimitives.WriteUInt64BigEndian(input[8..], responderSpi);
        var length = at.Ip.Write(input[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(input[(16 + length)..], at.Port);
#pragma warning disable CA5350 // The RFC names this hash; nothing secret or trusted hangs on it.
        return SHA1.HashData(input[..(16 + length + 2)]);
#pragma warning restore CA5350
    }
}
