using System.Text.RegularExpressions;

namespace Sallyport.Harness;

/// <summary>Changes of a profile's text, as an engineer would make them with an editor.</summary>
public static partial class OvpnText
{
    /// <summary>Replaces every line of the same option; adds it where there was none. Inline blocks stay.</summary>
    public static string With(this string profile, params IEnumerable<string> options)
    {
        var added = options.ToArray();
        var words = added.Select(line => line.Split(' ')[0]).ToHashSet();
        return string.Join('\n', added) + "\n" + profile.Without([.. words]);
    }

    /// <summary>Removes every line of these options.</summary>
    public static string Without(this string profile, params string[] options)
    {
        var kept = new List<string>();
        string? block = null;
        foreach (var line in profile.Split('\n'))
        {
            if (block is null && line.StartsWith('<'))
            {
                block = "</" + line[1..].TrimEnd();
            }
            else if (block is not null && line.StartsWith(block, StringComparison.Ordinal))
            {
                block = null;
            }
            else if (block is null && options.Contains(line.Trim().Split(' ')[0]))
            {
                continue;
            }

            kept.Add(line);
        }

        return string.Join('\n', kept);
    }

    /// <summary>One remote and nothing else that says where to or how: "10.99.0.1", "udp4".</summary>
    public static string Dialing(this string profile, string host, string protocol) =>
        Connection().Replace(profile, "").Without("remote", "proto", "remote-random").With($"remote {host} 1194 {protocol}");

    /// <summary>What stands in an inline block.</summary>
    public static string Block(this string profile, string name)
    {
        var open = profile.IndexOf($"<{name}>", StringComparison.Ordinal);
        var close = profile.IndexOf($"</{name}>", StringComparison.Ordinal);
        return open < 0 || close < 0
            ? throw new InvalidOperationException($"the profile has no <{name}>")
            : profile[(open + name.Length + 2)..close].Trim() + "\n";
    }

    /// <summary>The same profile with another text in an inline block.</summary>
    public static string WithBlock(this string profile, string name, string text) => profile.Replace(profile.Block(name), text.Trim() + "\n", StringComparison.Ordinal);

    [GeneratedRegex("<connection>.*?</connection>\n", RegexOptions.Singleline)]
    private static partial Regex Connection();
}
