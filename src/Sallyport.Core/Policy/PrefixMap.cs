using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Values by prefix, found by the longest one around an address: a lookup for each length that occurs. Immutable.</summary>
internal sealed class PrefixMap<T>
{
    public static readonly PrefixMap<T> Empty = new(ImmutableDictionary<IpPrefix, T>.Empty, [], []);

    private readonly ImmutableDictionary<IpPrefix, T> _values;

    /// <summary>How many prefixes there are of each length that occurs, longest first.</summary>
    private readonly ImmutableArray<LengthCount> _lengthsV4;
    private readonly ImmutableArray<LengthCount> _lengthsV6;

    private PrefixMap(ImmutableDictionary<IpPrefix, T> values, ImmutableArray<LengthCount> lengthsV4, ImmutableArray<LengthCount> lengthsV6)
    {
        _values = values;
        _lengthsV4 = lengthsV4;
        _lengthsV6 = lengthsV6;
    }

    public bool IsEmpty => _values.IsEmpty;

    public IEnumerable<T> Values => _values.Values;

    public bool TryFind(IpAddress address, out T value)
    {
        foreach (var (length, _) in address.IsV4 ? _lengthsV4 : _lengthsV6)
        {
            if (_values.TryGetValue(IpPrefix.Around(address, length), out value!))
            {
                return true;
            }
        }

        value = default!;
        return false;
    }

    public Editor Edit() => new(this);

    internal readonly record struct LengthCount(int Length, int Count);

    public sealed class Editor
    {
        private readonly PrefixMap<T> _from;
        private readonly ImmutableDictionary<IpPrefix, T>.Builder _values;
        private readonly int[] _countsV4 = new int[33];
        private readonly int[] _countsV6 = new int[129];
        private bool _isTouched;

        internal Editor(PrefixMap<T> from)
        {
            _from = from;
            _values = from._values.ToBuilder();
            foreach (var (length, count) in from._lengthsV4)
            {
                _countsV4[length] = count;
            }

            foreach (var (length, count) in from._lengthsV6)
            {
                _countsV6[length] = count;
            }
        }

        public bool TryGet(IpPrefix prefix, out T value) => _values.TryGetValue(prefix, out value!);

        public void Set(IpPrefix prefix, T value)
        {
            _isTouched = true;
            Counts(prefix)[prefix.Length] += _values.ContainsKey(prefix) ? 0 : 1;
            _values[prefix] = value;
        }

        public void Remove(IpPrefix prefix)
        {
            _isTouched = true;
            Counts(prefix)[prefix.Length] -= _values.Remove(prefix) ? 1 : 0;
        }

        /// <summary>The same map where nothing was touched.</summary>
        public PrefixMap<T> Done() => _isTouched ? new(_values.ToImmutable(), Lengths(_countsV4), Lengths(_countsV6)) : _from;

        private int[] Counts(IpPrefix prefix) => prefix.IsV4 ? _countsV4 : _countsV6;

        private static ImmutableArray<LengthCount> Lengths(int[] counts)
        {
            var lengths = ImmutableArray.CreateBuilder<LengthCount>();
            for (var length = counts.Length - 1; length >= 0; length--)
            {
                if (counts[length] > 0)
                {
                    lengths.Add(new LengthCount(length, counts[length]));
                }
            }

            return lengths.DrainToImmutable();
        }
    }
}
