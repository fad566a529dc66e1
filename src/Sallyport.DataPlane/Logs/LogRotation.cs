namespace Sallyport.DataPlane.Logs;

/// <summary>
/// Keeps log files bounded: one that has grown too large is copied to FILE.1, older ones move on to FILE.2 and so on, the oldest goes, and
/// FILE is emptied in place. In place, because its writers hold it open (for appending) and outlive each other. The gateway does this for
/// control's log as well: it is the process that is always there.
/// </summary>
public sealed class LogRotation(IReadOnlyList<string> files, long bytesMax, int kept)
{
    /// <summary>A quiet installation writes this in months; a week of an attacked one fits into the files that are kept.</summary>
    public const long DefaultBytesMax = 10 * 1024 * 1024;

    /// <summary>Old files of each log beside the one that is written: 50 MB in all.</summary>
    public const int DefaultKept = 4;

    /// <summary>No log grows by the packet, so that little is written between two looks.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    /// <summary>Until cancelled; the first look is at once.</summary>
    public async Task RunAsync(TimeProvider time, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            Turn();
        }
        while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false));
    }

    public void Turn()
    {
        foreach (var file in files)
        {
            try
            {
                if (new FileInfo(file) is { Exists: true } log && log.Length > bytesMax)
                {
                    Rotate(file);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full disk, most likely: what is old gives way, and the next look tries again.
                foreach (var given in (string[])[file + ".new", Old(file, kept)])
                {
                    if (File.Exists(given))
                    {
                        File.Delete(given);
                    }
                }
            }
        }
    }

    private void Rotate(string file)
    {
        for (var n = kept - 1; n >= 1; n--)
        {
            if (File.Exists(Old(file, n)))
            {
                File.Move(Old(file, n), Old(file, n + 1), overwrite: true);
            }
        }

        var draft = file + ".new";
        File.Delete(draft);
        using var log = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        using (var copy = new FileStream(draft, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            log.CopyTo(copy);
        }

        // A crash before the last step leaves lines twice, never lost.
        File.Move(draft, Old(file, 1), overwrite: true);
        log.SetLength(0);
    }

    private static string Old(string file, int n) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{file}.{n}");
}
