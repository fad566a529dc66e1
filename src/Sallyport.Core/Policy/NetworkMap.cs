using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Who is where in one network. Immutable; the same object as long as no address in the network changes hands.</summary>
internal sealed class NetworkMap
{
    public static readonly NetworkMap Empty = new(null, ImmutableDictionary<IpAddress, Claim>.Empty, PrefixMap<Claim>.Empty, AppearanceMap.Empty);

    private readonly ImmutableDictionary<IpAddress, Claim> _addresses;
    private readonly PrefixMap<Claim> _subnets;

    private NetworkMap(
        Network? network, ImmutableDictionary<IpAddress, Claim> addresses, PrefixMap<Claim> subnets, AppearanceMap appearances)
    {
        Network = network;
        _addresses = addresses;
        _subnets = subnets;
        Appearances = appearances;
    }

    /// <summary>Null while identities name a network that there is not: then nobody is found in it.</summary>
    public Network? Network { get; }

    /// <summary>What of other networks is where in this one.</summary>
    public AppearanceMap Appearances { get; }

    public bool IsEmpty => Network is null && _addresses.IsEmpty && _subnets.IsEmpty && Appearances.IsEmpty;

    /// <summary>The identity that carries the address: an identity's own address first, then the longest subnet. 0 where nobody does.</summary>
    public int OwnerOf(IpAddress address)
    {
        if (Network is null)
        {
            return 0;
        }

        return _addresses.TryGetValue(address, out var claim) || _subnets.TryFind(address, out claim) ? claim.OwnerId : 0;
    }

    /// <summary>Whether the network has the address for its own members, be there one or not.</summary>
    public bool IsOwn(IpAddress address)
    {
        foreach (var prefix in Network?.Prefixes ?? [])
        {
            if (prefix.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    public Editor Edit() => new(this);

    public sealed class Editor
    {
        private readonly NetworkMap _from;
        private readonly ImmutableDictionary<IpAddress, Claim>.Builder _addresses;
        private readonly PrefixMap<Claim>.Editor _subnets;
        private AppearanceMap.Editor? _appearances;

        internal Editor(NetworkMap from)
        {
            _from = from;
            Network = from.Network;
            _addresses = from._addresses.ToBuilder();
            _subnets = from._subnets.Edit();
        }

        public Network? Network { get; set; }

        public AppearanceMap.Editor Appearances => _appearances ??= _from.Appearances.Edit();

        public void Add(Identity identity)
        {
            Add(identity.AddressV4, identity.Id);
            Add(identity.AddressV6, identity.Id);
            foreach (var subnet in identity.Subnets)
            {
                _subnets.Set(subnet, _subnets.TryGet(subnet, out var claim) ? claim.With(identity.Id) : Claim.Of(identity.Id));
            }
        }

        public void Remove(Identity identity)
        {
            Remove(identity.AddressV4, identity.Id);
            Remove(identity.AddressV6, identity.Id);
            foreach (var subnet in identity.Subnets)
            {
                if (!_subnets.TryGet(subnet, out var claim))
                {
                    continue;
                }

                if (claim.Without(identity.Id) is { } left)
                {
                    _subnets.Set(subnet, left);
                }
                else
                {
                    _subnets.Remove(subnet);
                }
            }
        }

        public NetworkMap Done() =>
            new(Network, _addresses.ToImmutable(), _subnets.Done(), _appearances?.Done() ?? _from.Appearances);

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
