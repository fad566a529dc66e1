using System.Collections.Concurrent;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>
/// What every identity was told addresses for, of all packet threads: an identity may come in again at another one. Who reads takes no lock.
/// </summary>
internal sealed class NameTies : INameTies
{
    private readonly ConcurrentDictionary<int, NameTie[]> _ties = new();
    private readonly Lock _lock = new();
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public NameTie[] Of(int identityId) => _ties.TryGetValue(identityId, out var ties) ? ties : [];

    /// <summary>Later answers count beside those before, until they are too old. Where there is no room the oldest of the identity go.</summary>
    public void Put(int identityId, string name, IEnumerable<(IpAddress Address, uint TtlSeconds)> addresses, Instant now)
    {
        lock (_lock)
        {
            var before = Of(identityId);
            var after = before.Where(tie => tie.Expires > now).ToDictionary(tie => (tie.Name, tie.Address));
            foreach (var (address, ttl) in addresses.Where(one => !Egress.IsNever(one.Address)).Take(DnsServiceLimits.TiesPerAnswerMax))
            {
                var expires = now + TimeSpan.FromSeconds(Math.Clamp(ttl, DnsServiceLimits.TieSecondsMin, DnsServiceLimits.TieSecondsMax));
                if (!after.TryGetValue((name, address), out var known) || known.Expires < expires)
                {
                    after[(name, address)] = new NameTie(name, address, expires);
                }
            }

            NameTie[] ties = [.. after.Values.OrderByDescending(tie => tie.Expires).Take(DnsServiceLimits.TiesPerIdentityMax)];
            if (_count - before.Length + ties.Length > DnsServiceLimits.TiesMax)
            {
                Sweep(now);
                before = Of(identityId);
            }

            if (_count - before.Length + ties.Length <= DnsServiceLimits.TiesMax)
            {
                Set(identityId, before.Length, ties);
            }
        }
    }

    /// <summary>Forgets what is too old, and identities that were not told anything since.</summary>
    private void Sweep(Instant now)
    {
        foreach (var (id, ties) in _ties)
        {
            NameTie[] live = [.. ties.Where(tie => tie.Expires > now)];
            if (live.Length < ties.Length)
            {
                Set(id, ties.Length, live);
            }
        }
    }

    private void Set(int identityId, int before, NameTie[] ties)
    {
        Volatile.Write(ref _count, _count - before + ties.Length);
        if (ties.Length == 0)
        {
            _ties.TryRemove(identityId, out _);
            return;
        }

        _ties[identityId] = ties;
    }
}
