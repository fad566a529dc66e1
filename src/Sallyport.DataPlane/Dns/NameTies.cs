using System.Collections.Concurrent;
using Sallyport.Core.Dns;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>
/// What every identity was told addresses for, of all packet threads: an identity may come in again at another one. One thread writes; who
/// reads takes no lock.
/// </summary>
/// <remarks>
/// Nothing new is ever refused: an identity that is told too much loses what would be too old first, of its own. When all together have too
/// much, what is too old goes, and then from those who have most, until an eighth is free; so that is seldom.
/// </remarks>
internal sealed class NameTies(int most = DnsServiceLimits.TiesMax) : INameTies
{
    private readonly ConcurrentDictionary<int, Told> _told = new();
    private readonly NamePool _names = new();
    private int _count;
    private int _version;

    public int Count => Volatile.Read(ref _count);

    /// <summary>How often there was no room for all.</summary>
    public int Sweeps { get; private set; }

    public NameTie[] Of(int identityId) => _told.TryGetValue(identityId, out var told) ? told.Ties : [];

    public int VersionOf(int identityId) => _told.TryGetValue(identityId, out var told) ? told.Version : 0;

    /// <summary>What the answer says of the name that was asked for, where any application is for names.</summary>
    public void Tie(UpstreamQuestion question, UpstreamAnswer answer, Instant now)
    {
        if (question.IsTied && answer.IsWhole)
        {
            Put(question.IdentityId, question.Query.Name, DnsChain.AddressesOf(question.Query.Name, answer.Facts), now);
        }
    }

    /// <summary>Later answers count beside those before, until they are too old. Where there is no room the oldest of the identity go.</summary>
    public void Put(int identityId, string name, IEnumerable<(IpAddress Address, uint TtlSeconds)> addresses, Instant now)
    {
        name = _names.Share(name);
        var before = Of(identityId);
        var others = before.Where(tie => tie.Expires > now).ToDictionary(tie => (tie.Name, tie.Address));
        var told = new Dictionary<IpAddress, NameTie>();
        foreach (var (address, ttl) in addresses.Where(one => !Egress.IsNever(one.Address)).Take(DnsServiceLimits.TiesPerAnswerMax))
        {
            var expires = now + TimeSpan.FromSeconds(Math.Clamp(ttl, DnsServiceLimits.TieSecondsMin, DnsServiceLimits.TieSecondsMax));
            var isKnown = told.TryGetValue(address, out var known) || others.Remove((name, address), out known);
            told[address] = new NameTie(name, address, isKnown && known.Expires > expires ? known.Expires : expires);
        }

        // What was just told is about to be used, however soon it is too old.
        NameTie[] ties = [.. told.Values, .. others.Values.OrderByDescending(tie => tie.Expires).Take(DnsServiceLimits.TiesPerIdentityMax - told.Count)];
        Set(identityId, before.Length, ties);
        if (_count > most)
        {
            Sweep(identityId, now);
        }
    }

    /// <summary>Makes room for long. Who was told something just now keeps it.</summary>
    private void Sweep(int spared, Instant now)
    {
        Sweeps++;
        foreach (var (id, (ties, _)) in _told)
        {
            Keep(id, ties, [.. ties.Where(tie => tie.Expires > now)]);
        }

        var room = most - (most / 8);
        for (var share = Math.Max(1, FairShare(room)); _count > room && share >= 0; share--)
        {
            // The last one of somebody is the last to go, and of those what would be too old first.
            foreach (var (id, (ties, _)) in share > 0 ? _told : _told.OrderBy(one => one.Value.Ties[0].Expires).AsEnumerable())
            {
                if (_count > room && ties.Length > share && id != spared)
                {
                    Keep(id, ties, [.. ties.OrderByDescending(tie => tie.Expires).Take(share)]);
                }
            }
        }
    }

    /// <summary>The most that everybody may have if all together are to have <paramref name="room"/>; who has less loses nothing.</summary>
    private int FairShare(int room)
    {
        var holders = new int[DnsServiceLimits.TiesPerIdentityMax + 1];
        foreach (var (ties, _) in _told.Values)
        {
            holders[Math.Min(ties.Length, DnsServiceLimits.TiesPerIdentityMax)]++;
        }

        // With one more for each, all those who have as many take one more.
        var (share, sum, more) = (0, 0, _told.Count);
        while (share < DnsServiceLimits.TiesPerIdentityMax && sum + more <= room)
        {
            sum += more;
            more -= holders[++share];
        }

        return share;
    }

    private void Keep(int identityId, NameTie[] before, NameTie[] ties)
    {
        if (ties.Length < before.Length)
        {
            Set(identityId, before.Length, ties);
        }
    }

    private void Set(int identityId, int before, NameTie[] ties)
    {
        Volatile.Write(ref _count, _count - before + ties.Length);
        if (ties.Length == 0)
        {
            _told.TryRemove(identityId, out _);
            return;
        }

        _told[identityId] = new Told(ties, ++_version == 0 ? ++_version : _version);
    }

    private sealed record Told(NameTie[] Ties, int Version);
}
