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
/// opens or ends. Of an identity with several uplinks it is the lowest that is well. And whose address is whose, asked only when a tunnel moves
/// or opens. Numbers in chunks of arrays, no objects but for identities with several uplinks, which are few.
/// </summary>
internal sealed class TunnelDirectory
{
    private const int ChunkShift = 12;
    private const int ChunkSize = 1 << ChunkShift;

    private readonly Lock _lock = new();
    private readonly Dictionary<AddressKey, int> _identities = [];
    private readonly Dictionary<int, Uplinks> _several = [];
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

    /// <summary>The newest of each uplink wins; returns where it was before.</summary>
    public TunnelPlace Register(int identityId, TunnelPlace place, int uplink = 1)
    {
        ref var cell = ref Cell(identityId);
        lock (_lock)
        {
            if (uplink == 1 && !_several.ContainsKey(identityId))
            {
                return TunnelPlace.Of(Interlocked.Exchange(ref cell, place.Value));
            }

            var uplinks = SeveralOf(identityId, cell);
            var before = uplinks.Put(uplink, place);
            Volatile.Write(ref cell, uplinks.Preferred.Value);
            return before;
        }
    }

    /// <summary>Nothing where another tunnel of the identity's uplink has taken its place.</summary>
    public void Remove(int identityId, TunnelPlace place)
    {
        ref var cell = ref Cell(identityId);
        lock (_lock)
        {
            if (!_several.TryGetValue(identityId, out var uplinks))
            {
                Interlocked.CompareExchange(ref cell, 0, place.Value);
                return;
            }

            uplinks.Remove(place);
            Volatile.Write(ref cell, uplinks.Preferred.Value);
            if (!uplinks.Preferred.Exists)
            {
                _several.Remove(identityId);
            }
        }
    }

    /// <summary>Another uplink of the identity goes before this one, or does not any more. Nothing where the tunnel has been replaced.</summary>
    public void Demote(int identityId, TunnelPlace place, bool isDemoted)
    {
        ref var cell = ref Cell(identityId);
        lock (_lock)
        {
            var uplinks = SeveralOf(identityId, cell);
            uplinks.Demote(place, isDemoted);
            Volatile.Write(ref cell, uplinks.Preferred.Value);
        }
    }

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

    private Uplinks SeveralOf(int identityId, long single)
    {
        if (!_several.TryGetValue(identityId, out var uplinks))
        {
            _several.Add(identityId, uplinks = new Uplinks());
            if (single != 0)
            {
                uplinks.Put(1, TunnelPlace.Of(single));
            }
        }

        return uplinks;
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

/// <summary>The tunnels of one identity by their uplinks.</summary>
internal sealed class Uplinks
{
    public const int Max = 4;

    private readonly TunnelPlace[] _places = new TunnelPlace[Max];
    private readonly bool[] _demoted = new bool[Max];

    /// <summary>The lowest that is well; where none is, the lowest.</summary>
    public TunnelPlace Preferred
    {
        get
        {
            var lowest = default(TunnelPlace);
            for (var i = 0; i < Max; i++)
            {
                if (_places[i].Exists && !_demoted[i])
                {
                    return _places[i];
                }

                lowest = lowest.Exists ? lowest : _places[i];
            }

            return lowest;
        }
    }

    /// <summary>Returns what was there.</summary>
    public TunnelPlace Put(int uplink, TunnelPlace place)
    {
        var before = _places[uplink - 1];
        _places[uplink - 1] = place;
        _demoted[uplink - 1] = false;
        return before;
    }

    public void Remove(TunnelPlace place)
    {
        if (Array.IndexOf(_places, place) is >= 0 and var at)
        {
            _places[at] = default;
        }
    }

    public void Demote(TunnelPlace place, bool isDemoted)
    {
        if (Array.IndexOf(_places, place) is >= 0 and var at)
        {
            _demoted[at] = isDemoted;
        }
    }
}

/// <summary>Where a peer is as the packet path looks it up: the same port of the same peer may speak to two of our sockets.</summary>
internal readonly record struct AddressKey(UInt128 Ip, ushort Port, int Channel)
{
    /// <summary>Connections are numbered by each shard for itself.</summary>
    public static AddressKey Of(in OuterPath path) =>
        new(path.Peer.Ip.Bits, path.Peer.Port, path.IsStream ? ~((path.Shard << 24) | path.Connection) : path.Socket);
}
