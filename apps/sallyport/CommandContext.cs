using System.CommandLine;
using System.CommandLine.Help;
using Sallyport.Api.Client;
using Sallyport.Api.Paging;
using Sallyport.Cli.Output;

namespace Sallyport.Cli;

/// <summary>What one command has at hand.</summary>
internal sealed record CommandContext(ParseResult Parse, SallyportClient Client, Printer Printer, CancellationToken Cancel)
{
    private const int PageSize = 200;

    /// <summary>On the command line or by its variable.</summary>
    public bool IsGiven(Option option) => Parse.GetResult(option) is { } result && (!result.Implicit || result.GetValueOrDefault<object?>() switch
    {
        null or false => false,
        string[] list => list.Length > 0,
        _ => true,
    });

    /// <summary>What to say of an empty list: how to begin, or what nothing matched.</summary>
    public string Empty(string nouns, string begin = "")
    {
        var filters = Parse.CommandResult.Command.Options.Where(o => o is not HelpOption && o.Name != "--limit" && IsGiven(o)).ToList();
        return filters.Count > 0
            ? $"no {nouns} match {string.Join(", ", filters.Select(o => o is Option<string?> text ? $"{o.Name} {Parse.GetValue(text)}" : o.Name))}"
            : $"no {nouns} yet{(begin.Length > 0 ? "; " : "")}{begin}";
    }

    /// <summary>Follows the cursors until the end, or until there are as many as asked for.</summary>
    public static async Task<IReadOnlyList<T>> AllAsync<T>(int? most, Func<int, string?, Task<Page<T>>> readPage)
    {
        var items = new List<T>();
        string? cursor = null;
        do
        {
            var page = await readPage(Math.Min(PageSize, (most ?? int.MaxValue) - items.Count), cursor);
            items.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null && items.Count < (most ?? int.MaxValue));

        return items;
    }
}
