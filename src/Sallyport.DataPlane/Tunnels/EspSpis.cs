using System.Buffers.Binary;
using System.Numerics;
using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>
/// Hands out the SPIs of one shard, and with them the places of its table of SAs. Any thread: an SPI is needed before there is an SA. An SPI
/// says where its SA is: modulo the number of shards the shard, and the place in what is left; the rest is random and other each time,
/// so that late packets of a place's last SA meet nobody and nobody guesses the next one from the last.
/// <code>
/// SPI = shard + shards * mix(salt | place)        mix: a permutation that only this process knows
/// </code>
/// </summary>
internal sealed class EspSpis
{
    private const int RestingMin = 256;

    private readonly Lock _lock = new();
    private readonly Queue<int> _resting = new();
    private readonly IEntropy _entropy;
    private readonly uint _shard;
    private readonly uint _shards;
    private readonly int _capacity;
    private readonly int _placeBits;
    private readonly uint _mask;
    private readonly uint _factor;
    private readonly uint _inverse;
    private readonly uint _summand;
    private int _next;

    public EspSpis(int shard, int shards, int capacity, IEntropy entropy)
    {
        _entropy = entropy;
        _shard = (uint)shard;
        _shards = (uint)shards;
        _capacity = capacity;
        _placeBits = 32 - BitOperations.LeadingZeroCount((uint)(capacity - 1));
        var bits = 32 - (shards == 1 ? 0 : 32 - BitOperations.LeadingZeroCount((uint)shards - 1));
        Invariant.Check(_placeBits < bits, "an SPI has bits to spare");
        _mask = uint.MaxValue >> (32 - bits);
        _factor = Random() | 1;
        _inverse = Inverse(_factor);
        _summand = Random();
    }

    /// <summary>False where every place is taken.</summary>
    public bool TryAllot(out uint spi)
    {
        spi = 0;
        lock (_lock)
        {
            int place;
            if (_resting.Count > RestingMin || (_next == _capacity && _resting.Count > 0))
            {
                place = _resting.Dequeue();
            }
            else if (_next < _capacity)
            {
                place = _next++;
            }
            else
            {
                return false;
            }

            do
            {
                spi = Make((Random() << _placeBits) | (uint)place);
            }
            while (spi <= EspLimits.ReservedSpis);
        }

        return true;
    }

    /// <summary>Once for each: where no SA came of it, by who allotted it; otherwise by the shard.</summary>
    public void Return(uint spi)
    {
        lock (_lock)
        {
            var place = Place(spi);
            Invariant.Check(place >= 0 && place < _next, "an SPI was allotted before it comes back");
            _resting.Enqueue(place);
        }
    }

    /// <summary>Where an SA of this SPI would be; -1 for another shard's.</summary>
    public int Place(uint spi)
    {
        if (spi % _shards != _shard)
        {
            return -1;
        }

        var place = (int)((((spi / _shards) - _summand) * _inverse) & _mask & ((1u << _placeBits) - 1));
        return place < _capacity ? place : -1;
    }

    private uint Make(uint value) => _shard + (_shards * (((value * _factor) + _summand) & _mask));

    private uint Random()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        _entropy.Fill(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <summary>Modulo 2^32, by Newton's iteration: each step doubles the bits that are right.</summary>
    private static uint Inverse(uint odd)
    {
        var inverse = odd;
        for (var i = 0; i < 4; i++)
        {
            inverse *= 2 - (odd * inverse);
        }

        return inverse;
    }
}
