namespace Sallyport.Control.Http;

/// <summary>What uses a thing that is to be removed, and the commands that remove the users first.</summary>
internal sealed class Obstacles
{
    public const int ShownMax = 5; // an error stays a sentence; the next attempt names the next ones

    private readonly List<(string What, string Command)> all = [];

    /// <param name="command">Noun, verb and name: "rule remove 3".</param>
    public void Add(string what, string command) => all.Add((what, command));

    public void ThrowIfAny(string head)
    {
        if (all.Count > 0)
        {
            var more = all.Count > ShownMax ? ", …" : "";
            throw new ProblemException(Refusal.Conflict(
                "name",
                $"{head} {string.Join(", ", all.Take(ShownMax).Select(one => one.What))}{more}",
                $"remove first what is in the way: {string.Join("; ", all.Take(ShownMax).Select(one => $"sallyport {one.Command}"))}{more}"));
        }
    }
}
