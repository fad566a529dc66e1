using Sallyport.Core.Primitives;

namespace Sallyport.Simulation.Wire;

/// <summary>Which end of the wire a datagram goes to.</summary>
public enum End : byte
{
    Client,
    Server,
}

/// <summary>Carries datagrams between two ends, as badly as it is told to. What it does is a function of its seed alone.</summary>
public sealed class NoisyWire(SeededEntropy chance, Fate fate)
{
    private readonly PriorityQueue<(End To, byte[] Datagram), (long At, long Order)> _underWay = new();
    private long _order;

    public Fate Fate { get; set; } = fate;

    public int Sent { get; private set; }

    public int Lost { get; private set; }

    public Instant NextArrival => _underWay.TryPeek(out _, out var due) ? new Instant(due.At) : Instant.Never;

    public void Send(End to, ReadOnlySpan<byte> datagram, Instant now)
    {
        Sent++;
        if (datagram.Length > Fate.MtuMax || chance.Chance(Fate.Lose))
        {
            Lost++;
            return;
        }

        var copies = chance.Chance(Fate.Duplicate) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            var copy = datagram.ToArray();
            if (chance.Chance(Fate.Corrupt))
            {
                copy[chance.Below(copy.Length)] ^= (byte)(1 << chance.Below(8));
            }

            var delay = Fate.DelayMinMs + chance.Below(Fate.DelayMaxMs - Fate.DelayMinMs + 1);
            var at = now + TimeSpan.FromMilliseconds(delay);
            _underWay.Enqueue((to, copy), (at.Nanoseconds, _order++));
        }
    }

    public bool TryReceive(Instant now, out End to, out byte[] datagram)
    {
        to = default;
        datagram = [];
        if (NextArrival > now)
        {
            return false;
        }

        (to, datagram) = _underWay.Dequeue();
        return true;
    }
}
