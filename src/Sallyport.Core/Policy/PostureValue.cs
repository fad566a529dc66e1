using System.Collections.Immutable;
using System.Globalization;

namespace Sallyport.Core.Policy;

/// <summary>
/// What was reported of a device, as it compares: whole numbers and versions ("2.4.1", "v2.10", "3.0.0-rc.1+build") part by part with the
/// precedence of Semantic Versioning 2.0.0 section 11, everything else as text, which is equal or not and never more or less.
/// </summary>
public sealed class PostureValue
{
    public const int MaxLength = 128;

    private const int PartsMax = 8;

    /// <summary>Without trailing zeros; default where the text is no version.</summary>
    private readonly ImmutableArray<ulong> _numbers;
    private readonly string[] _preRelease = [];

    public PostureValue(string text)
    {
        Text = text;
        var rest = text.StartsWith('v') ? text[1..] : text;
        var plus = rest.IndexOf('+', StringComparison.Ordinal);
        rest = plus >= 0 ? rest[..plus] : rest;
        var dash = rest.IndexOf('-', StringComparison.Ordinal);
        var parts = (dash >= 0 ? rest[..dash] : rest).Split('.');
        if (text.Length > MaxLength || parts.Length > PartsMax || !TryNumbers(parts, out var numbers) || dash == rest.Length - 1)
        {
            return;
        }

        _numbers = numbers;
        _preRelease = dash >= 0 ? rest[(dash + 1)..].Split('.') : [];
    }

    public string Text { get; }

    public bool IsVersion => !_numbers.IsDefault;

    /// <summary>Whether it says the same: versions by what they mean, text to the letter.</summary>
    public bool Is(PostureValue other) => TryCompare(other, out var order) ? order == 0 : Text == other.Text;

    /// <summary>False where one of the two is no version.</summary>
    public bool TryCompare(PostureValue other, out int order)
    {
        order = 0;
        if (!IsVersion || !other.IsVersion)
        {
            return false;
        }

        for (var i = 0; order == 0 && i < Math.Max(_numbers.Length, other._numbers.Length); i++)
        {
            order = NumberAt(i).CompareTo(other.NumberAt(i));
        }

        order = order != 0 ? order : ComparePreRelease(_preRelease, other._preRelease);
        return true;
    }

    private static bool TryNumbers(string[] parts, out ImmutableArray<ulong> numbers)
    {
        var read = ImmutableArray.CreateBuilder<ulong>(parts.Length);
        numbers = default;
        foreach (var part in parts)
        {
            if (!ulong.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            read.Add(number);
        }

        numbers = read.DrainToImmutable();
        return true;
    }

    private ulong NumberAt(int index) => index < _numbers.Length ? _numbers[index] : 0;

    /// <summary>None is more than any.</summary>
    private static int ComparePreRelease(string[] a, string[] b)
    {
        if (a.Length == 0 || b.Length == 0)
        {
            return b.Length.CompareTo(a.Length);
        }

        for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
        {
            var aIsNumber = ulong.TryParse(a[i], NumberStyles.None, CultureInfo.InvariantCulture, out var aNumber);
            var bIsNumber = ulong.TryParse(b[i], NumberStyles.None, CultureInfo.InvariantCulture, out var bNumber);
            var order = aIsNumber && bIsNumber ? aNumber.CompareTo(bNumber)
                : aIsNumber != bIsNumber ? (aIsNumber ? -1 : 1)
                : string.CompareOrdinal(a[i], b[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return a.Length.CompareTo(b.Length);
    }
}
