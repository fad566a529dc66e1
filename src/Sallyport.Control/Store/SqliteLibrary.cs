using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Sallyport.Control.Store;

/// <summary>
/// SQLite is the system's library, which the distribution patches; the provider asks for "e_sqlite3", a bundled build that is not shipped.
/// </summary>
internal static class SqliteLibrary
{
    private const string SystemName = "libsqlite3.so.0";

    private static readonly Lazy<bool> Loaded = new(Load);

    public static void Ensure() => _ = Loaded.Value;

    private static bool Load()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        raw.FreezeProvider();
        return true;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search)
    {
        if (name != "e_sqlite3")
        {
            return 0;
        }

        return NativeLibrary.TryLoad(SystemName, out var handle)
            ? handle
            : throw new DllNotFoundException($"{SystemName} is not installed. On Debian: apt-get install libsqlite3-0");
    }
}
