using System.Runtime.InteropServices;
using Sallyport.Core.Flows;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// IPv4 identifications for what leaves from an address that several share. Each of them counts on his own, so that two may send datagrams of
/// one identification to one destination at once, whose parts would be put together there as one. Whoever rewrites addresses is to choose as if
/// it had sent them itself (RFC 6864 section 5.3.1): so there is one counter for address, destination and protocol. Each packet thread has its own numbers.
/// </summary>
internal sealed class Identifications
{
    /// <summary>Conversations of a few destinations share a counter: they use it up faster, and never have a number twice.</summary>
    private const int Counters = 1024;

    private readonly SipHash _hash;
    private readonly ushort[] _counters = new ushort[Counters];
    private readonly int _shard;
    private readonly int _shards;
    private readonly int _count;

    public Identifications(IEntropy entropy, int shard, int shards)
    {
        _hash = new SipHash(entropy);
        // Nobody else foretells where they begin.
        entropy.Fill(MemoryMarshal.AsBytes(_counters.AsSpan()));
        (_shard, _shards, _count) = (shard, shards, (ushort.MaxValue + 1) / shards);
    }

    /// <param name="networkId">Where the datagram goes, as whose packet, to whom.</param>
    public ushort Next(int networkId, IpAddress source, IpAddress destination, IpProtocol protocol)
    {
        var state = _hash.Begin();
        state.Add(((ulong)(uint)networkId << 32) | (byte)protocol);
        state.Add(source.Bits);
        state.Add(destination.Bits);
        ref var counter = ref _counters[state.Finish(5) % Counters];
        counter = (ushort)((counter + 1) % _count);
        return (ushort)((counter * _shards) + _shard);
    }
}
