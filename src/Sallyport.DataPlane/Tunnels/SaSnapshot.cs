using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>One CHILD_SA at one moment, for people.</summary>
internal readonly record struct SaSnapshot
{
    public uint InboundSpi { get; private init; }

    public uint OutboundSpi { get; private init; }

    public EspSuite Suite { get; private init; }

    public EspMode Mode { get; private init; }

    public EspSelectors Selectors { get; private init; }

    public bool IsUsed { get; private init; }

    public Instant Since { get; private init; }

    public int Rekeys { get; private init; }

    public ulong BytesIn { get; private init; }

    public ulong BytesOut { get; private init; }

    public ulong PacketsIn { get; private init; }

    public ulong PacketsOut { get; private init; }

    public ulong BadTags { get; private init; }

    public ulong Replays { get; private init; }

    public static SaSnapshot Of(in EspChild child) => new()
    {
        InboundSpi = child.Sa.InboundSpi,
        OutboundSpi = child.Sa.OutboundSpi,
        Suite = child.Sa.Suite,
        Mode = child.Sa.Mode,
        Selectors = child.Selectors,
        IsUsed = child.IsUsed,
        Since = child.Since,
        Rekeys = child.Rekeys,
        BytesIn = child.Sa.OpenedBytes,
        BytesOut = child.Sa.SealedBytes,
        PacketsIn = child.Sa.OpenedPackets,
        PacketsOut = child.Sa.SealedPackets,
        BadTags = child.Sa.BadTags,
        Replays = child.Sa.Replays,
    };
}
