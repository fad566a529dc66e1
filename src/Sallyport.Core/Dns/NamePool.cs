namespace Sallyport.Core.Dns;

/// <summary>
/// One string for a name, however many flows and identities have it: a fleet speaks with a few servers. So many places, and a name takes
/// that of another; what is not here any more is shared from then on by a new string. One thread.
/// </summary>
public sealed class NamePool
{
    /// <summary>Half a megabyte of names of usual length.</summary>
    private const int Places = 4096;

    private readonly string?[] _names = new string?[Places];

    public string Share(ReadOnlySpan<char> name)
    {
        ref var place = ref _names[Hash(name) & (Places - 1)];
        return place is { } known && name.SequenceEqual(known) ? known : place = new string(name);
    }

    /// <summary>FNV-1a; who makes names collide has strings of his own.</summary>
    private static uint Hash(ReadOnlySpan<char> name)
    {
        var hash = 2_166_136_261;
        foreach (var c in name)
        {
            hash = (hash ^ c) * 16_777_619;
        }

        return hash ^ (hash >> 16);
    }
}
