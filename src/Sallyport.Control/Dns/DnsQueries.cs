using Sallyport.Api.Dns;
using Sallyport.Api.Paging;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Dns;

internal sealed class DnsQueries(Database database, TrafficLog traffic)
{
    public Page<DnsQueryInfo> List(Actor actor, string? device, string? site, string? network, Paging paging)
    {
        var (identityId, networkId) = database.Read(sql =>
        {
            var problems = new ProblemList();
            if (device is not null && site is not null)
            {
                problems.Add("site", "a site is given beside a device", "ask for one of them");
            }

            var identity = device is not null ? Lookup.Identity(sql, "device", device).OrProblem("device", problems)
                : site is not null ? Lookup.Identity(sql, "site", site).OrProblem("site", problems)
                : null;
            problems.ThrowIfAny();
            if (identity is not null)
            {
                actor.Require(Right.See, identity.NetworkId);
            }

            return (identity?.Id, Scope.NetworkOf(sql, actor, network));
        });
        return paging.PageOf(
            traffic.ListDnsQueries(identityId, networkId, paging.BeforeId, paging.Limit + 1), row => row.Id, row => row.ToInfo());
    }
}
