using Spectre.Console;

namespace Sallyport.Cli.Output;

/// <summary>A column of a table and how a row fills it.</summary>
internal sealed record Column<T>(string Title, Func<T, string?> Text, Func<T, Color?>? Colour = null)
{
    /// <summary>Of what the text names: it stands behind the name where the list has one of that name in another network as well.</summary>
    public Func<T, string?>? Network { get; init; }

    /// <summary>Numbers stand at the right.</summary>
    public bool Right { get; init; }

    /// <summary>Where a terminal is too narrow, the highest is left out first; 0 stays.</summary>
    public int Rank { get; init; }

    /// <summary>Sentences and lists: takes the room that is left and goes on in the next line.</summary>
    public bool Wraps { get; init; }
}

/// <summary>What a row has several of, which no cell has room for.</summary>
/// <param name="Title">Of the column that it is where every row has to be one line.</param>
internal sealed record Below<T>(string Title, Func<T, IEnumerable<string>> Lines);
