using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sallyport.Control.Nodes;

/// <summary>Who is at the other end of a Unix socket, as the kernel says (unix(7), SO_PEERCRED).</summary>
internal readonly partial record struct PeerCredentials(int ProcessId, uint UserId)
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;
    private const int Length = 12; // pid, uid, gid, 4 bytes each

    public static uint OwnUserId => GetEffectiveUserId();

    public static PeerCredentials Of(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[Length];
        socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
        return BitConverter.IsLittleEndian
            ? new PeerCredentials(BinaryPrimitives.ReadInt32LittleEndian(credentials), BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]))
            : new PeerCredentials(BinaryPrimitives.ReadInt32BigEndian(credentials), BinaryPrimitives.ReadUInt32BigEndian(credentials[4..]));
    }

    /// <summary>Tells one process from a later one with the same number: its start in ticks since the boot (proc(5), stat field 22).</summary>
    public string ProcessKey()
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{ProcessId}/stat");
            var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            // The name in field 2 may hold anything, parentheses too; what follows its last one is regular.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return string.Create(CultureInfo.InvariantCulture, $"{boot}/{ProcessId}/{fields[19]}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or IndexOutOfRangeException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{ProcessId}");
        }
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();
}
