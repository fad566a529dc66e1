using System.Numerics;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>Which datagram of which sender a fragment belongs to (RFC 791 section 3.2).</summary>
internal readonly record struct FragmentKey(int SenderId, IpAddress Source, IpAddress Destination, ushort Id, IpProtocol Protocol);

/// <summary>What is remembered of a first fragment.</summary>
internal struct FirstFragment
{
    /// <summary>In place of a flow: it did not pass.</summary>
    public const int Refused = -1;

    public FragmentKey Key;
    public int Flow;

    /// <summary>The flow's entry may have been given to another one since.</summary>
    public long FlowId;
    public bool FromOpener;

    /// <summary>What all its parts have in place of the sender's, where he shares his address; see <see cref="Nat.Identifications"/>.</summary>
    public ushort Identification;

    /// <summary>Where the first part ended: a later part that reaches into it would overwrite what was judged (RFC 1858, RFC 3128).</summary>
    public int End;
    public Instant Expires;
}

/// <summary>
/// First fragments, so that the later ones, which have no ports, share their fate. Sets of four, found by a keyed hash;
/// in a full set the oldest is forgotten.
/// </summary>
internal sealed class FragmentTable
{
    private const int Ways = 4;

    private readonly SipHash _hash;
    private readonly FirstFragment[] _entries;

    public FragmentTable(int capacity, IEntropy entropy)
    {
        _hash = new SipHash(entropy);
        _entries = new FirstFragment[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, Ways))];
    }

    /// <summary>
    /// One that did not pass takes a place that is free and nobody else's: whoever is refused, or is not who he says, makes nobody forgotten. False where there was none.
    /// </summary>
    public bool TryPut(in FirstFragment first, Instant now)
    {
        var set = Set(first.Key);
        var place = 0;
        for (var way = 0; way < Ways; way++)
        {
            if (set[way].Key == first.Key && set[way].Expires > now)
            {
                place = way;
                break;
            }

            if (set[way].Expires < set[place].Expires)
            {
                place = way;
            }
        }

        if (first.Flow == FirstFragment.Refused && set[place].Expires > now && set[place].Key != first.Key)
        {
            return false;
        }

        set[place] = first;
        return true;
    }

    public bool TryGet(in FragmentKey key, Instant now, out FirstFragment first)
    {
        foreach (ref var entry in Set(key))
        {
            if (entry.Key == key && entry.Expires > now)
            {
                first = entry;
                return true;
            }
        }

        first = default;
        return false;
    }

    private Span<FirstFragment> Set(in FragmentKey key)
    {
        var state = _hash.Begin();
        state.Add(((ulong)(uint)key.SenderId << 32) | ((ulong)key.Id << 8) | (byte)key.Protocol);
        state.Add(key.Source.Bits);
        state.Add(key.Destination.Bits);
        var at = (int)(state.Finish(5) & (uint)(_entries.Length - 1)) & ~(Ways - 1);
        return _entries.AsSpan(at, Ways);
    }
}
