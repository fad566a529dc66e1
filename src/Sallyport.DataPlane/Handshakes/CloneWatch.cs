using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// One credential, one live identity: the newest session wins. A client that restarts replaces its own tunnel now and then; two that
/// share a credential replace each other again and again. Any thread.
/// </summary>
internal sealed class CloneWatch
{
    /// <summary>A second replacement of a tunnel that was alive within this time means two clients.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private const int RememberedMax = 65_536;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Instant> _replaced = [];

    /// <summary>True where the credential of this identity is in use at two places.</summary>
    /// <param name="wasAlive">The replaced tunnel had been heard of within two ping periods.</param>
    public bool IsClone(int identityId, bool wasAlive, Instant now)
    {
        if (!wasAlive)
        {
            return false;
        }

        lock (_lock)
        {
            var again = _replaced.TryGetValue(identityId, out var last) && now - last <= Window;
            if (_replaced.Count >= RememberedMax)
            {
                _replaced.Clear();
            }

            _replaced[identityId] = now;
            return again;
        }
    }
}
