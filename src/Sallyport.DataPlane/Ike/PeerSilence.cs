using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// Whether a silent peer has been asked and said nothing since: long before it is given up, another uplink of its identity goes before it.
/// </summary>
internal struct PeerSilence
{
    private Instant _askedAt;

    /// <summary>It does not answer.</summary>
    public bool IsDemoted { get; private set; }

    /// <summary>Once for each period without ESP; returns whether to ask.</summary>
    /// <param name="heardByIke">When its last genuine message came, and by <paramref name="heardByEsp"/> its last packet.</param>
    public bool Note(Instant heardByIke, Instant heardByEsp, TimeSpan period, Instant now)
    {
        if (now - heardByIke < period / 2)
        {
            this = default;
            return false;
        }

        var heard = heardByIke > heardByEsp ? heardByIke : heardByEsp;
        IsDemoted = _askedAt != default && heard < _askedAt;
        _askedAt = IsDemoted ? _askedAt : now;
        return true;
    }
}
