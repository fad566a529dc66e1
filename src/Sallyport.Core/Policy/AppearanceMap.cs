using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>What appears in one network, found by where it is there and by what it is at home. Immutable.</summary>
internal sealed class AppearanceMap
{
    public static readonly AppearanceMap Empty = new(PrefixMap<Appearance>.Empty, ImmutableDictionary<(AppearanceKind, int), PrefixMap<Appearance>>.Empty);

    private readonly PrefixMap<Appearance> _at;
    private readonly ImmutableDictionary<(AppearanceKind Kind, int HomeId), PrefixMap<Appearance>> _of;

    private AppearanceMap(PrefixMap<Appearance> at, ImmutableDictionary<(AppearanceKind Kind, int HomeId), PrefixMap<Appearance>> of)
    {
        _at = at;
        _of = of;
    }

    public bool IsEmpty => _at.IsEmpty;

    public IEnumerable<Appearance> All => _at.Values;

    /// <summary>What an address of this network stands for, where it is one of that kind.</summary>
    public Appearance? At(AppearanceKind kind, IpAddress address) => _at.TryFind(address, out var found) && found.Kind == kind ? found : null;

    /// <summary>Where an address of another network appears here.</summary>
    public Appearance? Of(AppearanceKind kind, int homeId, IpAddress inside) =>
        _of.TryGetValue((kind, homeId), out var home) && home.TryFind(inside, out var found) ? found : null;

    public Editor Edit() => new(this);

    public sealed class Editor
    {
        private readonly PrefixMap<Appearance>.Editor _at;
        private readonly ImmutableDictionary<(AppearanceKind Kind, int HomeId), PrefixMap<Appearance>>.Builder _of;

        internal Editor(AppearanceMap from)
        {
            _at = from._at.Edit();
            _of = from._of.ToBuilder();
        }

        public void Add(Appearance appearance)
        {
            _at.Set(appearance.At, appearance);
            Change(appearance, home => home.Set(appearance.Of, appearance));
        }

        public void Remove(Appearance appearance)
        {
            // Of two that claim the same, which control does not make, the one that is there stays.
            if (_at.TryGet(appearance.At, out var there) && there.Id == appearance.Id)
            {
                _at.Remove(appearance.At);
            }

            Change(appearance, home =>
            {
                if (home.TryGet(appearance.Of, out var known) && known.Id == appearance.Id)
                {
                    home.Remove(appearance.Of);
                }
            });
        }

        public AppearanceMap Done() => new(_at.Done(), _of.ToImmutable());

        private void Change(Appearance appearance, Action<PrefixMap<Appearance>.Editor> act)
        {
            var key = (appearance.Kind, appearance.HomeId);
            var home = _of.GetValueOrDefault(key, PrefixMap<Appearance>.Empty).Edit();
            act(home);
            var changed = home.Done();
            if (changed.IsEmpty)
            {
                _of.Remove(key);
            }
            else
            {
                _of[key] = changed;
            }
        }
    }
}
