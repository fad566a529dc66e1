using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Host;

/// <summary>
/// What one shard does with what the gateway host sends: read a piece, cut it into inner packets, hand each to the packet path. The packets
/// are laid out so that those of one piece, sealed, lie behind each other and leave as one message.
/// </summary>
internal sealed class HostPath
{
    /// <summary>The longest piece with its header.</summary>
    private const int InputBytes = OffloadHeader.Length + 65_536;

    /// <summary>In place of a shard: which one it is cannot be told.</summary>
    private const int Everywhere = -1;

    public const int MemoryBytes = InputBytes + DataPlaneLimits.HostOutputBytes;

    private readonly Outbox _outbox;
    private readonly PacketMemory _memory;
    private readonly PacketPath _path;
    private readonly Crossing _crossing;
    private readonly DropCounters _drops;
    private readonly PacketSpot _input;
    private readonly PacketSpot _output;
    private readonly DatagramPlaces _places = new();
    private int _cursor;
    private ushort _identification;

    public HostPath(Outbox outbox, PacketPath path, Crossing crossing, DropCounters drops)
    {
        _outbox = outbox;
        _memory = outbox.Memory;
        _path = path;
        _crossing = crossing;
        _drops = drops;
        var spare = _memory.Spare;
        Invariant.Check(spare.Length >= MemoryBytes, "the memory has room for the host's packets");
        _input = spare.With(spare.Start, InputBytes);
        _output = spare.With(spare.Start + InputBytes, DataPlaneLimits.HostOutputBytes);
    }

    /// <summary>Takes what waits in the queue, within the budget of a turn. What was sent by the call before has been flushed.</summary>
    public void Receive(FleetModel model, Instant now)
    {
        _cursor = _output.Start;
        for (var i = 0; i < DataPlaneLimits.HostReadsPerTurn && _outbox.Host.Queue is { } queue; i++)
        {
            var count = queue.Read(_memory, _input);
            if (count <= OffloadHeader.Length)
            {
                return;
            }

            var bytes = _memory.Packet(_input)[..count];
            var reason = Handle(bytes[OffloadHeader.Length..], OffloadHeader.Read(bytes), model, now);
            if (reason != DropReason.None)
            {
                _drops.Count(reason);
            }
        }
    }

    private DropReason Handle(ReadOnlySpan<byte> packet, OffloadHeader offload, FleetModel model, Instant now)
    {
        if (packet[0] >> 4 == 4)
        {
            return HandleFromBeyond(packet, offload, model, now);
        }

        var reason = SuperPacket.Read(_outbox.Host.Handles, packet, offload, out var read);
        if (reason != DropReason.None)
        {
            return reason;
        }

        // A program on the host may bind what it likes: only the host's own address is one that it may speak from.
        return model.IdentityAt(read.NetworkId, read.Source) is { Kind: IdentityKind.Host, IsEgress: false } host
            ? Pass(packet, read, host, model.WhoIs(read.NetworkId, read.Destination), model, now)
            : DropReason.SpoofedSource;
    }

    /// <summary>
    /// What comes back from beyond the host, for a guest. The forwarder takes it for what it is: a part of a conversation that the guest
    /// has opened, or nothing.
    /// </summary>
    private DropReason HandleFromBeyond(ReadOnlySpan<byte> packet, OffloadHeader offload, FleetModel model, Instant now)
    {
        if (model.Egress is not { } beyond)
        {
            return DropReason.NotRouted;
        }

        var reason = PlainPiece.Read(packet, offload, out var piece);
        if (reason != DropReason.None)
        {
            return reason;
        }

        var to = model.TryFindGuest(beyond.NetworkId, piece.Destination, out var homeId, out var inside) ? model.IdentityAt(homeId, inside) : null;
        return Pass(packet, piece, beyond, to, model, now);
    }

    /// <summary>Cuts the piece into packets, and gives each to the shard that judges it.</summary>
    /// <param name="to">Null for who shares his address with others, and for nobody.</param>
    private DropReason Pass<TPiece>(ReadOnlySpan<byte> bytes, in TPiece piece, Identity from, Identity? to, FleetModel model, Instant now)
        where TPiece : struct, IHostPiece
    {
        if (piece.LengthMax > PacketMemory.PacketMax)
        {
            return DropReason.TooLong;
        }

        var shard = _path.FindTunnel(to?.Id ?? 0, now, out var headroom, out var tailroom);
        if (to is null && _crossing.Shards > 1 && model.IsSharedGuest(from.NetworkId, piece.Destination))
        {
            shard = ShardOfGuest(piece, now);
        }

        for (var i = 0; i < piece.Segments; i++)
        {
            var spot = Next(headroom, piece.LengthMax, tailroom);
            var length = piece.Write(bytes, i, _identification++, _memory.Room(spot)[headroom..]);
            if (length == 0)
            {
                return DropReason.ProtocolNotSupported;
            }

            spot = spot.With(spot.Start, length);
            if (shard != _crossing.Shard)
            {
                HandOver(shard, from.Id, spot);
            }

            if (shard == _crossing.Shard || shard == Everywhere)
            {
                _path.HandleFromHost(from.Id, spot, now);
                _cursor = spot.End + tailroom;
            }
        }

        return DropReason.None;
    }

    /// <summary>
    /// Which shard knows the conversation of a guest who shares his address. Of a datagram in parts the first one alone tells the guest's
    /// port: the others follow it. One that was overtaken goes to all shards, of which one has the first, or gets it; the others forget it.
    /// </summary>
    private int ShardOfGuest<TPiece>(in TPiece piece, Instant now)
        where TPiece : struct, IHostPiece
    {
        var key = new DatagramKey(piece.Source, piece.Destination, piece.FragmentId, piece.Protocol);
        if (piece.Part == FragmentPart.Later)
        {
            return _places.TryFind(key, now, out var first) ? first : Everywhere;
        }

        var shard = Forwarder.ShardOfSharedPort(piece.DestinationPort, _crossing.Shards);
        if (piece.Part == FragmentPart.First)
        {
            _places.Put(key, shard, now + DataPlaneLimits.DatagramPlace);
        }

        return shard;
    }

    private PacketSpot Next(int headroom, int lengthMax, int tailroom)
    {
        if (_cursor + headroom + lengthMax + tailroom > _output.End)
        {
            _outbox.Flush();
            _cursor = _output.Start;
        }

        var start = _cursor + headroom;
        return new PacketSpot(start, lengthMax, _cursor, start + lengthMax + tailroom);
    }

    /// <summary>To another shard, or to all others.</summary>
    private void HandOver(int shard, int hostId, in PacketSpot packet)
    {
        for (var to = 0; to < _crossing.Shards; to++)
        {
            if (to != _crossing.Shard && (shard == to || shard == Everywhere)
                && !_crossing.TryHandOver(to, new HandedOver(HandedOverKind.FromHost, hostId, default), _memory.Packet(packet)))
            {
                _drops.Count(DropReason.ShardQueueFull);
            }
        }
    }
}
