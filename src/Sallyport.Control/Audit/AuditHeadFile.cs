using System.Text.Json;
using Sallyport.Api;
using Sallyport.Api.Audit;
using Sallyport.Control.Secrets;

namespace Sallyport.Control.Audit;

/// <summary>
/// The signed end of the trail in a file beside the database: whoever can write the database alone cannot cut the trail unseen.
/// Written after the commit and before the answer. A crash between the two leaves the file behind the trail, never ahead of it, and the
/// next start brings it up; ahead of the trail it is only where records were taken away.
/// </summary>
internal sealed class AuditHeadFile(string path)
{
    public bool Exists => File.Exists(path);

    /// <summary>Null where there is none that can be read; then <paramref name="problem"/> says why.</summary>
    public AuditHead? Read(out string problem)
    {
        problem = $"{Path.GetFileName(path)} is missing";
        if (!File.Exists(path))
        {
            return null;
        }

        problem = $"{Path.GetFileName(path)} cannot be read";
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ApiJson.Default.AuditHead) is { Hash: not null, Signature: not null } head ? head : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Write(AuditHead head) => SecretFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(head, ApiJson.Default.AuditHead));
}
