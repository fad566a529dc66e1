using System.Runtime.CompilerServices;
using Sallyport.Api.Flows;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Flows;

internal sealed class FlowQueries(Database database, TrafficLog traffic, ChangeFeed feed, FlowReasons reasons)
{
    private static readonly string[] Verdicts = ["allowed", "denied"];
    private static readonly string[] States = ["denied", "cut", "opening", "unanswered", "unreachable", "live", "ended"];

    public Page<FlowInfo> List(Actor actor, FlowQuestion question, Paging paging)
    {
        var filter = FilterOf(actor, question);
        var fleet = feed.State;
        return paging.PageOf(traffic.ListFlows(filter, paging.BeforeId, paging.Limit + 1), row => row.Id, row => reasons.Tell(fleet, row));
    }

    public FlowInfo Get(Actor actor, long id)
    {
        var row = traffic.FindFlow(id) ?? throw NoFlow(id);
        actor.RequireAny(Right.See, row.NetworkId, row.FarNetworkId ?? row.NetworkId);
        return reasons.Tell(feed.State, row);
    }

    public static ProblemException NoFlow(long id) =>
        new(Refusal.NotFound("id", $"there is no flow {id}", "it may be too old to be kept; see which there are: sallyport flow list"));

    /// <summary>Validates at once, so that a wrong question is answered before the stream begins.</summary>
    public IAsyncEnumerable<FlowInfo> Tail(Actor actor, FlowQuestion question, CancellationToken cancel)
    {
        var filter = FilterOf(actor, question);
        return Tail(traffic.FlowBroadcast.Listen(cancel), filter, cancel);
    }

    private async IAsyncEnumerable<FlowInfo> Tail(
        IAsyncEnumerable<FlowRow> flows, FlowFilter filter, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var row in flows.WithCancellation(cancel))
        {
            if (row.Matches(filter))
            {
                yield return reasons.Tell(feed.State, row);
            }
        }
    }

    private FlowFilter FilterOf(Actor actor, FlowQuestion question) => database.Read(sql =>
    {
        var problems = new ProblemList();
        var identity = MemberFilter.Read(sql, question.Device, question.Site, question.Host, problems);
        var verdict = Networks.NetworkInput.ReadOne(question.Verdict, "verdict", "verdict", Verdicts, problems);
        var state = Networks.NetworkInput.ReadOne(question.State, "state", "state", States, problems);
        problems.ThrowIfAny();
        return new FlowFilter(
            MemberFilter.IdOf(actor, identity), Scope.NetworkOf(sql, actor, question.Network), verdict is null ? null : verdict == "allowed", state);
    });
}

/// <summary>Which flows somebody asks for, as said in the query of the URL; null for any.</summary>
/// <param name="Host">The network in which the gateway host has a part.</param>
internal sealed record FlowQuestion(string? Device, string? Site, string? Host, string? Network, string? Verdict, string? State);
