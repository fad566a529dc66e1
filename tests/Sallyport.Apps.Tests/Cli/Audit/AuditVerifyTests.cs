using System.Security.Cryptography;
using System.Text.Json;
using Sallyport.Api;
using Sallyport.Api.Audit;
using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli.Audit;

/// <summary>An export is proven without a server, from what is in the file alone.</summary>
[Collection("console")]
public sealed class AuditVerifyTests : IAsyncLifetime
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private CannedServer server = null!;

    public async Task InitializeAsync() => server = await CannedServer.StartAsync();

    public async Task DisposeAsync()
    {
        key.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_whole_export_says_up_to_which_record_it_is_signed()
    {
        var (code, output) = await VerifyAsync(Lines(records: 70));
        code.ShouldBe(ExitCodes.Ok, output);
        output.ShouldContain("whole: 70 records, 1 signed checkpoint, signed up to record 70");
    }

    [Fact]
    public async Task An_export_that_lost_its_last_lines_and_all_signatures_is_broken()
    {
        var (code, output) = await VerifyAsync([.. Lines(records: 70).Take(51)]);
        code.ShouldBe(ExitCodes.Refused);
        output.ShouldContain("BROKEN: 50 records, 0 signed checkpoints, signed up to record 0");
        output.ShouldContain("there is no signed head, so nothing says where the trail ends: no signature vouches for any of it");
    }

    [Fact]
    public async Task An_export_that_was_cut_at_a_checkpoint_is_broken_and_says_how_far_it_is_vouched_for()
    {
        var lines = Lines(records: 70);
        var (code, output) = await VerifyAsync([.. lines.Take(65), .. lines.Where(line => line.Checkpoint is not null)]);
        code.ShouldBe(ExitCodes.Refused);
        output.ShouldContain("BROKEN: 64 records, 1 signed checkpoint, signed up to record 64");
        output.ShouldContain("a checkpoint vouches for record 64 and what is before it");
    }

    private async Task<(int Code, string Output)> VerifyAsync(IReadOnlyList<AuditExportLine> lines)
    {
        var file = Path.Combine(server.Directory, "export.jsonl");
        await File.WriteAllLinesAsync(file, lines.Select(line => JsonSerializer.Serialize(line, ApiJson.Default.AuditExportLine)));
        var (code, output, _) = await server.RunAsync("audit", "verify", "--file", file);
        server.Asked.ShouldBeEmpty();
        return (code, output);
    }

    /// <summary>The key, the records, a checkpoint at the 64th, and the head.</summary>
    private List<AuditExportLine> Lines(int records)
    {
        var lines = new List<AuditExportLine> { new() { PublicKey = Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()) } };
        var previous = AuditChain.Genesis;
        for (var i = 1; i <= records; i++)
        {
            var record = new AuditRecord
            {
                Sequence = i, At = i, Actor = "administrator", Action = "network.update", Subject = "network:a", Detail = "{}", PreviousHash = previous, Hash = "",
            };
            record = record with { Hash = AuditChain.HashOf(record) };
            previous = record.Hash;
            lines.Add(new AuditExportLine { Record = record });
        }

        var old = lines[64].Record!;
        lines.Add(new AuditExportLine { Checkpoint = new AuditCheckpoint(64, old.At, old.Hash, Sign(AuditChain.SignedBytes(64, old.At, old.Hash))) });
        lines.Add(new AuditExportLine { Head = new AuditHead(records, records, previous, Sign(AuditChain.SignedHeadBytes(records, records, previous))) });
        return lines;
    }

    private string Sign(byte[] bytes) => Convert.ToBase64String(key.SignData(bytes, HashAlgorithmName.SHA256));
}
