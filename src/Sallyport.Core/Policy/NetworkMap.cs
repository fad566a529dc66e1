using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Who is where in one network. Immutable; the same object as long as no address in the network changes hands.</summary>
internal sealed class NetworkMap
{
    public static readonly NetworkMap Empty = new(
        null, ImmutableDictionary<IpAddress, Claim>.Empty, ImmutableDictionary<IpPrefix, Claim>.Empty, [], []);

    private readonly ImmutableDictionary<IpAddress, Claim> _addresses;
    private readonly ImmutableDictionary<IpPrefix, Claim> _subnets;

    /// <summary>How many subnets there are of each length that occurs, longest first.</summary>
    private readonly ImmutableArray<LengthCount> _lengthsV4;
    private readonly ImmutableArray<LengthCount> _lengthsV6;

    private NetworkMap(
        Network? network,
        ImmutableDictionary<IpAddress, Claim> addresses,
        ImmutableDictionary<IpPrefix, Claim> subnets,
        ImmutableArray<LengthCount> lengthsV4,
        ImmutableArray<LengthCount> lengthsV6)
    {
        Network = network;
        _addresses = addresses;
        _subnets = subnets;
        _lengthsV4 = lengthsV4;
        _lengthsV6 = lengthsV6;
    }

    /// <summary>Null while identities name a network that there is not: then nobody is found in it.</summary>
    public Network? Network { get; }

    public bool IsEmpty => Network is null && _addresses.IsEmpty && _subnets.IsEmpty;

    /// <summary>The identity that carries the address: an identity's own address first, then the longest subnet. 0 where nobody does.</summary>
    public int OwnerOf(IpAddress address)
    {
        if (Network is null)
        {
            return 0;
        }

        if (_addresses.TryGetValue(address, out var claim))
        {
            return claim.OwnerId;
        }

        foreach (var (length, _) in address.IsV4 ? _lengthsV4 : _lengthsV6)
        {
            if (_subnets.TryGetValue(IpPrefix.Around(address, length), out claim))
            {
                return claim.OwnerId;
            }
        }

        return 0;
    }

    public Editor Edit() => new(this);

    internal readonly record struct LengthCount(int Length, int Count);

    public sealed class Editor
    {
        private readonly ImmutableDictionary<IpAddress, Claim>.Builder _addresses;
        private readonly ImmutableDictionary<IpPrefix, Claim>.Builder _subnets;
        private readonly int[] _countsV4 = new int[33];
        private readonly int[] _countsV6 = new int[129];

        internal Editor(NetworkMap from)
        {
            Network = from.Network;
            _addresses = from._addresses.ToBuilder();
            _subnets = from._subnets.ToBuilder();
            foreach (var (length, count) in from._lengthsV4)
            {
                _countsV4[length] = count;
            }

            foreach (var (length, count) in from._lengthsV6)
            {
                _countsV6[length] = count;
            }
        }

        public Network? Network { get; set; }

        public void Add(Identity identity)
        {
            Add(identity.AddressV4, identity.Id);
            Add(identity.AddressV6, identity.Id);
            foreach (var subnet in identity.Subnets)
            {
                if (_subnets.TryGetValue(subnet, out var claim))
                {
                    _subnets[subnet] = claim.With(identity.Id);
                }
                else
                {
                    _subnets[subnet] = Claim.Of(identity.Id);
                    Counts(subnet)[subnet.Length]++;
                }
            }
        }

        public void Remove(Identity identity)
        {
            Remove(identity.AddressV4, identity.Id);
            Remove(identity.AddressV6, identity.Id);
            foreach (var subnet in identity.Subnets)
            {
                if (!_subnets.TryGetValue(subnet, out var claim))
                {
                    continue;
                }

                if (claim.Without(identity.Id) is { } left)
                {
                    _subnets[subnet] = left;
                }
                else
                {
                    _subnets.Remove(subnet);
                    Counts(subnet)[subnet.Length]--;
                }
            }
        }

        public NetworkMap Done() =>
            new(Network, _addresses.ToImmutable(), _subnets.ToImmutable(), Lengths(_countsV4), Lengths(_countsV6));

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

        private int[] Counts(IpPrefix subnet) => subnet.IsV4 ? _countsV4 : _countsV6;

        private void Add(IpAddress? address, int id)
        {
            if (address is { } own)
            {
                _addresses[own] = _addresses.TryGetValue(own, out var claim) ? claim.With(id) : Claim.Of(id);
            }
        }

        private void Remove(IpAddress? address, int id)
        {
            if (address is not { } own || !_addresses.TryGetValue(own, out var claim))
            {
                return;
            }

            if (claim.Without(id) is { } left)
            {
                _addresses[own] = left;
            }
            else
            {
                _addresses.Remove(own);
            }
        }
    }
}
