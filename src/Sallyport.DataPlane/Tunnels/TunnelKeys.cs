using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>
/// The data keys of one tunnel. All of them open; one seals. A new key takes over sealing when the peer has used it, when its
/// hand-over time has come, or when the peer begins to negotiate yet another one (stock keeps one old key only).
/// </summary>
internal struct TunnelKeys
{
    /// <summary>One in use, one coming, one going.</summary>
    public const int Slots = 3;

    private const int None = -1;

    private Keys _keys;
    private int _sealing;
    private int _next;
    private uint _orderLast;

    public static TunnelKeys Empty => new() { _sealing = None, _next = None };

    /// <summary>Whether the peer must be asked for a new key; said once for each key.</summary>
    public bool TakeNeedForNext()
    {
        if (_sealing == None || _keys[_sealing].AskedForNext || !_keys[_sealing].Data.NeedsRenegotiation)
        {
            return false;
        }

        _keys[_sealing].AskedForNext = true;
        return true;
    }

    /// <summary>Takes the key over; the caller's copy is dead. The tunnel's first key seals at once.</summary>
    public void Install(in DataKey data, int keyId, Instant now, Instant sealFrom)
    {
        PromoteNewest(now);
        var index = Place(keyId);
        _keys[index].Data.Free();
        _keys[index] = new Key { Data = data, KeyId = (byte)keyId, Order = ++_orderLast, SealFrom = sealFrom, Expires = Instant.Never };
        _next = index;
        if (_sealing == None || _sealing == index)
        {
            _sealing = None;
            PromoteNewest(now);
        }
    }

    /// <summary>Index of the key with this id; -1 where there is none.</summary>
    public readonly int Find(int keyId)
    {
        for (var i = 0; i < Slots; i++)
        {
            if (_keys[i].Data.Exists && _keys[i].KeyId == keyId)
            {
                return i;
            }
        }

        return None;
    }

    [UnscopedRef]
    public ref DataKey this[int index] => ref _keys[index].Data;

    /// <summary>Index of the key to seal with; -1 where there is none.</summary>
    public int Sealing(Instant now)
    {
        if (_next != None && _keys[_next].SealFrom <= now)
        {
            PromoteNewest(now);
        }

        return _sealing;
    }

    /// <summary>A genuine packet came under this key: the peer has it.</summary>
    public void PeerUsed(int index, Instant now)
    {
        if (index == _next)
        {
            PromoteNewest(now);
        }
    }

    public void PromoteNewest(Instant now)
    {
        if (_next == None)
        {
            return;
        }

        if (_sealing != None)
        {
            _keys[_sealing].Expires = now + DataPlaneLimits.TransitionWindow;
        }

        _sealing = _next;
        _next = None;
    }

    public void FreeExpired(Instant now)
    {
        for (var i = 0; i < Slots; i++)
        {
            if (_keys[i].Data.Exists && _keys[i].Expires <= now)
            {
                _keys[i].Data.Free();
                _keys[i] = default;
            }
        }
    }

    public void Free()
    {
        for (var i = 0; i < Slots; i++)
        {
            _keys[i].Data.Free();
            _keys[i] = default;
        }

        _sealing = _next = None;
    }

    /// <summary>A key of the same id, then a free place, then the oldest that does not seal.</summary>
    private readonly int Place(int keyId)
    {
        if (Find(keyId) is >= 0 and var same)
        {
            return same;
        }

        var oldest = None;
        for (var i = 0; i < Slots; i++)
        {
            if (!_keys[i].Data.Exists)
            {
                return i;
            }

            if (i != _sealing && (oldest == None || _keys[i].Order < _keys[oldest].Order))
            {
                oldest = i;
            }
        }

        return oldest;
    }

    private struct Key
    {
        public DataKey Data;
        public byte KeyId;
        public bool AskedForNext;
        public uint Order;
        public Instant SealFrom;
        public Instant Expires;
    }

    [InlineArray(Slots)]
    private struct Keys
    {
        private Key _first;
    }
}
