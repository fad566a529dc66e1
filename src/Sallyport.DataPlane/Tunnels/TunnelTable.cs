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

    /// <summary>-1 where the identity has no tunnel here.</summary>
    public int OfIdentity(int identityId) => _byIdentity.TryGetValue(identityId, out var slot) ? slot : -1;

    /// <summary>-1 where no tunnel's peer is at that address.</summary>
    public int AtAddress(in OuterPath path) => _byAddress.TryGetValue(AddressKey.Of(path), out var slot) ? slot : -1;

    /// <summary>Fills a free slot. Whoever held the identity or the address has been closed before.</summary>
    public ref Tunnel Open(int slot, int identityId, in OuterPath path)
    {
        Grow(slot);
        ref var tunnel = ref this[slot];
        Invariant.Check(!tunnel.IsLive && !tunnel.IsGhost, "a slot holds one tunnel");
        tunnel = new Tunnel { IsLive = true, IdentityId = identityId, Path = path, Keys = TunnelKeys.Empty };
        _byIdentity.Add(identityId, slot);
        _byAddress.Add(AddressKey.Of(path), slot);
        LiveOrGhostCount++;
        return ref tunnel;
    }

    public void Move(int slot, in OuterPath to)
    {
        ref var tunnel = ref this[slot];
        _byAddress.Remove(AddressKey.Of(tunnel.Path));
        tunnel.Path = to;
        _byAddress.Add(AddressKey.Of(to), slot);
    }

    /// <summary>Frees the keys and forgets the tunnel or ghost.</summary>
    public void Close(int slot)
    {
        ref var tunnel = ref this[slot];
        if (tunnel.IsLive)
        {
            Unlist(tunnel);
        }

        LiveOrGhostCount--;
        tunnel.Keys.Free();
        tunnel = default;
    }

    /// <summary>Makes a ghost of a live tunnel: it is found by its slot alone.</summary>
    public void Bury(int slot, in OuterPath by, Instant now, Instant until)
    {
        ref var tunnel = ref this[slot];
        Unlist(tunnel);
        tunnel.IsLive = false;
        tunnel.IsGhost = true;
        tunnel.ReplacedAt = now;
        tunnel.ReplacedBy = by;
        tunnel.GhostUntil = until;
    }

    private void Unlist(in Tunnel tunnel)
    {
        _byIdentity.Remove(tunnel.IdentityId);
        _byAddress.Remove(AddressKey.Of(tunnel.Path));
    }

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
