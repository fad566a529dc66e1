using System.Text.Json.Nodes;
using Sallyport.Api.Nodes;
using Sallyport.Api.Tunnels;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Nodes;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tunnels;

/// <summary>Ends a tunnel whose owner may come again at once: for a device that hangs, not for one that must stay out.</summary>
internal sealed class TunnelCommands(Commands commands, TunnelRegistry tunnels, GatewayLinks links)
{
    /// <summary><paramref name="owner"/> is "device:pump-17" or "site:hq". Answers the tunnel as it was.</summary>
    public TunnelInfo Disconnect(Actor actor, string owner, string? reason)
    {
        ReasonInput.Check(reason);
        var (id, tunnel) = commands.RunFirst(actor, change =>
        {
            var problems = new ProblemList();
            var row = OwnerInput.Read(change.Sql, owner, "owner", problems);
            problems.ThrowIfAny();
            actor.Require(Right.Change, row!.NetworkId);
            if (tunnels.PresenceOf(row.Id) is not ("online", { } live))
            {
                throw new ProblemException(Refusal.Conflict(
                    "owner", $"{row.Kind} {row.Name} has no tunnel that is up", "see which have one: sallyport tunnel list"));
            }

            change.Audit(row.Kind + ".disconnect", row.Subject, new JsonObject { ["reason"] = reason });
            return (row.Id, live);
        }).Value;
        foreach (var link in links.Connected)
        {
            link.Send(new Disconnect(id, reason ?? ""));
        }

        return tunnel;
    }
}
