using System.Threading.Channels;

namespace Sallyport.DataPlane.Nodes;

/// <summary>Wakes one task that waits; rung before it waits, or more than once, it wakes it once. Any thread rings.</summary>
internal sealed class Doorbell
{
    private readonly Channel<bool> _rings = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Ring() => _rings.Writer.TryWrite(true);

    /// <summary>Until it rings, or the time is over.</summary>
    public async ValueTask WaitAsync(TimeSpan atMost, CancellationToken cancel)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(atMost);
        try
        {
            await _rings.Reader.ReadAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The time was over.
        }
    }
}
