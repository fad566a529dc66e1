using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Esp;

/// <summary>
/// What a pair of SAs carries: whatever is between one of the selectors on our side and one on the peer's. A struct, to live in arrays: nearly
/// every SA has one of each, without protocol and ports, and a packet of it is judged without a look elsewhere.
/// </summary>
public readonly struct EspSelectors
{
    private readonly TrafficSelector _local;
    private readonly TrafficSelector _remote;
    private readonly bool _isPlain;
    private readonly TrafficSelector[] _locals;
    private readonly TrafficSelector[] _remotes;

    /// <summary>Keeps the arrays; nobody changes them.</summary>
    public EspSelectors(TrafficSelector[] local, TrafficSelector[] remote)
    {
        Invariant.Check(local.Length > 0 && remote.Length > 0, "an SA has selectors on both sides");
        _locals = local;
        _remotes = remote;
        _local = local[0];
        _remote = remote[0];
        _isPlain = Array.TrueForAll(local, selector => IsPlain(selector)) && Array.TrueForAll(remote, selector => IsPlain(selector));
    }

    public ReadOnlySpan<TrafficSelector> Local => _locals;

    public ReadOnlySpan<TrafficSelector> Remote => _remotes;

    /// <summary>Whether an inner packet, from us to the peer or from it to us, belongs into this SA (RFC 4301 sections 5.1 and 5.2).</summary>
    public bool Holds(ReadOnlySpan<byte> packet, bool isOutbound)
    {
        if (!_isPlain || !TryReadAddresses(packet, out var source, out var destination))
        {
            return Judge(packet, isOutbound);
        }

        // Most packets belong to the first of each; addresses alone decide, but for a router's error, which belongs where its cause does.
        var (own, far) = isOutbound ? (source, destination) : (destination, source);
        return (_local.Contains(own) && _remote.Contains(far)) || (AnyContains(_locals, own) && AnyContains(_remotes, far)) || (IsIcmp(packet) && Judge(packet, isOutbound));
    }

    private static bool AnyContains(TrafficSelector[] selectors, IpAddress address)
    {
        foreach (ref readonly var selector in selectors.AsSpan())
        {
            if (selector.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsPlain(in TrafficSelector selector) => selector.Protocol == 0 && selector.HasAllPorts;

    private static bool IsIcmp(ReadOnlySpan<byte> packet) => packet.Length >= Ipv4View.MinimumHeaderLength
        && (packet[0] >> 4 == 4 ? packet[9] == (byte)IpProtocol.Icmp : packet[6] == (byte)IpProtocol.IcmpV6);

    private static bool TryReadAddresses(ReadOnlySpan<byte> packet, out IpAddress source, out IpAddress destination)
    {
        (source, destination) = (default, default);
        if (packet.Length < Ipv4View.MinimumHeaderLength)
        {
            return false;
        }

        if (packet[0] >> 4 == 4)
        {
            source = IpAddress.ReadV4(packet[12..]);
            destination = IpAddress.ReadV4(packet[16..]);
            return true;
        }

        if (packet.Length < Ipv6View.HeaderLength)
        {
            return false;
        }

        source = IpAddress.ReadV6(packet[8..]);
        destination = IpAddress.ReadV6(packet[24..]);
        return true;
    }

    private bool Judge(ReadOnlySpan<byte> packet, bool isOutbound)
    {
        if (InnerPacket.Read(packet, out var read) is DropReason.NotIp or DropReason.IpMalformed)
        {
            return false;
        }

        var ends = End.Of(packet, read);
        if (HoldsBoth(isOutbound ? ends : ends.Reversed()))
        {
            return true;
        }

        // A router's error belongs where the packet that it speaks of belongs, in the other direction (RFC 4301 section 6.2).
        return read.Ends.Kind == PacketKind.IcmpError && HoldsBoth(isOutbound ? End.OfQuoted(read).Reversed() : End.OfQuoted(read));
    }

    /// <param name="ends">From our side to the peer's.</param>
    private bool HoldsBoth(in End ends) =>
        AnyHolds(_locals, ends.Source, ends.Protocol, ends.SourcePort) && AnyHolds(_remotes, ends.Destination, ends.Protocol, ends.DestinationPort);

    private static bool AnyHolds(TrafficSelector[] selectors, IpAddress address, byte protocol, int port)
    {
        foreach (ref readonly var selector in selectors.AsSpan())
        {
            if (selector.Contains(address) && (selector.Protocol == 0 || selector.Protocol == protocol)
                && (selector.HasAllPorts || (port >= selector.FirstPort && port <= selector.LastPort)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>One packet as selectors see it. Ports of -1: it shows none, and selectors that name some do not hold it.</summary>
    private readonly record struct End(IpAddress Source, IpAddress Destination, byte Protocol, int SourcePort, int DestinationPort)
    {
        public End Reversed() => new(Destination, Source, Protocol, DestinationPort, SourcePort);

        public static End Of(ReadOnlySpan<byte> packet, in InnerPacket read)
        {
            var (source, destination) = (-1, -1);
            if (read.Part != FragmentPart.Later)
            {
                switch (read.Ends.Kind)
                {
                    case PacketKind.Tcp or PacketKind.Udp:
                        (source, destination) = (read.Ends.SourcePort, read.Ends.DestinationPort);
                        break;

                    // Type and code stand for the port (RFC 7296 section 3.13.1).
                    case PacketKind.EchoRequest or PacketKind.EchoReply or PacketKind.IcmpError:
                        source = destination = BinaryPrimitives.ReadUInt16BigEndian(packet[read.TransportOffset..]);
                        break;
                    case PacketKind.Other:
                        break;
                }
            }

            return new End(read.Ends.Source, read.Ends.Destination, (byte)read.Ends.Protocol, source, destination);
        }

        public static End OfQuoted(in InnerPacket read)
        {
            var quoted = read.Quoted;
            var hasPorts = quoted.Kind is PacketKind.Tcp or PacketKind.Udp;
            return new End(
                quoted.Source, quoted.Destination, (byte)quoted.Protocol, hasPorts ? quoted.SourcePort : -1, hasPorts ? quoted.DestinationPort : -1);
        }
    }
}
