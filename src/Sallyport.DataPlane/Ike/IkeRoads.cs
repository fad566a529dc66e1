using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Ike;

/// <summary>Where IKE and ESP come in and go out: translates between paths of IKE, which know addresses, and those of shards, which know sockets.</summary>
internal sealed class IkeRoads(IReadOnlyList<BoundSocket> sockets)
{
    private const int None = -1;

    /// <summary>ESP can come and go without UDP around it, in both families that IKE listens in.</summary>
    public bool HasRaw { get; } = sockets.Where(socket => socket.Kind is SocketKind.Ike or SocketKind.IkeNat)
        .All(socket => sockets.Any(other => other.Kind == SocketKind.Esp && other.Bound.Ip.IsV4 == socket.Bound.Ip.IsV4));

    public ushort NatPort { get; } = sockets.FirstOrDefault(socket => socket.Kind == SocketKind.IkeNat) is { Bound.Port: > 0 } found ? found.Bound.Port : IkePath.NatPort;

    public IkePath Of(in OuterPath path)
    {
        var socket = sockets[path.Socket];
        return new IkePath(new OuterAddress(path.Local, socket.Bound.Port), path.Peer, socket.Kind == SocketKind.IkeNat);
    }

    /// <summary>Null where nothing of ours listens that it could leave from.</summary>
    public OuterPath? For(in IkePath path, int shard) =>
        Find(path.IsNatPort ? SocketKind.IkeNat : SocketKind.Ike, path.Local) is >= 0 and var socket
            ? new OuterPath { Peer = path.Peer, Local = path.Local.Ip, Shard = shard, Socket = socket }
            : null;

    /// <summary>The way that ESP takes beside a path of IKE.</summary>
    public OuterPath? ForEsp(in IkePath path, bool isEncapsulated, int shard)
    {
        if (isEncapsulated)
        {
            return For(path.ToNatPort(NatPort), shard);
        }

        return Find(SocketKind.Esp, path.Local) is >= 0 and var socket
            ? new OuterPath { Peer = path.Peer with { Port = 0 }, Local = path.Local.Ip, Shard = shard, Socket = socket }
            : null;
    }

    /// <summary>Where a call to this address leaves from; null where we do not listen in its family.</summary>
    public IkePath? ForCall(IpAddress local, IpAddress peer)
    {
        foreach (var kind in (ReadOnlySpan<SocketKind>)[SocketKind.Ike, SocketKind.IkeNat])
        {
            if (Find(kind, new OuterAddress(local, 0)) is >= 0 and var socket)
            {
                var isNat = kind == SocketKind.IkeNat;
                return new IkePath(
                    new OuterAddress(local, sockets[socket].Bound.Port), new OuterAddress(peer, isNat ? IkePath.NatPort : IkePath.Port), isNat);
            }
        }

        return null;
    }

    private int Find(SocketKind kind, OuterAddress local)
    {
        for (var i = 0; i < sockets.Count; i++)
        {
            var (other, bound) = sockets[i];
            var isAny = bound.Ip.IsV4 ? bound.Ip.V4 == 0 : bound.Ip.Bits == 0;
            if (other == kind && bound.Ip.IsV4 == local.Ip.IsV4 && (isAny || bound.Ip == local.Ip) && (local.Port == 0 || kind == SocketKind.Esp || bound.Port == local.Port))
            {
                return i;
            }
        }

        return None;
    }
}
