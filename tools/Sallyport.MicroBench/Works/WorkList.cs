namespace Sallyport.MicroBench.Works;

/// <param name="BytesAllowed">Managed memory that one run may allocate: the budget. A test holds us to it.</param>
/// <param name="Make">Anew, with everything warm that is warm in a gateway.</param>
public sealed record WorkEntry(string Name, long BytesAllowed, Func<IWork> Make)
{
    public override string ToString() => Name;
}

/// <summary>What is measured, with its budget of allocations.</summary>
public static class WorkList
{
    public static IReadOnlyList<WorkEntry> All { get; } =
    [
        new("packet path: open, forward, seal, 1,400 bytes", BytesAllowed: 0, () => new PacketPathWork(1400)),
        new("packet path: open, forward, seal, 200 bytes", BytesAllowed: 0, () => new PacketPathWork(200)),
        new("esp path: open, forward, seal, 1,400 bytes", BytesAllowed: 0, () => new EspPathWork(1400)),
        new("esp path: open, forward, seal, 200 bytes", BytesAllowed: 0, () => new EspPathWork(200)),
        new("flow table: live flow among 30,000", BytesAllowed: 0, () => new FlowWork()),
        new("policy: decision for a new flow, 10,000 devices, 1,000 rules", BytesAllowed: 0, () => new PolicyWork()),
        new("replay window: check and mark", BytesAllowed: 0, () => new ReplayWork()),
        new("checksum: 1,400 bytes", BytesAllowed: 0, () => new ChecksumWork()),
    ];
}
