namespace Sallyport.Control.Secrets;

/// <summary>Files that only their owner may read.</summary>
internal static class SecretFile
{
    /// <summary>Replaces the file as a whole: a crash leaves the old one or the new one, and after the return it is the new one.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = mode,
        }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        Move(temporary, path);
    }

    /// <summary>Puts one file of a directory in the place of another, durably.</summary>
    public static void Move(string from, string to)
    {
        File.Move(from, to, overwrite: true);
        DirectorySync.Flush(Path.GetDirectoryName(Path.GetFullPath(to))!);
    }
}
