namespace Sallyport.DataPlane.Handshakes;

/// <summary>Numbers of tunnels, unique in this process. Any thread.</summary>
internal sealed class TunnelIds
{
    private long _last;

    public long Next() => Interlocked.Increment(ref _last);
}
