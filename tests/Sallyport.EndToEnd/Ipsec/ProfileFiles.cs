using Sallyport.Api.Credentials;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Puts our profiles where an engineer would copy them.</summary>
internal static class ProfileFiles
{
    private const string Folder = "swanctl/";

    /// <summary>
    /// What our files say, but for extended sequence numbers: strongSwan's ESP in user space has none, and takes them nevertheless where they are offered.
    /// </summary>
    public static CharonProfile ForCharon(this ProfileIssued profile)
    {
        var conf = profile.Files.Single(file => file.Name.StartsWith(Folder + "conf.d/", StringComparison.Ordinal));
        var made = new CharonProfile(conf.Text.Replace("-esn", "", StringComparison.Ordinal));
        foreach (var file in profile.Files.Where(file => file != conf && file.Name.StartsWith(Folder, StringComparison.Ordinal)))
        {
            made = made.WithFile(file.Name[Folder.Length..], file.Text);
        }

        return made;
    }
}
