using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>
/// All tunnels of one shard: structs in chunks of arrays, so that a million of them are a few hundred objects to the collector
/// and growth moves nothing. One thread.
/// </summary>
internal sealed class TunnelTable
{
    private const int ChunkShift = 10;
    private const int ChunkSize = 1 << ChunkShift;

    private readonly Dictionary<int, int> _byIdentity = [];
    private readonly Dictionary<AddressKey, int> _byAddress = [];
    private Tunnel[][] _chunks = [];

    /// <summary>Slots from here on have never held a tunnel.</summary>
    public int End { get; private set; }

    /// <summary>Slots that need a look from time to time.</summary>
    public int LiveOrGhostCount { get; private set; }

    /// <summary>A slot below <see cref="End"/>.</summary>
    public ref Tunnel this[int slot] => ref _chunks[slot >> ChunkShift][slot & (ChunkSize - 1)];

    public bool IsLive(int slot) => (uint)slot < (uint)End && this[slot].IsLive;

    public bool IsGhost(int slot) => (uint)slot < (uint)End && this[slot].IsGhost;

    /// <summary>
    /// -1 where the identity has no tunnel here. Of several the one with the lowest uplink of those that are well; the others follow by
    /// <see cref="Tunnel.NextOfIdentity"/>.
    /// </summary>
    public int OfIdentity(int identityId) => _byIdentity.TryGetValue(identityId, out var slot) ? slot : -1;

    /// <summary>-1 where the identity has no such tunnel here.</summary>
    public int OfIdentity(int identityId, long tunnelId)
    {
        var slot = OfIdentity(identityId);
        while (slot >= 0 && this[slot].Id != tunnelId)
        {
            slot = this[slot].NextOfIdentity;
        }

        return slot;
    }

    /// <summary>-1 where the identity has no tunnel of this uplink here.</summary>
    public int OfUplink(int identityId, int uplink)
    {
        var slot = OfIdentity(identityId);
        while (slot >= 0 && this[slot].Uplink != uplink)
        {
            slot = this[slot].NextOfIdentity;
        }

        return slot;
    }

    /// <summary>-1 where no OpenVPN tunnel's peer is at that address. ESP is found by its SPI: peers with one address are no news there.</summary>
    public int AtAddress(in OuterPath path) => _byAddress.TryGetValue(AddressKey.Of(path), out var slot) ? slot : -1;

    /// <summary>Fills a free slot. Whoever held the identity's uplink or the address has been closed before.</summary>
    public ref Tunnel Open(int slot, int identityId, in OuterPath path, TunnelKind kind = TunnelKind.OpenVpn, int uplink = 1)
    {
        Grow(slot);
        ref var tunnel = ref this[slot];
        Invariant.Check(!tunnel.IsLive && !tunnel.IsGhost, "a slot holds one tunnel");
        tunnel = new Tunnel
        {
            IsLive = true,
            Kind = kind,
            IdentityId = identityId,
            Path = path,
            ShownAt = path.Peer.Ip,
            Keys = TunnelKeys.Empty,
            Uplink = (byte)uplink,
            NextOfIdentity = -1,
            FirstChild = EspChild.None,
        };
        Rank(slot);
        if (kind == TunnelKind.OpenVpn)
        {
            _byAddress.Add(AddressKey.Of(path), slot);
        }

        LiveOrGhostCount++;
        return ref tunnel;
    }

    public void Demote(int slot, bool isDemoted)
    {
        Unrank(slot);
        this[slot].IsDemoted = isDemoted;
        Rank(slot);
    }

    public void Move(int slot, in OuterPath to)
    {
        ref var tunnel = ref this[slot];
        var before = tunnel.Path;
        (tunnel.Path, tunnel.ShownAt) = (to, to.Peer.Ip);
        if (tunnel.Kind == TunnelKind.OpenVpn)
        {
            _byAddress.Remove(AddressKey.Of(before));
            _byAddress.Add(AddressKey.Of(to), slot);
        }
    }

    /// <summary>Frees the keys and forgets the tunnel or ghost.</summary>
    public void Close(int slot)
    {
        ref var tunnel = ref this[slot];
        if (tunnel.IsLive)
        {
            Unlist(slot);
        }

        LiveOrGhostCount--;
        tunnel.Keys.Free();
        tunnel = default;
    }

    /// <summary>Makes a ghost of a live tunnel: it is found by its slot alone.</summary>
    public void Bury(int slot, in OuterPath by, Instant now, Instant until)
    {
        ref var tunnel = ref this[slot];
        Unlist(slot);
        tunnel.IsLive = false;
        tunnel.IsGhost = true;
        tunnel.ReplacedAt = now;
        tunnel.ReplacedBy = by;
        tunnel.GhostUntil = until;
    }

    private void Unlist(int slot)
    {
        Unrank(slot);
        ref var tunnel = ref this[slot];
        if (tunnel.Kind == TunnelKind.OpenVpn)
        {
            _byAddress.Remove(AddressKey.Of(tunnel.Path));
        }
    }

    /// <summary>Into the list of its identity, where it belongs.</summary>
    private void Rank(int slot)
    {
        ref var tunnel = ref this[slot];
        var before = -1;
        var next = OfIdentity(tunnel.IdentityId);
        while (next >= 0 && IsBefore(this[next], tunnel))
        {
            (before, next) = (next, this[next].NextOfIdentity);
        }

        tunnel.NextOfIdentity = next;
        if (before < 0)
        {
            _byIdentity[tunnel.IdentityId] = slot;
        }
        else
        {
            this[before].NextOfIdentity = slot;
        }
    }

    private void Unrank(int slot)
    {
        ref var tunnel = ref this[slot];
        var first = OfIdentity(tunnel.IdentityId);
        if (first != slot)
        {
            while (this[first].NextOfIdentity != slot)
            {
                first = this[first].NextOfIdentity;
            }

            this[first].NextOfIdentity = tunnel.NextOfIdentity;
        }
        else if (tunnel.NextOfIdentity >= 0)
        {
            _byIdentity[tunnel.IdentityId] = tunnel.NextOfIdentity;
        }
        else
        {
            _byIdentity.Remove(tunnel.IdentityId);
        }
    }

    private static bool IsBefore(in Tunnel a, in Tunnel b) => a.IsDemoted == b.IsDemoted ? a.Uplink < b.Uplink : b.IsDemoted;

    private void Grow(int slot)
    {
        while (_chunks.Length <= slot >> ChunkShift)
        {
            Array.Resize(ref _chunks, _chunks.Length + 1);
            _chunks[^1] = new Tunnel[ChunkSize];
        }

        End = Math.Max(End, slot + 1);
    }
}
