using Sallyport.Core.OpenVpn.Data;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>Which framing to push to a client whose configuration still has a compression option. Nothing is ever compressed.</summary>
public static class CompressionNegotiation
{
    /// <summary>
    /// None is not pushed and means that client and server have no framing. All else is pushed, so that which of the compression
    /// options the client has, which its option string does not tell, no longer matters.
    /// </summary>
    public static CompressionFraming Choose(PeerInfo peer, OptionString options)
    {
        if (!options.HasCompression)
        {
            return CompressionFraming.None;
        }

        return peer.SupportsStubV2 ? CompressionFraming.StubV2 : CompressionFraming.Lzo;
    }
}
