using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// One credential, one live identity: the newest session wins. A client that restarts replaces its own tunnel now and then; two that
/// share a credential replace each other again and again, from different places. Any thread.
/// </summary>
internal sealed class CloneWatch
{
    /// <summary>A second replacement of a tunnel that was alive within this time means two clients.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>Two clones replace each other for ever; once a minute is often enough to be told.</summary>
    public static readonly TimeSpan TellAgain = TimeSpan.FromMinutes(1);

    private const int RememberedMax = 65_536;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Instant> _replaced = [];
    private readonly Dictionary<int, Instant> _told = [];

    /// <summary>True where the credential of this identity seems to be in use at two places.</summary>
    /// <param name="wasAlive">The replaced tunnel had been heard of within two ping periods.</param>
    /// <param name="elsewhere">The newer session comes from another address than the replaced one.</param>
    public bool IsClone(int identityId, bool wasAlive, bool elsewhere, Instant now)
    {
        if (!wasAlive || !elsewhere)
        {
            return false;
        }

        lock (_lock)
        {
            var again = _replaced.TryGetValue(identityId, out var last) && now - last <= Window;
            Remember(_replaced, identityId, now);
            return again;
        }
    }

    /// <summary>Whether it is time to tell of this identity (again).</summary>
    public bool MayTell(int identityId, Instant now)
    {
        lock (_lock)
        {
            if (_told.TryGetValue(identityId, out var last) && now - last < TellAgain)
            {
                return false;
            }

            Remember(_told, identityId, now);
            return true;
        }
    }

    private static void Remember(Dictionary<int, Instant> what, int identityId, Instant now)
    {
        if (what.Count >= RememberedMax)
        {
            what.Clear();
        }

        what[identityId] = now;
    }
}
