using System.Diagnostics;
using System.IO.MemoryMappedFiles;

namespace Sallyport.Fuzz.Engine;

/// <summary>
/// Keeps the input that is being tried in a file that outlives this process, so that one which kills it (a fault in native code, a stack overflow)
/// or never ends is not lost with it.
/// </summary>
public sealed class Witness : IDisposable
{
    private const int Head = sizeof(int);

    /// <summary>No input takes nearly as long; one that does not end would otherwise just look like a slow run.</summary>
    private static readonly TimeSpan EndlessAfter = TimeSpan.FromSeconds(30);

    private readonly string _path;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Timer _watch;
    private readonly Action<byte[]> _endless;
    private readonly byte[] _copy;
    private long _since;

    /// <param name="endless">Called with an input that does not end, on another thread; is expected to end the process.</param>
    public Witness(string path, int inputMax, Action<byte[]> endless)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _path = path;
        _endless = endless;
        _copy = new byte[inputMax];
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, Head + inputMax);
        _view = _file.CreateViewAccessor();
        _since = Stopwatch.GetTimestamp();
        _watch = new Timer(_ => Watch(), null, EndlessAfter, EndlessAfter / 10);
    }

    /// <summary>What an earlier process was doing when it died; null where it ended as it should.</summary>
    public static byte[]? ReadLastWords(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var bytes = File.ReadAllBytes(path);
        var length = bytes.Length >= Head ? BitConverter.ToInt32(bytes) : -1;
        return length >= 0 && length <= bytes.Length - Head ? bytes[Head..(Head + length)] : null;
    }

    public void Note(ReadOnlySpan<byte> input)
    {
        input.CopyTo(_copy);
        _view.Write(0, input.Length);
        _view.WriteArray(Head, _copy, 0, input.Length);
        Volatile.Write(ref _since, Stopwatch.GetTimestamp());
    }

    /// <summary>All went well: nothing is left behind.</summary>
    public void Dispose()
    {
        _watch.Dispose();
        _view.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    private void Watch()
    {
        if (Stopwatch.GetElapsedTime(Volatile.Read(ref _since)) > EndlessAfter)
        {
            _endless(_copy.AsSpan(0, _view.ReadInt32(0)).ToArray());
        }
    }
}
