using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Nodes;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Credentials;

internal sealed class CredentialCommands(Commands commands, Database database, Cuts cuts)
{
    public Page<CredentialInfo> List(Actor actor, string? owner, int? key, bool revoked, Paging paging) => database.Read(sql =>
    {
        int? identityId = null;
        if (owner is not null)
        {
            var problems = new ProblemList();
            var identity = OwnerInput.Read(sql, owner, "owner", problems);
            problems.ThrowIfAny();
            actor.Require(Right.See, identity!.NetworkId);
            identityId = identity.Id;
        }

        return paging.PageOf(
            CredentialRow.List(sql, identityId, actor.NetworkId, key, revoked, paging.AfterId, paging.Limit + 1), row => row.Id, row => row.ToInfo());
    });

    public Task<CutResult> RevokeAsync(Actor actor, int id, string? reason, CancellationToken cancel)
    {
        ReasonInput.Check(reason);
        var committed = commands.RunFirst(actor, change =>
        {
            var row = CredentialRow.Find(change.Sql, id) ?? throw new ProblemException(Refusal.NotFound("id", $"there is no credential {id}", "see which there are: sallyport credential list"));
            actor.Require(Right.Change, row.NetworkId);
            if (row.RevokedAt is { } at)
            {
                throw new ProblemException(Refusal.Conflict(
                    "id", $"credential {id} was revoked on {UnixTime.ToTime(at):u}", "nothing is left to do"));
            }

            change.Sql.Execute($"UPDATE credentials SET {CredentialRow.Revocation} WHERE id = @id", new { change.Now, reason, id });
            change.Touch(ChangeKind.Identity, row.IdentityId);
            change.Audit(
                "credential.revoke",
                row.Subject,
                new JsonObject { ["owner"] = $"{row.OwnerKind}:{row.Owner}.{row.Network}", ["fingerprint"] = row.Fingerprint, ["peerId"] = row.PeerId, ["reason"] = reason });
            return row;
        });
        return cuts.EnforceAsync(
            new CutSubject("credential", id.ToString(CultureInfo.InvariantCulture), "revoked", "credential.revoke", committed.Value.Subject),
            committed.Version,
            committed.At,
            cancel);
    }
}
