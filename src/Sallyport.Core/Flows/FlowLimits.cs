using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>
/// Every bound of the flow table. The RFCs' times are minimums for translators, whose conversations break when an entry goes early;
/// ours come back with the opener's next packet, so the minimums are enough; TCP of guests who share an address begins anew.
/// </summary>
public sealed record FlowLimits
{
    /// <summary>Allowed flows at once. Memory is about 260 bytes for each entry of this, <see cref="DeniedCapacity"/> and <see cref="EndedBacklog"/>.</summary>
    public int Capacity { get; init; } = 65_536;

    /// <summary>Denied flows at once: their own bound, so that refused attempts never take the place of allowed flows.</summary>
    public int DeniedCapacity { get; init; } = 16_384;

    /// <summary>Ended flows whose last record nobody has fetched yet. Beyond it the oldest record is given up and counted.</summary>
    public int EndedBacklog { get; init; } = 8_192;

    /// <summary>
    /// Allowed flows that one identity may have opened at once: a quarter of the table by default. When the table is full,
    /// who has fewer flows takes the place of an idle one of who has more.
    /// </summary>
    public int AllowedPerIdentity { get; init; } = 16_384;

    /// <summary>
    /// One identity may have this part of the flows that may lead beyond the gateway host: a quarter, as of the table. Once half of them are taken
    /// only who has less than the second part gets more.
    /// </summary>
    public int BeyondShare { get; init; } = 4;

    public int BeyondShareWhenScarce { get; init; } = 64;

    /// <summary>
    /// Denied flows of one identity that are remembered at once. A scan beyond it is refused and counted as before, but not recorded
    /// port by port: nobody fills the log at a rate of his choosing.
    /// </summary>
    public int DeniedPerIdentity { get; init; } = 64;

    /// <summary>Fragmented datagrams on their way at once, per gateway thread. Beyond it the oldest is forgotten.</summary>
    public int Fragments { get; init; } = 1_024;

    /// <summary>Later parts of datagrams that wait for their first one at once, per gateway thread, and of one sender.</summary>
    public int HeldFragments { get; init; } = 128;

    public int HeldFragmentsPerIdentity { get; init; } = 16;

    /// <summary>Longer than any packet out of a tunnel is.</summary>
    public int HeldFragmentBytes { get; init; } = 2_048;

    /// <summary>Parts of a datagram leave their sender together; what is not there by then was lost.</summary>
    public TimeSpan HoldFragment { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>RFC 5382 REQ-5: no less than 2 hours 4 minutes.</summary>
    public TimeSpan TcpEstablished { get; init; } = TimeSpan.FromMinutes(124);

    /// <summary>Opening and closing connections. RFC 5382 REQ-5: no less than 4 minutes.</summary>
    public TimeSpan TcpTransitory { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>Both sides sent FIN, or one a reset: only stragglers come, and a new SYN starts anew.</summary>
    public TimeSpan TcpClosed { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>RFC 4787 REQ-5: no less than 2 minutes.</summary>
    public TimeSpan Udp { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Where both sides have spoken. RFC 4787 REQ-5 recommends 5 minutes.</summary>
    public TimeSpan UdpAnswered { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// What is no TCP gives up its port on a shared address only after so much silence: an answer that is on its way would go to the next one.
    /// </summary>
    public TimeSpan PortIdle { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>RFC 5508 REQ-1: no less than 60 seconds.</summary>
    public TimeSpan Echo { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A denied flow that is tried again within this time is the same record.</summary>
    public TimeSpan Denied { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long later fragments may follow the first. RFC 791 section 3.2 starts at 15 s; Linux waits 30 s.</summary>
    public TimeSpan Fragment { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Counters of a flow are reported no more often than this.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For how long after the start established connections of before are taken up again from the replying side.</summary>
    public TimeSpan AdoptReplies { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Refusals per second, all identities together. Linux sends 1,000 ICMP errors per second (icmp_msgs_per_sec).</summary>
    public int RefusalsPerSecond { get; init; } = 1_000;

    /// <summary>Refusals per second to one identity.</summary>
    public int RefusalsPerSecondPerIdentity { get; init; } = 50;

    /// <summary>Flows whose time is looked at in one call of the timer.</summary>
    public int TimerBudget { get; init; } = 4_096;

    internal void Check()
    {
        Invariant.Check(
            Capacity > 0 && DeniedCapacity > 0 && EndedBacklog > 0 && AllowedPerIdentity > 0 && DeniedPerIdentity > 0 && Fragments > 0
            && BeyondShare > 0 && BeyondShareWhenScarce > 0
            && HeldFragments > 0 && HeldFragmentsPerIdentity > 0 && HeldFragmentBytes > 0
            && RefusalsPerSecond > 0 && RefusalsPerSecondPerIdentity > 0 && TimerBudget > 0
            && (long)Capacity + DeniedCapacity + EndedBacklog < 1 << 28,
            "flow limits are positive and below 2^28 in sum");
    }
}
