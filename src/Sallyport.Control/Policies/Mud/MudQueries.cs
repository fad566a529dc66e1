using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Policies.Mud;

/// <summary>Proposes rules from what a manufacturer says of its devices. Changes nothing.</summary>
internal sealed class MudQueries(Database database, ChangeFeed feed, TimeProvider time)
{
    private const int PrefixMax = 24; // of what names begin with, so that there is room for what they are

    public MudPlan Plan(Actor actor, MudRequest request)
    {
        actor.Require(Right.See, actor.NetworkId);
        var problems = new FileProblems();
        var file = MudReader.Read(request.File, problems);
        problems.ThrowIfAny();
        var fleet = Seen(actor, feed.State);
        var inputs = new ProblemList();
        var signedBy = ReadSigner(request, inputs);
        var prefix = request.Name ?? PrefixOf(file!);
        if (Label.Check(prefix, "name", inputs) && prefix.Length > PrefixMax)
        {
            inputs.Add("name", $"'{prefix}' has {prefix.Length} characters", $"names begin with it: use at most {PrefixMax}");
        }

        var (subject, bindings, groups) = database.Read(sql =>
        {
            var read = MudSubject.Read(sql, actor, fleet, request.For, request.Network, inputs);
            var bound = read is null ? null : MudBindings.Read(sql, actor, fleet, read, request, file!, inputs);
            return (read, bound, ApplicationRow.All(sql).SelectMany(row => Column.List(row.GroupsJson).Select(group => (row.Id, group))).ToLookup(pair => pair.Id, pair => pair.group));
        });
        inputs.ThrowIfAny();
        return Plan(file!, fleet, subject!, bindings!, new MudDraft(fleet, subject!, prefix, groups), signedBy);
    }

    private static MudPlan Plan(MudFile file, FleetState fleet, MudSubject subject, MudBindings bindings, MudDraft draft, string? signedBy)
    {
        var (grants, read) = MudConversations.Of(file);
        var planner = new MudPlanner(fleet, subject, bindings, draft);
        planner.Plan(grants);
        draft.NoteLeftovers();
        var findings = NotesOn(file, bindings, signedBy).Concat(draft.Notes).Concat(planner.Notes).Concat(read)
            .OrderBy(note => Array.IndexOf(KindOrder, note.Kind)).ThenBy(note => note.Line ?? 0).ThenBy(note => note.Entry, StringComparer.Ordinal)
            .Select(note => new MudFinding(note.Kind, note.Entry, note.Line, note.Why, note.Hint)).Distinct().ToList();
        var plan = new MudPlan
        {
            Subject = subject.Text,
            Network = subject.Network.Name,
            Members = subject.Members.Count,
            MudUrl = file.Url,
            LastUpdate = file.LastUpdate,
            CacheHours = file.CacheHours,
            IsSupported = file.IsSupported,
            SystemInfo = file.SystemInfo,
            Manufacturer = file.Manufacturer,
            Model = file.Model,
            SignedBy = signedBy,
            Entries = file.FromDevice.Count + file.ToDevice.Count,
            Applications = draft.Applications,
            Rules = draft.Rules,
            Findings = findings,
            Commands = [],
            FleetFile = "",
        };
        return plan with { Commands = MudFleetText.Commands(plan), FleetFile = MudFleetText.Write(plan) };
    }

    private static readonly string[] KindOrder = [MudNote.Decide, MudNote.Cannot, MudNote.Remark, MudNote.Covered, MudNote.Answers];

    private static IEnumerable<MudNote> NotesOn(MudFile file, MudBindings bindings, string? signedBy)
    {
        if (signedBy is null)
        {
            yield return new MudNote(
                MudNote.Remark, "", null, $"nobody checked a signature{(file.SignatureUrl is { } url ? $"; the manufacturer keeps one at {Label.Shorten(url)}" : "")}", "signature=FILE and signerCa=FILE have it checked");
        }

        if (!file.IsSupported)
        {
            yield return new MudNote(MudNote.Remark, "", null, "the manufacturer does not support the device any more", "no updates come: think about who may reach it at all");
        }

        foreach (var remark in file.Remarks)
        {
            yield return new MudNote(MudNote.Remark, "", remark.At.Line, $"{remark.What} is not looked at: {remark.Why}");
        }

        foreach (var extension in file.Extensions)
        {
            yield return new MudNote(MudNote.Remark, "", null, $"the file uses the extension {extension}, which nobody here knows");
        }

        foreach (var one in bindings.Without(file.FromDevice.Concat(file.ToDevice).SelectMany(ace => ace.Match.Classes)))
        {
            yield return new MudNote(MudNote.Remark, "", null, $"the file does not speak of {one.Kind} {Label.Shorten(one.Value)}".TrimEnd(), "what was said of it is of no use here");
        }
    }

    /// <summary>Without applications that are none of the actor's business: a plan finds again what is called or made alike.</summary>
    private static FleetState Seen(Actor actor, FleetState fleet) => actor.May(Right.See, null)
        ? fleet : fleet with { Applications = fleet.Applications.RemoveRange(fleet.Applications.Values.Where(one => !actor.May(Right.See, one.NetworkId)).Select(one => one.Id)) };

    private string? ReadSigner(MudRequest request, ProblemList problems)
    {
        if (request.Signature is { } signature)
        {
            return MudSignature.Verify(request.File, signature, request.SignerCa, time.GetUtcNow(), problems);
        }

        if (request.SignerCa is not null)
        {
            problems.Add("signerCa", "a certificate is given, and no signature", "give the signature with it: signature=FILE");
        }

        return null;
    }

    private static string PrefixOf(MudFile file)
    {
        foreach (var text in new[] { file.Model, Path.GetFileNameWithoutExtension(new Uri(file.Url).Segments[^1]), file.SystemInfo, file.Authority })
        {
            var plain = MudDraft.Plain(text ?? "");
            if (plain.Length > 0)
            {
                return plain[..Math.Min(plain.Length, PrefixMax)].TrimEnd('-');
            }
        }

        return "mud";
    }
}
