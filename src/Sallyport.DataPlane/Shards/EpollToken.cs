namespace Sallyport.DataPlane.Shards;

/// <summary>What a shard's epoll tokens stand for: kind in the top byte, index in the low half.</summary>
internal static class EpollToken
{
    public const ulong WakeUp = 0;

    private const int KindShift = 56;
    private const ulong UdpKind = 1;
    private const ulong ListenerKind = 2;
    private const ulong ConnectionKind = 3;
    private const ulong HostKind = 4;
    private const uint GenerationMask = 0x00ff_ffff;

    public const ulong Host = HostKind << KindShift;

    public static ulong Udp(int index) => (UdpKind << KindShift) | (uint)index;

    public static ulong Listener(int index) => (ListenerKind << KindShift) | (uint)index;

    public static ulong Connection(int index, uint generation) =>
        (ConnectionKind << KindShift) | ((ulong)(generation & GenerationMask) << 32) | (uint)index;

    public static bool IsUdp(ulong token, out int index) => Is(token, UdpKind, out index);

    public static bool IsListener(ulong token, out int index) => Is(token, ListenerKind, out index);

    private static bool Is(ulong token, ulong kind, out int index)
    {
        index = (int)(token & 0xffff_ffff);
        return token >> KindShift == kind;
    }
}
