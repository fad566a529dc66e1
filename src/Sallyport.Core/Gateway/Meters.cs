using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>Whose a meter is.</summary>
public enum MeterKind : byte
{
    Rule,
    Identity,
}

/// <summary>What a meter has counted in its present period.</summary>
/// <param name="Period">The number of the day or month, see <see cref="Limit.Period"/>.</param>
public readonly record struct MeterReading(MeterKind Kind, int Id, int Period, long Bytes);

/// <summary>
/// How much rules and identities have carried, for all forwarders of a gateway together, so that a limit is one limit whichever packet
/// threads its packets come to. Each counter is one word that is exchanged where nobody else did; nothing is locked or allocated per packet.
/// Rates are token buckets, kept as the time at which the next packet would be due (the generic cell rate algorithm, ITU-T I.371).
/// </summary>
public sealed class Meters
{
    /// <summary>What may come at once after a pause: as much as in this time, and always a few whole packets.</summary>
    private const long BurstNanoseconds = 250_000_000;
    private const int BurstBytes = 6_000;
    private const int BurstPackets = 4;

    private const long SecondNanoseconds = 1_000_000_000;

    /// <summary>By how much the clocks of two packet threads' turns may differ, and a lot more.</summary>
    private const long ClockSlackNanoseconds = 100_000_000;

    private readonly SharedPages<Meter> _rules = new();
    private readonly SharedPages<Meter> _identities = new();

    /// <summary>Whether the rates have room for a packet of this many bytes; it is counted then.</summary>
    public bool TryTakeRate(MeterKind kind, int id, Limit limit, int length, Instant now)
    {
        if (limit is { BitsPerSecond: <= 0, PacketsPerSecond: <= 0 })
        {
            return true;
        }

        ref var meter = ref Of(kind)[id];
        return TryTake(ref meter.NextByte, limit.BitsPerSecond, length * 8L, BurstBytes * 8L, now)
            && TryTake(ref meter.NextPacket, limit.PacketsPerSecond, 1, BurstPackets, now);
    }

    /// <summary>Counts a packet that passes. True where this very one used the volume up.</summary>
    /// <param name="asOf">By the wall clock, for the period of a volume.</param>
    public bool AddVolume(MeterKind kind, int id, Limit limit, int length, Instant asOf) =>
        limit.VolumeBytes > 0 && AddVolume(ref Of(kind)[id].Volume, limit, length, limit.PeriodAt(asOf));

    public bool IsUsedUp(MeterKind kind, int id, Limit limit, Instant asOf) =>
        limit.VolumeBytes > 0 && Of(kind).Find(id, out var at) is { } page
        && Volume.BytesIn(Volatile.Read(ref page[at].Volume), limit.PeriodAt(asOf)) >= limit.VolumeBytes;

    /// <summary>What has a volume and has counted something.</summary>
    public IReadOnlyList<MeterReading> Readings() => Read(onlyNews: false);

    /// <summary>Those that have counted since they were last read, this way or the other. One thread reads.</summary>
    public IReadOnlyList<MeterReading> News() => Read(onlyNews: true);

    private List<MeterReading> Read(bool onlyNews)
    {
        List<MeterReading> readings = [];
        foreach (var kind in (MeterKind[])[MeterKind.Rule, MeterKind.Identity])
        {
            foreach (var (firstId, page) in Of(kind).All())
            {
                for (var i = 0; i < page.Length; i++)
                {
                    var volume = Volatile.Read(ref page[i].Volume);
                    if (volume != 0 && !(onlyNews && volume == page[i].VolumeRead))
                    {
                        page[i].VolumeRead = volume;
                        readings.Add(new MeterReading(kind, firstId + i, Volume.PeriodOf(volume), Volume.BytesOf(volume)));
                    }
                }
            }
        }

        return readings;
    }

    /// <summary>Goes on from what an earlier process had counted; nothing where this one has counted more since.</summary>
    public void Restore(in MeterReading reading)
    {
        ref var word = ref Of(reading.Kind)[reading.Id].Volume;
        var restored = Volume.Of(reading.Period, reading.Bytes);
        while (true)
        {
            var before = Volatile.Read(ref word);
            if (before >= restored || Interlocked.CompareExchange(ref word, restored, before) == before)
            {
                return;
            }
        }
    }

    private SharedPages<Meter> Of(MeterKind kind) => kind == MeterKind.Rule ? _rules : _identities;

    private static bool TryTake(ref long next, long perSecond, long cost, long burst, Instant now)
    {
        if (perSecond <= 0)
        {
            return true;
        }

        // The cost of a packet in time; whole seconds would overflow nothing up to a terabyte.
        var interval = (long)((UInt128)cost * SecondNanoseconds / (ulong)perSecond);
        var patience = Math.Max(BurstNanoseconds, (long)((UInt128)burst * SecondNanoseconds / (ulong)perSecond));
        while (true)
        {
            // Farther ahead than this limit lets anything be, it is the debt of a narrower one that holds no more.
            var before = Volatile.Read(ref next);
            var isOurs = before - now.Nanoseconds <= patience + ClockSlackNanoseconds;
            var after = (isOurs ? Math.Max(before, now.Nanoseconds) : now.Nanoseconds) + interval;
            if (after - now.Nanoseconds > patience)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref next, after, before) == before)
            {
                return true;
            }
        }
    }

    /// <summary>True for the one packet that used it up.</summary>
    private static bool AddVolume(ref long word, Limit limit, int length, int period)
    {
        while (true)
        {
            var before = Volatile.Read(ref word);
            var bytes = Volume.BytesIn(before, period);
            if (Interlocked.CompareExchange(ref word, Volume.Of(period, bytes + length), before) == before)
            {
                return bytes < limit.VolumeBytes && bytes + length >= limit.VolumeBytes;
            }
        }
    }

    private struct Meter
    {
        public long NextByte;
        public long NextPacket;
        public long Volume;

        /// <summary>As whoever reports had it last.</summary>
        public long VolumeRead;
    }

    /// <summary>A period and the bytes in it in one word. A later period is the greater word.</summary>
    private static class Volume
    {
        private const int ByteBits = 47;

        public static long Of(int period, long bytes) => ((long)(ushort)period << ByteBits) | Math.Min(bytes, (1L << ByteBits) - 1);

        public static int PeriodOf(long word) => (int)(word >> ByteBits);

        public static long BytesOf(long word) => word & ((1L << ByteBits) - 1);

        /// <summary>0 where the word is of another period.</summary>
        public static long BytesIn(long word, int period) => PeriodOf(word) == (ushort)period ? BytesOf(word) : 0;
    }
}
