using System.Globalization;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.FleetFiles;

internal enum FileShape : byte
{
    Text,

    /// <summary>true or false.</summary>
    Flag,

    /// <summary>A whole number; "none" is 0.</summary>
    Number,

    /// <summary>A moment: 2026-12-01T17:00+01:00.</summary>
    Time,

    /// <summary>[a, b]; one alone may stand without brackets.</summary>
    List,

    /// <summary>{ key: value }.</summary>
    Labels,
}

/// <summary>
/// One key of an entry: how it is called, what a command is given for it, and how it stands with what exists. Reading, comparing and
/// exporting all go by it.
/// </summary>
/// <param name="Field">What the API calls it, where its problems are told.</param>
/// <param name="Get">Null where it is as it would be without the key.</param>
internal sealed record FileKey<TInput, TState>(
    string Name, string Field, FileShape Shape, Func<TInput, object, TInput> Put, Func<TState, object?> Get)
{
    public static FileKey<TInput, TState> Text(string name, Func<TInput, string, TInput> put, Func<TState, string?> get, string? field = null) =>
        new(name, field ?? name, FileShape.Text, (input, value) => put(input, (string)value), get);

    public static FileKey<TInput, TState> Flag(string name, Func<TInput, bool, TInput> put, Func<TState, bool> get, string? field = null) =>
        new(name, field ?? name, FileShape.Flag, (input, value) => put(input, (bool)value), state => get(state) ? true : null);

    public static FileKey<TInput, TState> Number(string name, Func<TInput, long, TInput> put, Func<TState, long?> get, string? field = null) =>
        new(name, field ?? name, FileShape.Number, (input, value) => put(input, (long)value), state => get(state));

    public static FileKey<TInput, TState> Time(
        string name, Func<TInput, DateTimeOffset, TInput> put, Func<TState, DateTimeOffset?> get, string? field = null) =>
        new(name, field ?? name, FileShape.Time, (input, value) => put(input, (DateTimeOffset)value), state => get(state));

    public static FileKey<TInput, TState> List(
        string name, Func<TInput, IReadOnlyList<string>, TInput> put, Func<TState, IReadOnlyList<string>?> get, string? field = null) =>
        new(name, field ?? name, FileShape.List, (input, value) => put(input, (IReadOnlyList<string>)value), state => get(state) is { Count: > 0 } list ? list : null);

    /// <summary>A list of which none is something else than what it would be without the key.</summary>
    public static FileKey<TInput, TState> ListOrNone(
        string name, Func<TInput, IReadOnlyList<string>, TInput> put, Func<TState, IReadOnlyList<string>?> get, string? field = null) =>
        new(name, field ?? name, FileShape.List, (input, value) => put(input, (IReadOnlyList<string>)value), state => get(state));

    public static FileKey<TInput, TState> Labels(
        string name, Func<TInput, IReadOnlyDictionary<string, string>, TInput> put, Func<TState, IReadOnlyDictionary<string, string>> get) =>
        new(
            name, name, FileShape.Labels, (input, value) => put(input, (IReadOnlyDictionary<string, string>)value),
            state => get(state) is { Count: > 0 } labels ? labels : null);
}

/// <summary>Values of keys as text that the file may hold.</summary>
internal static class FileValue
{
    public static string Show(object? value) => value switch
    {
        null => "none",
        bool yes => yes ? "true" : "false",
        long number => number.ToString(CultureInfo.InvariantCulture),
        DateTimeOffset at => Time(at),
        IReadOnlyList<string> list => $"[{string.Join(", ", list.Select(Quoted))}]",
        IReadOnlyDictionary<string, string> labels =>
            $"{{ {string.Join(", ", labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{Quoted(label.Key)}: {Quoted(label.Value)}"))} }}",
        _ => Quoted((string)value),
    };

    /// <summary>Plain where no reader, of YAML 1.1 or 1.2, could take it for something else than this text; addresses, prefixes and services are plain.</summary>
    public static string Quoted(string text)
    {
        var isPlain = text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
            && (char.IsAsciiLetter(text[0]) || (char.IsAsciiDigit(text[0]) && (text.Contains('/', StringComparison.Ordinal) || text.Count(c => c == '.') == 3)))
            && text.ToLowerInvariant() is not ("true" or "false" or "yes" or "no" or "on" or "off" or "null" or "y" or "n");
        return isPlain ? text : $"\"{string.Concat(text.Select(Escaped))}\"";

        static string Escaped(char c) => c is '\\' or '"' ? $"\\{c}"
            : PlainText.IsUnsafe(c) ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")
            : c.ToString();
    }

    public static string Time(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>Of a table of keys: "prefixes: [10.20.0.0/16]", and "[…] → […]" where <paramref name="before"/> had something else.</summary>
    public static IReadOnlyList<string> Differences<TInput, TState>(IReadOnlyList<FileKey<TInput, TState>> keys, TState? before, TState after)
        where TState : class
    {
        var said = new List<string>();
        foreach (var key in keys)
        {
            var (old, now) = (before is null ? null : key.Get(before), key.Get(after));
            if (Show(old) != Show(now))
            {
                said.Add(before is null ? $"{key.Name}: {Show(now)}" : $"{key.Name}: {Show(old)} → {Show(now)}");
            }
        }

        return said;
    }
}
