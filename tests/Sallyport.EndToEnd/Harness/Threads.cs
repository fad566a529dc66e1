using System.Runtime.CompilerServices;

namespace Sallyport.EndToEnd.Harness;

/// <summary>
/// Tests wait for commands, and the streams beside them must not wait for a thread: the pool would add one only every half second.
/// </summary>
internal static class Threads
{
    private const int Enough = 48;

    [ModuleInitializer]
    internal static void Prepare() => ThreadPool.SetMinThreads(Enough, Enough);
}
