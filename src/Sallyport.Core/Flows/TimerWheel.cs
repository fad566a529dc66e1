using System.Numerics;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>
/// Which flows to look at in which second. A flow that moved its deadline away stays where it is and is put further on when its second
/// comes; only one that moved it nearer is taken out and put in anew. So a packet costs one comparison.
/// </summary>
internal sealed class TimerWheel
{
    /// <summary>Later deadlines are looked at once per turn of the wheel.</summary>
    private const int Slots = 512;

    private const long TickLength = 1_000_000_000;

    private readonly Flow[] _flows;
    private readonly int[] _heads = new int[Slots];
    private readonly ulong[] _occupied = new ulong[Slots / 64];
    private long _tick;

    public TimerWheel(Flow[] flows, Instant start)
    {
        _flows = flows;
        _tick = start.Nanoseconds / TickLength;
        _heads.AsSpan().Fill(-1);
    }

    /// <summary>The start of the next second in which there is something to look at.</summary>
    public Instant NextDeadline
    {
        get
        {
            for (var ahead = 0; ahead < Slots; ahead++)
            {
                var slot = (int)((_tick + ahead) & (Slots - 1));
                var word = _occupied[slot / 64] >> (slot % 64);
                if (word != 0)
                {
                    ahead += BitOperations.TrailingZeroCount(word);
                    return ahead < Slots ? new Instant((_tick + ahead) * TickLength) : Instant.Never;
                }

                ahead += 63 - (slot % 64);
            }

            return Instant.Never;
        }
    }

    /// <summary>To be called after a flow's deadline was set.</summary>
    public void Schedule(int index)
    {
        ref var flow = ref _flows[index];
        var wanted = TickOf(flow.Deadline);
        if (flow.TimerTick != 0)
        {
            if (wanted >= flow.TimerTick)
            {
                return;
            }

            Remove(index);
        }

        Insert(index, wanted);
    }

    public void Remove(int index)
    {
        ref var flow = ref _flows[index];
        if (flow.TimerTick == 0)
        {
            return;
        }

        var slot = (int)(flow.TimerTick & (Slots - 1));
        if (flow.TimerPrevious >= 0)
        {
            _flows[flow.TimerPrevious].TimerNext = flow.TimerNext;
        }
        else
        {
            _heads[slot] = flow.TimerNext;
            if (flow.TimerNext < 0)
            {
                _occupied[slot / 64] &= ~(1ul << (slot % 64));
            }
        }

        if (flow.TimerNext >= 0)
        {
            _flows[flow.TimerNext].TimerPrevious = flow.TimerPrevious;
        }

        flow.TimerTick = 0;
    }

    /// <summary>
    /// The next flow whose deadline has passed, taken out; -1 when there is none or the budget, counted down per flow looked at, is used up.
    /// </summary>
    public int TakeExpired(Instant now, ref int budget)
    {
        var nowTick = now.Nanoseconds / TickLength;
        while (true)
        {
            var slot = (int)(_tick & (Slots - 1));
            while (_tick <= nowTick && _heads[slot] is >= 0 and var index)
            {
                if (budget-- <= 0)
                {
                    return -1;
                }

                Remove(index);
                if (_flows[index].Deadline <= now)
                {
                    return index;
                }

                Insert(index, TickOf(_flows[index].Deadline));
            }

            if (_tick >= nowTick)
            {
                return -1;
            }

            _tick++;
        }
    }

    /// <summary>The first tick at which the deadline has passed.</summary>
    private static long TickOf(Instant deadline) => (deadline.Nanoseconds + TickLength - 1) / TickLength;

    private void Insert(int index, long wanted)
    {
        ref var flow = ref _flows[index];
        var tick = Math.Clamp(wanted, _tick + 1, _tick + Slots - 1);
        var slot = (int)(tick & (Slots - 1));
        flow.TimerTick = tick;
        flow.TimerPrevious = -1;
        flow.TimerNext = _heads[slot];
        if (flow.TimerNext >= 0)
        {
            _flows[flow.TimerNext].TimerPrevious = index;
        }

        _heads[slot] = index;
        _occupied[slot / 64] |= 1ul << (slot % 64);
    }
}
