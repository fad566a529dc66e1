using Sallyport.Core.Primitives;
using Sallyport.Simulator.Devices;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Fleets;

/// <summary>Keeps a stream flowing: in turns from all its senders, by the window or by the rate.</summary>
internal sealed class Pump(SimulatedDevice[] senders, InnerEnd target, PacketStream stream)
{
    /// <summary>Packets in a row, before what arrives is looked at.</summary>
    private const int Slice = 64;

    /// <summary>With a window: what has not arrived when nothing did for so long is lost.</summary>
    private static readonly TimeSpan Stall = TimeSpan.FromMilliseconds(20);

    private Instant began = Instant.Never;
    private Instant lastMove;
    private long lastArrived;
    private long writtenOff;
    private int turn;

    public void Run(DeviceContext context, Instant now)
    {
        if (began == Instant.Never)
        {
            began = lastMove = now;
            writtenOff = stream.Sent - stream.Arrived;
        }

        var room = Math.Min(Room(now), Slice);
        for (var idle = 0; room > 0 && idle < senders.Length;)
        {
            turn = (turn + 1) % senders.Length;
            var sent = senders[turn].Pour(context, stream, target, now);
            stream.Sent += sent;
            room -= sent;
            idle = sent > 0 ? 0 : idle + 1;
        }
    }

    public Instant NextDue(Instant now)
    {
        if (Room(now) > 0)
        {
            return now;
        }

        return stream.Window > 0 ? lastMove + Stall : began + TimeSpan.FromSeconds((stream.Sent + 1) / stream.Rate);
    }

    private long Room(Instant now)
    {
        if (stream.Window == 0)
        {
            var due = (long)((now - began).TotalSeconds * stream.Rate);

            // Behind by more than a tenth of a second, the machine cannot keep up; the rest is not made up for.
            return Math.Min(due - stream.Sent, (long)(stream.Rate / 10) + 1);
        }

        if (stream.Arrived != lastArrived)
        {
            lastArrived = stream.Arrived;
            lastMove = now;
        }
        else if (now - lastMove >= Stall)
        {
            writtenOff = stream.Sent - stream.Arrived;
            lastMove = now;
        }

        return stream.Window - Math.Max(stream.Sent - stream.Arrived - writtenOff, 0);
    }
}
