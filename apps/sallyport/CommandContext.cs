using System.CommandLine;
using Sallyport.Api.Client;
using Sallyport.Api.Paging;
using Sallyport.Cli.Output;

namespace Sallyport.Cli;

/// <summary>What one command has at hand.</summary>
internal sealed record CommandContext(ParseResult Parse, SallyportClient Client, Printer Printer, CancellationToken Cancel)
{
    private const int PageSize = 200;

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
