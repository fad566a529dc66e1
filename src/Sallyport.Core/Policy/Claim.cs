using System.Collections.Immutable;

namespace Sallyport.Core.Policy;

/// <summary>
/// Who an address or subnet belongs to. The control process lets two identities never have the same; should it happen, the lowest id has it,
/// whatever the order of the changes.
/// </summary>
internal readonly record struct Claim(int OwnerId, ImmutableArray<int> Others)
{
    public static Claim Of(int ownerId) => new(ownerId, []);

    public Claim With(int id) =>
        id == OwnerId || Others.Contains(id) ? this : From(Others.Add(OwnerId).Add(id));

    /// <summary>Null where nobody is left.</summary>
    public Claim? Without(int id)
    {
        if (id != OwnerId)
        {
            return this with { Others = Others.Remove(id) };
        }

        return Others.IsEmpty ? null : From(Others);
    }

    private static Claim From(ImmutableArray<int> ids)
    {
        var sorted = ids.Sort();
        return new Claim(sorted[0], sorted.RemoveAt(0));
    }
}
