using Sallyport.Core.Dns;
using Sallyport.Core.Flows;
using Sallyport.Core.Packets;

namespace Sallyport.Core.Gateway;

/// <summary>
/// The names that TLS clients say, from their first data: of a hello that takes several segments (a key share of ML-KEM has more than a kilobyte, and browsers
/// shuffle their extensions) a copy is kept until the rest has come. Packets do not wait for it. So many hellos are kept and no more: the newest
/// takes the place of the oldest, of the same sender where he has more than his share. For one thread.
/// </summary>
internal sealed class ServerNames
{
    private const int Places = 64;
    private const int PlacesOfOne = 4;

    /// <summary>Of one hello: a browser's with two key shares has 2 KB.</summary>
    private const int HelloMax = 4096;

    private readonly NamePool _names = new();
    private readonly Held[] _held = new Held[Places];
    private long _begun;
    private int _used;

    /// <summary>True where looking on is of no use; then with the name, or null where the client said none.</summary>
    /// <param name="fromId">Whose flow it is.</param>
    /// <param name="segment">With data, of the client.</param>
    public bool Look(in FlowKey flow, int fromId, in TcpView segment, out string? name)
    {
        name = null;
        var place = Find(flow);
        if (place >= 0 && FirstOf(segment) - _held[place].Begins < (uint)_held[place].Length)
        {
            return false; // it was sent again
        }

        if (place >= 0 && FirstOf(segment) != _held[place].Begins + (uint)_held[place].Length)
        {
            // A part is missing, or it is another connection that begins.
            _held[place].FromId = 0;
            place = -1;
        }

        var bytes = place >= 0 ? Append(ref _held[place], segment.Payload) : segment.Payload;
        var reading = TlsHello.Read(bytes, _names, out var found);
        name = reading == HelloReading.Name ? found : null;
        if (reading == HelloReading.Cut && bytes.Length < HelloMax)
        {
            if (place < 0)
            {
                Begin(flow, fromId, segment);
            }

            return false;
        }

        if (place >= 0)
        {
            _held[place].FromId = 0;
        }

        return true;
    }

    /// <summary>The sequence number of the first byte of data: a SYN before it takes one (RFC 7413).</summary>
    private static uint FirstOf(in TcpView segment) => segment.Sequence + ((segment.Flags & TcpFlags.Syn) != 0 ? 1u : 0);

    private static ReadOnlySpan<byte> Append(ref Held held, ReadOnlySpan<byte> payload)
    {
        var part = payload[..Math.Min(payload.Length, HelloMax - held.Length)];
        part.CopyTo(held.Bytes.AsSpan(held.Length));
        held.Length += part.Length;
        return held.Bytes.AsSpan(0, held.Length);
    }

    private int Find(in FlowKey flow)
    {
        for (var i = 0; i < _used; i++)
        {
            if (_held[i].FromId != 0 && _held[i].Flow == flow)
            {
                return i;
            }
        }

        return -1;
    }

    private void Begin(in FlowKey flow, int fromId, in TcpView segment)
    {
        ref var held = ref _held[PlaceFor(fromId)];
        held.Bytes ??= new byte[HelloMax];
        (held.Flow, held.FromId, held.Begins, held.Length, held.Age) = (flow, fromId, FirstOf(segment), 0, ++_begun);
        Append(ref held, segment.Payload);
    }

    private int PlaceFor(int fromId)
    {
        var (oldest, own, ownCount) = (0, -1, 0);
        for (var i = 0; i < _used; i++)
        {
            if (_held[i].FromId == 0)
            {
                return i;
            }

            oldest = _held[i].Age < _held[oldest].Age ? i : oldest;
            if (_held[i].FromId == fromId)
            {
                ownCount++;
                own = own < 0 || _held[i].Age < _held[own].Age ? i : own;
            }
        }

        return ownCount >= PlacesOfOne ? own : _used < Places ? _used++ : oldest;
    }

    private struct Held
    {
        public FlowKey Flow;

        /// <summary>0 where the place is free.</summary>
        public int FromId;

        /// <summary>The sequence number of the first byte.</summary>
        public uint Begins;
        public int Length;
        public long Age;
        public byte[] Bytes;
    }
}
