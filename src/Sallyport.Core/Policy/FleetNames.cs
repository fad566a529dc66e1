namespace Sallyport.Core.Policy;

/// <summary>What is called how, for whoever asks by name. Immutable; the parts of it that a change leaves alone stay the same objects.</summary>
internal sealed record FleetNames(NameIndex Networks, NameIndex Identities, NameIndex Applications)
{
    /// <summary>Names of networks are unique by themselves.</summary>
    public const int NetworkScope = 0;

    public static readonly FleetNames Empty = new(NameIndex.Empty, NameIndex.Empty, NameIndex.Empty);

    public Editor Edit() => new(this);

    public sealed class Editor(FleetNames from)
    {
        private readonly NameIndex.Editor _networks = from.Networks.Edit();
        private readonly NameIndex.Editor _identities = from.Identities.Edit();
        private readonly NameIndex.Editor _applications = from.Applications.Edit();

        public void Replace(Network? old, Network? next) =>
            Replace(_networks, old is null ? null : (NetworkScope, old.Name, old.Id), next is null ? null : (NetworkScope, next.Name, next.Id));

        public void Replace(Identity? old, Identity? next) => Replace(_identities, Key(old), Key(next));

        public void Replace(Application? old, Application? next) =>
            Replace(_applications, old is null ? null : (old.NetworkId, old.Name, old.Id), next is null ? null : (next.NetworkId, next.Name, next.Id));

        public FleetNames Done()
        {
            var next = new FleetNames(_networks.Done(), _identities.Done(), _applications.Done());
            return next == from ? from : next;
        }

        /// <summary>The gateway host is called as its network and has names of its own there.</summary>
        private static (int Scope, string Name, int Id)? Key(Identity? identity) =>
            identity is null or { Kind: IdentityKind.Host } ? null : (identity.NetworkId, identity.Name, identity.Id);

        private static void Replace(NameIndex.Editor index, (int Scope, string Name, int Id)? old, (int Scope, string Name, int Id)? next)
        {
            if (old == next)
            {
                return;
            }

            if (old is { } gone)
            {
                index.Remove(gone.Scope, gone.Name, gone.Id);
            }

            if (next is { } come)
            {
                index.Add(come.Scope, come.Name, come.Id);
            }
        }
    }
}
