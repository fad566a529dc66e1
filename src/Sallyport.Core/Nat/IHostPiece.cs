using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>What the gateway host's kernel sends in one piece, to be written out as the inner IPv4 packets that it stands for.</summary>
public interface IHostPiece
{
    IpAddress Source { get; }

    IpAddress Destination { get; }

    /// <summary>The port of who gets it, or the identifier of an echo that he began; 0 where the piece tells none.</summary>
    ushort DestinationPort { get; }

    FragmentPart Part { get; }

    /// <summary>Of a part: which datagram it is of.</summary>
    ushort FragmentId { get; }

    byte Protocol { get; }

    int Segments { get; }

    /// <summary>No packet is longer than this.</summary>
    int LengthMax { get; }

    /// <summary>Writes packet <paramref name="index"/> and returns its length; 0 where IPv4 has no word for it.</summary>
    /// <param name="packet">The bytes that this was read from.</param>
    /// <param name="identification">Different for each packet, for what has none of its own.</param>
    /// <param name="output">At least <see cref="LengthMax"/> bytes.</param>
    int Write(ReadOnlySpan<byte> packet, int index, ushort identification, Span<byte> output);
}
