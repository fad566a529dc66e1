using System.Text.Json.Nodes;
using Sallyport.Api.Keys;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Keys;

/// <summary>Replaces keys of the installation.</summary>
internal sealed class KeyCommands(Commands commands, Database database, Envelope envelope, ControlOptions options)
{
    private const string Master = "master";

    private static readonly string[] Names = [Master];

    private readonly Lock rotating = new();

    public KeyRotated Rotate(Actor actor, string name, string? reason)
    {
        actor.Require(Right.Change);
        ReasonInput.Check(reason);
        var problems = new ProblemList();
        _ = NetworkInput.ReadOne(name, "name", "key", Names, problems);
        problems.ThrowIfAny();
        lock (rotating)
        {
            return RotateMaster(actor, reason);
        }
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
