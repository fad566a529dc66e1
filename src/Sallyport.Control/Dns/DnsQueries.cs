using Sallyport.Api.Dns;
using Sallyport.Api.Paging;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
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
            var identity = MemberFilter.Read(sql, device, site, null, problems);
            problems.ThrowIfAny();
            return (MemberFilter.IdOf(actor, identity), Scope.NetworkOf(sql, actor, network));
        });
        return paging.PageOf(
            traffic.ListDnsQueries(identityId, networkId, paging.BeforeId, paging.Limit + 1), row => row.Id, row => row.ToInfo());
    }
}
