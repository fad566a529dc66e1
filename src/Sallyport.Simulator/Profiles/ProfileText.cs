namespace Sallyport.Simulator.Profiles;

/// <summary>
/// Options and inline blocks of an OpenVPN configuration. Of an option that stands there more than once the first counts, so of several
/// connections, too.
/// </summary>
internal sealed class ProfileText
{
    private readonly Dictionary<string, string[]> options = [];
    private readonly Dictionary<string, string> blocks = [];

    private ProfileText()
    {
    }

    public static ProfileText Parse(string text)
    {
        var made = new ProfileText();
        string? block = null;
        var body = new List<string>();
        foreach (var line in text.Split('\n').Select(line => line.Trim()))
        {
            if (block is not null)
            {
                if (line == $"</{block}>")
                {
                    made.blocks.TryAdd(block, string.Join('\n', body) + "\n");
                    block = null;
                    body.Clear();
                }
                else
                {
                    body.Add(line);
                }
            }
            else if (line is "<connection>" or "</connection>")
            {
                // What stands in it are options like any other.
            }
            else if (line.StartsWith('<') && line.EndsWith('>'))
            {
                block = line[1..^1];
            }
            else if (line.Length > 0 && line[0] is not ('#' or ';'))
            {
                var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                made.options.TryAdd(words[0], words[1..]);
            }
        }

        return made;
    }

    public string[]? Words(string option) => options.GetValueOrDefault(option);

    public string? Block(string name) => blocks.GetValueOrDefault(name);
}
