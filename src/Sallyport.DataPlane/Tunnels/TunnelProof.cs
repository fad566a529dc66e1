using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>All that a peer came in with. What of it is taken away, or is not enough any more, takes the tunnel with it. An id of 0: it came without.</summary>
internal readonly record struct TunnelProof
{
    /// <summary>Where the network asked for one.</summary>
    public int CertificateId { get; init; }

    /// <summary>Where the network asked for one, also where a token stood for it.</summary>
    public int PasswordId { get; init; }

    /// <summary>A pre-shared key or an EAP credential.</summary>
    public int SecretId { get; init; }

    /// <summary>The credential whose post-quantum key was mixed in.</summary>
    public int PpkId { get; init; }

    /// <summary>None: it came by OpenVPN.</summary>
    public IkeProof Ike { get; init; }

    /// <summary>Of OpenVPN.</summary>
    public WrappingKind Wrapping { get; init; }

    public TlsVersion Tls { get; init; }

    /// <summary>Whether both have one credential in common: who has it may have taken the place of the other.</summary>
    public bool Shares(in TunnelProof other) =>
        IsSame(CertificateId, other.CertificateId) || IsSame(PasswordId, other.PasswordId) || IsSame(SecretId, other.SecretId);

    private static bool IsSame(int id, int other) => id != 0 && id == other;
}

/// <summary>A tunnel that takes the place of another one of its identity.</summary>
internal readonly record struct Successor(OuterPath Path, TunnelProof Proof);
