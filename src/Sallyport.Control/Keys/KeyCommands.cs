using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Keys;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Credentials;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Keys;

/// <summary>Replaces keys of the installation.</summary>
internal sealed class KeyCommands(
    Commands commands, Database database, Envelope envelope, GatewayKeys keys, ChangeFeed feed, ControlOptions options)
{
    private const string Master = "master";

    private static readonly string[] Names = [Master, WrappingKeyRow.Name];

    private const int OwnersShown = 5; // an error stays a sentence; credential list --key has all

    private const string SeeList = "see which there are: sallyport key list";

    private readonly Lock rotating = new();

    public KeyRotated Rotate(Actor actor, string name, string? reason)
    {
        actor.Require(Right.Change);
        ReasonInput.Check(reason);
        var problems = new ProblemList();
        var known = NetworkInput.ReadOne(name, "name", "key", Names, problems);
        problems.ThrowIfAny();
        if (known == WrappingKeyRow.Name)
        {
            return RotateWrapping(actor, reason);
        }

        lock (rotating)
        {
            return RotateMaster(actor, reason);
        }
    }

    public Page<KeyInfo> List(Actor actor) => database.Read(sql =>
    {
        actor.Require(Right.See);
        return new Page<KeyInfo>([.. WrappingKeyRow.Accepted(sql).Select((row, place) => row.ToInfo(place == 0))], null);
    });

    /// <summary>The gateways do not open it any more. Answers the key as it was.</summary>
    public KeyInfo Retire(Actor actor, int id, bool force, string? reason)
    {
        actor.Require(Right.Change);
        ReasonInput.Check(reason);
        var retired = commands.RunFirst(actor, change =>
        {
            var row = WrappingKeyRow.Find(change.Sql, id)
                ?? throw new ProblemException(Refusal.NotFound("id", $"there is no {WrappingKeyRow.Name} key {id}", SeeList));
            if (row.RetiredAt is { } at)
            {
                throw new ProblemException(Refusal.Conflict("id", $"key {id} was retired on {UnixTime.ToTime(at):u}", "nothing is left to do"));
            }

            if (id == keys.Newest.Id)
            {
                throw new ProblemException(Refusal.Conflict(
                    "id", $"new OpenVPN profiles come with key {id}", $"make another one first: sallyport key rotate {WrappingKeyRow.Name}"));
            }

            if (row.Credentials > 0 && !force)
            {
                throw new ProblemException(Refusal.Conflict(
                    "id",
                    $"{row.Credentials} live credential(s) came with key {id}: {OwnersOf(change.Sql, id)}",
                    $"issue new profiles for them (sallyport credential list --key {id} shows all), or sallyport key retire {id} --force: by OpenVPN they stay in the dark until then"));
            }

            Distribute(change, keys.Retire(change.Sql, id, change.Now));
            change.Audit(
                "key.retire", $"key:{WrappingKeyRow.Name}:{id}", new JsonObject { ["credentials"] = row.Credentials, ["reason"] = reason });
            return row.ToInfo(isCurrent: false);
        }).Value;
        database.EmptyLog();
        return retired;
    }

    private string OwnersOf(SqliteConnection sql, int id)
    {
        var owners = WrappingKeyRow.Owners(sql, id, OwnersShown + 1);
        return string.Join(", ", owners.Take(OwnersShown).Select(owner => $"{owner.Kind}:{feed.State.ReferenceTo(owner.Kind, owner.Name, owner.NetworkId)}"))
            + (owners.Count > OwnersShown ? ", …" : "");
    }

    private KeyRotated RotateWrapping(Actor actor, string? reason) => commands.Run(actor, change =>
    {
        if (WrappingKeyRow.Accepted(change.Sql).Count >= GatewayKeys.AcceptedMax)
        {
            throw new ProblemException(Refusal.Conflict(
                "name", $"{GatewayKeys.AcceptedMax} {WrappingKeyRow.Name} keys are accepted already", "retire one of them first: sallyport key list"));
        }

        var accepted = keys.Add(change.Sql, change.Now);
        Distribute(change, accepted);
        change.Audit(
            "key.rotate", "key:" + WrappingKeyRow.Name, new JsonObject { ["current"] = accepted[0].Id, ["accepted"] = accepted.Count, ["reason"] = reason });
        return new KeyRotated(WrappingKeyRow.Name, UnixTime.ToTime(change.Now), 0);
    }).Value;

    /// <summary>The gateways get these with the commit, and every later profile is made for them.</summary>
    private void Distribute(Change change, IReadOnlyList<WrappingKey> accepted)
    {
        var settings = keys.AddTo(feed.Settings, accepted);
        SettingsNote.Write(change.Sql, settings);
        change.Touch(ChangeKind.Settings, 0);
        change.OnCommitted(() =>
        {
            keys.Use(accepted);
            feed.Use(settings);
        });
    }

    private KeyRotated RotateMaster(Actor actor, string? reason)
    {
        var rotation = new MasterKeyRotation(options.MasterKeyFile, envelope);
        var next = rotation.Prepare();
        var committed = false;
        try
        {
            var rotated = commands.Run(actor, change =>
            {
                var resealed = rotation.Reseal(change.Sql, next);
                change.Audit("key.rotate", "key:" + Master, new JsonObject { ["resealed"] = resealed, ["reason"] = reason });
                change.OnCommitted(() =>
                {
                    envelope.Use(next);
                    committed = true;
                });
                return new KeyRotated(Master, UnixTime.ToTime(change.Now), resealed);
            }).Value;
            rotation.Finish();

            // What was sealed under the old key lies in the write-ahead log until it is written over.
            database.EmptyLog();
            return rotated;
        }
        catch when (!committed)
        {
            next.Dispose();
            rotation.Abandon();
            throw;
        }
    }
}
