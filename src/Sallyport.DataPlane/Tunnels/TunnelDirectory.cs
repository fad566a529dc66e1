using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>On which shard a tunnel is. The default value is nowhere.</summary>
internal readonly record struct TunnelPlace
{
    private const int ShardBits = 8;

    private readonly long _value;

    private TunnelPlace(long value) => _value = value;

    public TunnelPlace(int shard, long tunnelId)
    {
        Invariant.Check(shard is >= 0 and < (1 << ShardBits) - 1 && tunnelId >= 0, "a place fits its bits");
        _value = (tunnelId << ShardBits) | (uint)(shard + 1);
    }

    public bool Exists => _value != 0;

    public int Shard => (int)(_value & ((1 << ShardBits) - 1)) - 1;

    public long TunnelId => _value >>> ShardBits;

    public long Value => _value;

    public static TunnelPlace Of(long value) => new(value);
}

/// <summary>
/// Where each identity's tunnel is, for all shards of a gateway: read without a lock by every packet that must cross, written when a tunnel
/// opens or ends. And whose address is whose, asked only when a tunnel moves or opens. Numbers in chunks of arrays, no objects.
/// </summary>
internal sealed class TunnelDirectory
{
    private const int ChunkShift = 12;
    private const int ChunkSize = 1 << ChunkShift;

    private readonly Lock _lock = new();
    private readonly Dictionary<AddressKey, int> _identities = [];
    private volatile long[]?[] _chunks = [];

    public bool TryFind(int identityId, out TunnelPlace place)
    {
        var chunks = _chunks;
        var chunk = (uint)identityId >> ChunkShift;
        place = chunk < (uint)chunks.Length && chunks[chunk] is { } values
            ? TunnelPlace.Of(Volatile.Read(ref values[identityId & (ChunkSize - 1)]))
            : default;
        return place.Exists;
    }

    /// <summary>The newest wins; returns where the identity was before.</summary>
    public TunnelPlace Register(int identityId, TunnelPlace place) =>
        TunnelPlace.Of(Interlocked.Exchange(ref Cell(identityId), place.Value));

    /// <summary>Nothing where another tunnel of the identity has taken its place.</summary>
    public void Remove(int identityId, TunnelPlace place) =>
        Interlocked.CompareExchange(ref Cell(identityId), 0, place.Value);

    /// <summary>False where another identity's tunnel is at that address (CVE-2020-11810).</summary>
    public bool TryTakeAddress(in AddressKey address, int identityId)
    {
        lock (_lock)
        {
            if (_identities.TryGetValue(address, out var owner) && owner != identityId)
            {
                return false;
            }

            _identities[address] = identityId;
            return true;
        }
    }

    /// <summary>A new session is there now, whoever was.</summary>
    public void TakeAddress(in AddressKey address, int identityId)
    {
        lock (_lock)
        {
            _identities[address] = identityId;
        }
    }

    public void LeaveAddress(in AddressKey address, int identityId)
    {
        lock (_lock)
        {
            if (_identities.TryGetValue(address, out var owner) && owner == identityId)
            {
                _identities.Remove(address);
            }
        }
    }

    private ref long Cell(int identityId)
    {
        Invariant.Check(identityId >= 0, "identities have positive numbers");
        var chunk = identityId >> ChunkShift;
        if (chunk >= _chunks.Length || _chunks[chunk] is null)
        {
            lock (_lock)
            {
                // The array of chunks is replaced, not changed: readers hold one or the other.
                var chunks = _chunks;
                if (chunk >= chunks.Length || chunks[chunk] is null)
                {
                    var grown = new long[]?[Math.Max(chunks.Length, chunk + 1)];
                    chunks.CopyTo(grown, 0);
                    grown[chunk] = new long[ChunkSize];
                    _chunks = grown;
                }
            }
        }

        return ref _chunks[chunk]![identityId & (ChunkSize - 1)];
    }
}

/// <summary>Where a peer is as the packet path looks it up: the same port of the same peer may speak to two of our sockets.</summary>
internal readonly record struct AddressKey(UInt128 Ip, ushort Port, int Channel)
{
    /// <summary>Connections are numbered by each shard for itself.</summary>
    public static AddressKey Of(in OuterPath path) =>
        new(path.Peer.Ip.Bits, path.Peer.Port, path.IsStream ? ~((path.Shard << 24) | path.Connection) : path.Socket);
}
