using System.Diagnostics.CodeAnalysis;

namespace Sallyport.Core.Primitives;

/// <summary>
/// What must hold unless we made a mistake. Never for input: hostile bytes get a result, operators get a list of problems.
/// </summary>
public static class Invariant
{
    public static void Check([DoesNotReturnIf(false)] bool holds, string what)
    {
        if (!holds)
        {
            throw new InvariantException(what);
        }
    }
}

public sealed class InvariantException(string what) : InvalidOperationException("Invariant broken: " + what);
