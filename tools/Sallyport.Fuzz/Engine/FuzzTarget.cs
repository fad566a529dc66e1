using System.Text;

namespace Sallyport.Fuzz.Engine;

/// <summary>One parser, or one machine that is fed from outside, with the properties that hold for every input.</summary>
public abstract class FuzzTarget
{
    /// <summary>As on the command line and of the directory of its seeds.</summary>
    public abstract string Name { get; }

    /// <summary>Longest input in bytes: beyond every limit of the parser.</summary>
    public virtual int InputMax => 4096;

    /// <summary>Mutations in `./test`, beside the seeds.</summary>
    public virtual int ReplayMutations => 3000;

    /// <summary>Bytes that mean something to the parser and that chance would not find.</summary>
    public virtual IReadOnlyList<byte[]> Words => [];

    /// <summary>Valid inputs from our own writers: name and bytes, the same at every call.</summary>
    public abstract IEnumerable<(string Name, byte[] Input)> MakeSeeds();

    /// <summary>
    /// Tries one input. Whatever it throws is a finding. What happens depends on the input alone, so that a finding can be reproduced.
    /// </summary>
    public abstract void Run(ReadOnlySpan<byte> input, Probe probe);

    protected static byte[][] WordsOf(params string[] words) => [.. words.Select(Encoding.UTF8.GetBytes)];
}
