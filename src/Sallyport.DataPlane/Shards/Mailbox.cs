using System.Collections.Concurrent;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Shards;

/// <summary>
/// How other threads speak to a shard: commands in order, and control datagrams to send, both bounded, but for what ends something; and orders, which come first
/// and are never refused. All wake it.
/// </summary>
internal sealed class Mailbox : IDisposable
{
    private readonly ConcurrentQueue<ShardCommand> _orders = new();
    private readonly ConcurrentQueue<ShardCommand> _commands = new();
    private readonly DatagramRing _datagrams = new(DataPlaneLimits.ControlOutCapacity, DataPlaneLimits.DatagramOutMax);
    private int _count;

    public WakeUp WakeUp { get; } = new();

    /// <summary>False where too many wait: the shard is stuck, or its callers ask faster than anybody could.</summary>
    public bool TryPost(ShardCommand command)
    {
        if (Interlocked.Increment(ref _count) > MostBefore(command))
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        _commands.Enqueue(command);
        WakeUp.Signal();
        return true;
    }

    /// <summary>For control and for other shards, whose orders are few: a model, or the end of a tunnel that has a successor.</summary>
    public void Order(ShardCommand command)
    {
        _orders.Enqueue(command);
        WakeUp.Signal();
    }

    /// <summary>A control datagram to send. What does not fit is lost: the reliability layer sends it again.</summary>
    public bool TryPost(in OuterPath to, ReadOnlySpan<byte> datagram)
    {
        if (!_datagrams.TryPut(to, datagram))
        {
            return false;
        }

        WakeUp.Signal();
        return true;
    }

    public bool TryTake(out ShardCommand? command)
    {
        if (_orders.TryDequeue(out command))
        {
            return true;
        }

        if (!_commands.TryDequeue(out command))
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        return true;
    }

    public bool TryTake(Span<byte> datagram, out OuterPath to, out int length) => _datagrams.TryTake(datagram, out to, out length);

    public bool IsEmpty => _orders.IsEmpty && _commands.IsEmpty && _datagrams.Count == 0;

    public void Dispose() => WakeUp.Dispose();

    private static int MostBefore(ShardCommand command) => command switch
    {
        // What strangers cause leaves room for what peers and sessions need.
        PoisonConnection => DataPlaneLimits.MailboxPoisons,

        // There is one of each for something that was taken in before: refused, it would stay for ever.
        CloseTunnel or RemoveChild or UseChild => int.MaxValue,
        _ => DataPlaneLimits.MailboxCommands,
    };
}
