using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>One fact that was reported of a device, and when by the wall clock.</summary>
public sealed record PostureFact(string Name, PostureValue Value, Instant At);

public enum PostureRelation : byte
{
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// <summary>
/// What a rule asks of a fact: "firmware>=2.4.1", "disk-encrypted=true". Where the fact is not there, or is no version and asked to be more
/// or less than one, the answer is no.
/// </summary>
public sealed record PostureTest(string Name, PostureRelation Relation, PostureValue Value)
{
    public const int NameMax = 63;

    /// <summary>Longer ones first: "&gt;=" begins like "&gt;".</summary>
    private static readonly (string Text, PostureRelation Relation)[] Relations =
    [
        (">=", PostureRelation.AtLeast), ("<=", PostureRelation.AtMost), ("!=", PostureRelation.NotEqual),
        ("=", PostureRelation.Equal), (">", PostureRelation.More), ("<", PostureRelation.Less),
    ];

    /// <param name="problem">What cannot be read, as the end of a sentence.</param>
    public static bool TryParse(string text, out PostureTest test, out string problem)
    {
        test = new PostureTest("", PostureRelation.Equal, new PostureValue(""));
        var at = text.AsSpan().IndexOfAny("<>=!");
        if (at < 0)
        {
            problem = "it compares nothing";
            return false;
        }

        var name = text[..at];
        if (!IsName(name))
        {
            problem = $"'{name}' is no name of a fact";
            return false;
        }

        foreach (var (word, relation) in Relations)
        {
            if (text.AsSpan(at).StartsWith(word, StringComparison.Ordinal))
            {
                var value = text[(at + word.Length)..];
                problem = IsValue(value) ? "" : "there is no value to compare with";
                test = new PostureTest(name, relation, new PostureValue(value));
                if (problem.Length == 0 && relation > PostureRelation.NotEqual && !test.Value.IsVersion)
                {
                    problem = $"'{value}' is no number and no version, and text is not more or less than other text";
                }

                return problem.Length == 0;
            }
        }

        problem = $"'{text[at..]}' does not begin with = != < <= > or >=";
        return false;
    }

    public static bool IsName(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '/'))
            {
                return false;
            }
        }

        return text.Length is > 0 and <= NameMax;
    }

    public static bool IsValue(string text) => text.Length is > 0 and <= PostureValue.MaxLength && !PlainText.HasUnsafe(text);

    public bool IsMet(PostureValue fact) => Relation switch
    {
        PostureRelation.Equal => fact.Is(Value),
        PostureRelation.NotEqual => !fact.Is(Value),
        _ when !fact.TryCompare(Value, out _) => false,
        PostureRelation.Less => Order(fact) < 0,
        PostureRelation.AtMost => Order(fact) <= 0,
        PostureRelation.More => Order(fact) > 0,
        _ => Order(fact) >= 0,
    };

    /// <summary>Always the same for the same test.</summary>
    public override string ToString() => Name + Array.Find(Relations, known => known.Relation == Relation).Text + Value.Text;

    private int Order(PostureValue fact)
    {
        fact.TryCompare(Value, out var order);
        return order;
    }
}
