using System.Globalization;

namespace Sallyport.Daemon.Processes;

/// <summary>
/// Remembers a process across restarts of whoever started it. A process id alone may have been given to somebody else since,
/// so its start time goes with it.
/// </summary>
internal sealed record PidFile(int ProcessId, ulong StartedAt)
{
    public static void Write(string path, int processId)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{processId} {StartTime(processId) ?? 0}\n");
        var draft = path + ".new";
        File.WriteAllText(draft, text);
        File.Move(draft, path, overwrite: true);
    }

    /// <summary>The process that the file speaks of, if it still lives.</summary>
    public static int? ReadLive(string path)
    {
        string[] parts;
        try
        {
            parts = File.ReadAllText(path).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var processId)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var startedAt)
            && StartTime(processId) == startedAt
            ? processId
            : null;
    }

    public static bool IsAlive(int processId) => StartTime(processId) is not null;

    /// <summary>
    /// Clock ticks after boot, field 22 of /proc/PID/stat (proc(5)); null where there is no such process, or only its remains.
    /// </summary>
    private static ulong? StartTime(int processId)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{processId}/stat");

            // The name may hold spaces and parentheses: fields are counted from the last one.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : ulong.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
