using System.Numerics;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>Words of `protocol-flags`.</summary>
[Flags]
public enum ProtocolFlags : byte
{
    None = 0,
    CcExit = 1,
    TlsEkm = 2,
    DynTlsCrypt = 4,
    AeadEpoch = 8,
}

/// <param name="NetmaskOrPeer">The netmask in topology subnet, the other end's address in net30 and p2p.</param>
public readonly record struct Ifconfig(IpAddress Address, IpAddress NetmaskOrPeer)
{
    /// <summary>For topology subnet.</summary>
    /// <param name="prefixLength">0 to 32.</param>
    public static Ifconfig Subnet(IpAddress address, int prefixLength) => new(address, Netmask.Of(prefixLength));
}

/// <param name="PrefixLength">0 to 128.</param>
/// <param name="Gateway">The server's address.</param>
public readonly record struct Ifconfig6(IpAddress Address, int PrefixLength, IpAddress Gateway);

/// <summary>What a server tells a client about its tunnel. What is null or empty is not pushed.</summary>
public sealed record PushOptions
{
    public bool TopologySubnet { get; init; }

    public bool TopologyPointToPoint { get; init; }

    public IpAddress? RouteGateway { get; init; }

    public Ifconfig? Ifconfig { get; init; }

    public Ifconfig6? Ifconfig6 { get; init; }

    /// <summary>Bytes. Only to clients that sent IV_MTU, and not beyond it.</summary>
    public int? TunMtu { get; init; }

    /// <summary>IPv4 and IPv6. Never one of the client's own networks.</summary>
    public IReadOnlyList<IpPrefix> Routes { get; init; } = [];

    /// <summary>
    /// All of IPv4 goes into the tunnel but what goes to the server itself, which the client has to take care of; so it is no route. Not
    /// read: our client role leaves the machine's default route alone.
    /// </summary>
    public bool RedirectGateway { get; init; }

    public IReadOnlyList<IpAddress> DnsServers { get; init; } = [];

    /// <summary>In which names without a dot are looked up. Not read: our client role resolves no names.</summary>
    public string? DnsDomain { get; init; }

    public int? PingSeconds { get; init; }

    public int? PingRestartSeconds { get; init; }

    /// <summary>24 bits, not all ones. Only to clients with <see cref="IvProto.DataV2"/>.</summary>
    public uint? PeerId { get; init; }

    /// <summary>Only where <see cref="CipherOrigin.Pushed"/>.</summary>
    public DataCipher? Cipher { get; init; }

    /// <summary>Only to clients with <see cref="IvProto.CcExitNotify"/>, which is when the option came to be.</summary>
    public ProtocolFlags ProtocolFlags { get; init; }

    /// <summary>`key-derivation tls-ekm`: for clients that export keys but know no `protocol-flags`.</summary>
    public bool KeyDerivationTlsEkm { get; init; }

    /// <summary>None is not pushed.</summary>
    public CompressionFraming Compression { get; init; }

    /// <summary>How often the client says that it leaves.</summary>
    public int? ExplicitExitNotify { get; init; }

    /// <summary>A secret.</summary>
    public string? AuthToken { get; init; }

    /// <summary>Options that were read and not understood. Never written.</summary>
    public IReadOnlyList<string> Unknown { get; init; } = [];

    /// <summary>Names no token.</summary>
    public override string ToString() => "PushOptions";
}

internal static class Netmask
{
    public static IpAddress Of(int prefixLength)
    {
        Invariant.Check(prefixLength is >= 0 and <= 32, "an IPv4 prefix has up to 32 bits");
        return IpAddress.FromV4(prefixLength == 0 ? 0 : uint.MaxValue << (32 - prefixLength));
    }

    /// <summary>False where ones follow zeros.</summary>
    public static bool TryLength(IpAddress mask, out int prefixLength)
    {
        prefixLength = mask.IsV4 ? BitOperations.LeadingZeroCount(~mask.V4) : -1;
        return mask.IsV4 && mask == Of(prefixLength);
    }
}
