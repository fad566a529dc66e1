namespace Sallyport.Simulator.Profiles;

/// <summary>A directory of profiles.</summary>
public static class ProfileFolder
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <exception cref="FormatException">One of them cannot be used, or there are too many.</exception>
    public static IReadOnlyList<DeviceProfile> Read(string directory)
    {
        var files = Directory.EnumerateFiles(directory).Where(file => Path.GetExtension(file) is ".ovpn" or ".conf").Order(StringComparer.Ordinal).ToList();
        return files.Count is > 0 and <= SimulatorLimits.DevicesMax
            ? [.. files.Select(ReadFile)]
            : throw new FormatException($"{directory} has {files.Count} profiles; 1 to {SimulatorLimits.DevicesMax} can be simulated");
    }

    /// <exception cref="FormatException">It cannot be used.</exception>
    public static DeviceProfile ReadFile(string file) => DeviceProfile.Parse(Path.GetFileNameWithoutExtension(file), File.ReadAllText(file));

    /// <summary>Profiles hold private keys: only the owner may read them.</summary>
    public static void Write(string directory, string name, string text)
    {
        Directory.CreateDirectory(directory);
        using var file = new FileStream(
            Path.Combine(directory, name + ".ovpn"),
            new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = Private });
        using var writer = new StreamWriter(file);
        writer.Write(text);
    }
}
