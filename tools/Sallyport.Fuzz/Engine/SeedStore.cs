using System.Security.Cryptography;

namespace Sallyport.Fuzz.Engine;

/// <summary>The committed inputs: <c>Seeds/TARGET/NAME.bin</c>.</summary>
public sealed class SeedStore(string root)
{
    public const string RegressionPrefix = "regression-";

    /// <summary>Seeds that another program made.</summary>
    public const string StockPrefix = "stock-";

    private const string Place = "tools/Sallyport.Fuzz/Seeds";

    /// <summary>Of the repository that this program was built in.</summary>
    public static SeedStore Find()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Sallyport.slnx")))
            {
                return new SeedStore(Path.Combine(at.FullName, Place));
            }
        }

        throw new DirectoryNotFoundException("The repository of this program was not found above " + AppContext.BaseDirectory);
    }

    /// <summary>In order of their names.</summary>
    public IReadOnlyList<(string Path, byte[] Input)> Load(FuzzTarget target)
    {
        var directory = DirectoryOf(target);
        return Directory.Exists(directory)
            ? [.. Directory.GetFiles(directory, "*.bin").Order(StringComparer.Ordinal).Select(path => (path, File.ReadAllBytes(path)))]
            : [];
    }

    /// <summary>Writes what <see cref="FuzzTarget.MakeSeeds"/> makes and removes what it no longer does.</summary>
    public int Make(FuzzTarget target)
    {
        var directory = Directory.CreateDirectory(DirectoryOf(target));
        var made = target.MakeSeeds().ToDictionary(seed => seed.Name + ".bin", seed => seed.Input);
        foreach (var file in directory.GetFiles("*.bin"))
        {
            if (!IsFromElsewhere(file.Name) && !made.ContainsKey(file.Name))
            {
                file.Delete();
            }
        }

        foreach (var (name, input) in made)
        {
            File.WriteAllBytes(Path.Combine(directory.FullName, name), input);
        }

        return made.Count;
    }

    /// <summary>Neither made by our writers nor replaced by them.</summary>
    public static bool IsFromElsewhere(string fileName) =>
        fileName.StartsWith(RegressionPrefix, StringComparison.Ordinal) || fileName.StartsWith(StockPrefix, StringComparison.Ordinal);

    public string SaveRegression(FuzzTarget target, ReadOnlySpan<byte> input)
    {
        Directory.CreateDirectory(DirectoryOf(target));
        var hash = Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 4));
        var path = Path.Combine(DirectoryOf(target), $"{RegressionPrefix}{hash}.bin");
        File.WriteAllBytes(path, input);
        return path;
    }

    private string DirectoryOf(FuzzTarget target) => Path.Combine(root, target.Name);
}
