namespace Sallyport.Fuzz.Engine;

/// <summary>An input that something is wrong with.</summary>
/// <param name="Kind">The same for inputs that show the same fault, as far as can be told.</param>
/// <param name="Detail">For people.</param>
public sealed record Finding(string Kind, string Detail, byte[] Input)
{
    public static Finding Of(Exception thrown, ReadOnlySpan<byte> input)
    {
        // What was thrown and from where: the first line of the trace that is not of the runtime's own checks.
        var where = (thrown.StackTrace ?? "").Split('\n').FirstOrDefault(line => line.Contains("Sallyport.", StringComparison.Ordinal) && !IsCheck(line)) ?? "";
        var message = thrown is PropertyException or AllocationException ? thrown.Message : "";
        return new Finding($"{thrown.GetType().Name} {message}{where.Trim()}", thrown.ToString(), input.ToArray());
    }

    private static bool IsCheck(string line) =>
        line.Contains("Primitives.Invariant.", StringComparison.Ordinal) || line.Contains("Fuzz.Engine.Probe.", StringComparison.Ordinal);
}
