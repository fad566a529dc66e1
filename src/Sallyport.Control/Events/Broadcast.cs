using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Sallyport.Control.Events;

/// <summary>Hands what happens to whoever listens now. A listener that is too slow loses the oldest; nobody waits for it.</summary>
internal sealed class Broadcast<T>
{
    private const int QueueMax = 1_024;

    private readonly Lock gate = new();
    private readonly List<Channel<T>> listeners = [];

    public bool HasListeners
    {
        get
        {
            lock (gate)
            {
                return listeners.Count > 0;
            }
        }
    }

    public void Send(T item)
    {
        lock (gate)
        {
            foreach (var listener in listeners)
            {
                listener.Writer.TryWrite(item);
            }
        }
    }

    /// <summary>Listens from the call on, not from the first read.</summary>
    public IAsyncEnumerable<T> Listen(CancellationToken cancel)
    {
        var channel = Channel.CreateBounded<T>(new BoundedChannelOptions(QueueMax) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (gate)
        {
            listeners.Add(channel);
        }

        return Read(channel, cancel);
    }

    private async IAsyncEnumerable<T> Read(Channel<T> channel, [EnumeratorCancellation] CancellationToken cancel)
    {
        try
        {
            await foreach (var item in channel.Reader.ReadAllAsync(cancel))
            {
                yield return item;
            }
        }
        finally
        {
            lock (gate)
            {
                listeners.Remove(channel);
            }
        }
    }
}
