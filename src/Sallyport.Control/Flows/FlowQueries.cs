using System.Runtime.CompilerServices;
using Sallyport.Api.Flows;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Flows;

internal sealed class FlowQueries(Database database, TrafficLog traffic, ChangeFeed feed)
{
    private static readonly string[] Verdicts = ["allowed", "denied"];

    public Page<FlowInfo> List(Actor actor, string? device, string? site, string? network, string? verdict, Paging paging)
    {
        var filter = FilterOf(actor, device, site, network, verdict);
        var fleet = feed.State;
        return paging.PageOf(traffic.ListFlows(filter, paging.BeforeId, paging.Limit + 1), row => row.Id, row => row.ToInfo(fleet));
    }

    public FlowInfo Get(Actor actor, long id)
    {
        var row = traffic.FindFlow(id) ?? throw NoFlow(id);
        actor.Require(Right.See, row.NetworkId);
        return row.ToInfo(feed.State);
    }

    public static ProblemException NoFlow(long id) =>
        new(Refusal.NotFound("id", $"there is no flow {id}", "it may be too old to be kept; see which there are: sallyport flow list"));

    /// <summary>Validates at once, so that a wrong question is answered before the stream begins.</summary>
    public IAsyncEnumerable<FlowInfo> Tail(Actor actor, string? device, string? site, string? network, string? verdict, CancellationToken cancel)
    {
        var filter = FilterOf(actor, device, site, network, verdict);
        return Tail(traffic.FlowBroadcast.Listen(cancel), filter, cancel);
    }

    private async IAsyncEnumerable<FlowInfo> Tail(
        IAsyncEnumerable<FlowRow> flows, FlowFilter filter, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var row in flows.WithCancellation(cancel))
        {
            if (row.Matches(filter))
            {
                yield return row.ToInfo(feed.State);
            }
        }
    }

    private FlowFilter FilterOf(Actor actor, string? device, string? site, string? network, string? verdict) => database.Read(sql =>
    {
        var problems = new ProblemList();
        var identity = MemberFilter.Read(sql, device, site, problems);
        var known = Networks.NetworkInput.ReadOne(verdict, "verdict", "verdict", Verdicts, problems);
        problems.ThrowIfAny();
        return new FlowFilter(MemberFilter.IdOf(actor, identity), Scope.NetworkOf(sql, actor, network), known is null ? null : known == "allowed");
    });
}
