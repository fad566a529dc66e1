using System.Text.RegularExpressions;
using Sallyport.Api.Credentials;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Puts our profiles where an engineer would copy them, and changes lines in them as he would.</summary>
internal static class ProfileFiles
{
    private const string Folder = "swanctl/";
    private const string Connections = Folder + "conf.d/";

    /// <summary>
    /// What our files say, but for extended sequence numbers: strongSwan's ESP in user space has none, and takes them nevertheless where they are offered.
    /// </summary>
    /// <param name="name">Which of several connections: "dc-2" is the second uplink of dc. Null takes all.</param>
    public static CharonProfile ForCharon(this ProfileIssued profile, string? name = null)
    {
        var chosen = profile.Files.Where(file => file.Name.StartsWith(Connections, StringComparison.Ordinal) && (name is null || file.Name == $"{Connections}{name}.conf"));
        var made = new CharonProfile(string.Concat(chosen.Select(file => file.Text)).Replace("-esn", "", StringComparison.Ordinal));
        foreach (var file in profile.Files.Where(file => file.Name.StartsWith(Folder, StringComparison.Ordinal) && !file.Name.StartsWith(Connections, StringComparison.Ordinal)))
        {
            made = made.WithFile(file.Name[Folder.Length..], file.Text);
        }

        return made;
    }

    /// <summary>With another value wherever the word is set.</summary>
    public static CharonProfile With(this CharonProfile profile, string word, string value)
    {
        var line = new Regex($@"(?m)^(\s*{Regex.Escape(word)}) = .*$");
        line.IsMatch(profile.Text).ShouldBeTrue($"{word} is not in\n{profile.Text}");
        return profile with { Text = line.Replace(profile.Text, $"$1 = {value}") };
    }

    /// <summary>With a further line of the connection.</summary>
    public static CharonProfile WithLine(this CharonProfile profile, string line) =>
        profile with { Text = profile.Text.Replace("version = 2\n", $"version = 2\n{line}\n", StringComparison.Ordinal) };

    /// <summary>It waits to be told, and to be called.</summary>
    public static CharonProfile Waiting(this CharonProfile profile) => profile.With("start_action", "none").With("close_action", "none").With("dpd_action", "clear");
}
