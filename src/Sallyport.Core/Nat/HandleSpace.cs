using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// The handles of one installation: on the gateway host an inner IPv4 address of a network is fdXX:XXXX:XXXX:network::a.b.c.d, so that
/// equal addresses of different networks never meet.
/// </summary>
public readonly record struct HandleSpace
{
    public const int PrefixLength = 48;

    /// <summary>The network has 16 bits of the address, and there is no network 0.</summary>
    public const int NetworkIdMax = ushort.MaxValue;

    private const int NetworkShift = 64;

    private readonly UInt128 _prefix;

    private HandleSpace(UInt128 prefix) => _prefix = prefix;

    public bool Exists => _prefix != UInt128.Zero;

    public IpPrefix Prefix => IpPrefix.Around(new IpAddress(_prefix), PrefixLength);

    /// <summary>False for anything but a /48 that RFC 4193 lets everybody make for themselves.</summary>
    public static bool TryCreate(IpPrefix prefix, out HandleSpace space)
    {
        space = default;
        if (prefix.IsV4 || prefix.Length != PrefixLength || (byte)(prefix.Network.Bits >> 120) != 0xfd)
        {
            return false;
        }

        space = new HandleSpace(prefix.Network.Bits);
        return true;
    }

    /// <summary>The space with the global id of these 40 bits.</summary>
    public static HandleSpace FromGlobalId(ReadOnlySpan<byte> random5)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        bytes[0] = 0xfd;
        random5[..5].CopyTo(bytes[1..]);
        return new HandleSpace(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    public static bool HasHandles(int networkId) => networkId is > 0 and <= NetworkIdMax;

    public IpAddress Handle(int networkId, IpAddress v4)
    {
        Invariant.Check(HasHandles(networkId) && v4.IsV4, "only IPv4 addresses of a network have handles");
        return new IpAddress(_prefix | ((UInt128)(uint)networkId << NetworkShift) | v4.V4);
    }

    public bool TryRead(IpAddress handle, out int networkId, out IpAddress v4)
    {
        networkId = (int)(handle.Bits >> NetworkShift) & NetworkIdMax;
        v4 = IpAddress.FromV4((uint)handle.Bits);
        return Exists && (handle.Bits >> (128 - PrefixLength)) == (_prefix >> (128 - PrefixLength))
            && (uint)(handle.Bits >> 32) == 0 && networkId != 0;
    }

    /// <summary>
    /// What the two addresses of a pseudo header sum up to more as handles than as IPv4 addresses: the same for every pair of a network.
    /// </summary>
    internal uint ChecksumDifference(int networkId)
    {
        var words = (uint)(ushort)(_prefix >> 112) + (ushort)(_prefix >> 96) + (ushort)(_prefix >> 80) + (uint)networkId;
        return words * 2;
    }
}
