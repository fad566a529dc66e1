namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Where a packet lies in the <see cref="PacketMemory"/>, and how far around it may be written: a packet that was received alone has its
/// whole slot, one that came coalesced with others has them for neighbours. All in bytes from the memory's start.
/// </summary>
/// <param name="Floor">First byte that belongs to this packet.</param>
/// <param name="Ceiling">First byte behind it that does not.</param>
internal readonly record struct PacketSpot(int Start, int Length, int Floor, int Ceiling)
{
    public int End => Start + Length;

    /// <summary>The same room, another packet in it.</summary>
    public PacketSpot With(int start, int length) => this with { Start = start, Length = length };

    public bool HasRoom(int before, int after) => Start - before >= Floor && End + after <= Ceiling;
}
