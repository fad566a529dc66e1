using Sallyport.Core.OpenVpn.Wire;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane;

/// <summary>Every bound of the data plane's shell, with where it comes from.</summary>
internal static class DataPlaneLimits
{
    /// <summary>Messages per system call: 32 to 64 gave all of the gain; what single datagrams touch of 64 slots is within the L2 cache.</summary>
    public const int BatchSize = 64;

    /// <summary>Slots for packets of our own (refusals, pings, control) between two flushes.</summary>
    public const int OwnSlots = 64;

    /// <summary>
    /// Datagrams that wait for one sendmmsg: a receive batch and what we add ourselves; or, where datagrams came coalesced, a dozen full
    /// messages, so that the first does not wait for the opening and sealing of thousands.
    /// </summary>
    public const int SendBatchSize = 512;

    /// <summary>Receive batches of one socket in one turn, so that a flooded socket starves neither the others nor the timers.</summary>
    public const int BatchesPerTurn = 4;

    /// <summary>Connections accepted in one turn.</summary>
    public const int AcceptsPerTurn = 32;

    /// <summary>Bytes read from one connection in one turn.</summary>
    public const int StreamBytesPerTurn = 65_536;

    /// <summary>Commands and control datagrams from other threads in one turn.</summary>
    public const int MailPerTurn = 256;

    /// <summary>Commands that may wait for a shard: a whole fleet's keys after a restart, and room.</summary>
    public const int MailboxCommands = 65_536;

    /// <summary>Commands that may wait where one more is only about a connection that speaks nonsense: the next packet asks again.</summary>
    public const int MailboxPoisons = 1024;

    /// <summary>Control packets that a connection may send before one has passed the door: a client sends a reset and waits.</summary>
    public const int FramesBeforeProof = 8;

    /// <summary>The same before it has a tunnel: the largest handshake, a chain of RSA certificates, is some 60 with all that is repeated.</summary>
    public const int FramesBeforeTunnel = 512;

    /// <summary>Control datagrams that wait to be sent; what does not fit is retransmitted by the reliability layer.</summary>
    public const int ControlOutCapacity = 1024;

    /// <summary>
    /// Control packets that wait for one handshake thread: resets, which are answered in microseconds, and those of handshakes under way. A
    /// whole fleet that comes back at once fills it in a tenth of a second; who finds no place asks again after two.
    /// </summary>
    public const int ControlInCapacity = 4096;

    /// <summary>
    /// The longest message of IKE that is taken: a chain of RSA certificates from a peer that cannot fragment (RFC 7383) is half of it.
    /// </summary>
    public const int IkeMessageMax = 8192;

    /// <summary>
    /// Messages that wait for one thread of IKE, 8 MB. A whole fleet that comes back at once fills it; who finds no place sends again after four
    /// seconds (strongSwan) or half of one (libreswan).
    /// </summary>
    public const int IkeInCapacity = 1024;

    /// <summary>Of those, for one IKE SA: the fragments of two long messages of a peer's (RFC 7383).</summary>
    public const int IkeInPerSa = 32;

    /// <summary>A CHILD_SA that was replaced is received with for this long: what is on its way still arrives (strongSwan's delete_rekeyed_delay).</summary>
    public static readonly TimeSpan OldChildTime = TimeSpan.FromSeconds(5);

    /// <summary>A datagram that another thread has sent: an IKE message that is longer is fragmented by IKE.</summary>
    public const int DatagramOutMax = PacketMemory.PacketMax;

    /// <summary>SAs for each place of a tunnel: one in use, one that comes, one that goes; routers with one for each pair of subnets are few.</summary>
    public const int ChildrenPerTunnel = 2;

    /// <summary>The outer packet that passes PPPoE, as OpenVPN's tunnels aim at it. Bytes with the IP header.</summary>
    public const int OuterMtu = 1492;

    public const int OuterMtuMinV4 = 576;

    public const int OuterMtuMinV6 = 1280;

    /// <summary>A packet of a tunnel goes before a handshake where both want one core: a third of the weight.</summary>
    public const int HandshakeNiceness = 5;

    /// <summary>
    /// Peers that wait for their handshake to begin, of one handshake thread: at one or two milliseconds each more could not be served before
    /// they give up. Some kilobytes each.
    /// </summary>
    public const int WaitingNewcomersMax = 16_384;

    /// <summary>A stock client gives an attempt up 60 seconds after its first reset; what is left must do for the handshake.</summary>
    public static readonly TimeSpan WaitingPatience = TimeSpan.FromSeconds(45);

    public const int ControlPacketMax = OpenVpnLimits.MaxControlPacket;

    /// <summary>Packets on their way from one shard to another: 1.2 MB for each pair, a burst of eight coalesced messages.</summary>
    public const int LaneSlots = 512;

    /// <summary>
    /// Pieces read from the gateway host in one turn: of 64 KiB each they become some 700 packets, more than a turn takes from a socket.
    /// </summary>
    public const int HostReadsPerTurn = 16;

    /// <summary>Bytes of sealed packets of the gateway host that wait to be sent: four pieces, which stay within the L2 cache.</summary>
    public const int HostOutputBytes = 288 * 1024;

    /// <summary>
    /// Messages in a millisecond from which on they may gather: 20,000 a second, where a wake-up for each takes a quarter of a core. At half
    /// of it a look finds so few that the pause costs as much as it saves. A run of coalesced packets is one message.
    /// </summary>
    public const int BusyMessages = 20;

    /// <summary>Messages that one look at the sockets should find then: more are no cheaper each, and wait longer.</summary>
    public const int EnoughMessages = 96;

    /// <summary>Packets that wait to be written to the gateway host, and their payloads: as many as one turn of a socket brings.</summary>
    public const int HostBatchSize = 512;

    /// <summary>ICMP errors among them, which are written anew.</summary>
    public const int HostErrorsMax = 16;

    /// <summary>Packet threads. Each has its own sockets and memory, and a lane from every other.</summary>
    public const int ShardsMax = 64;

    /// <summary>Tunnels of a gateway: peer-ids have 24 bits and 0xFFFFFF means none.</summary>
    public const int TunnelsMax = 1 << 20;

    /// <summary>Sessions that have not finished their handshake, of one handshake thread: at about 60 KB of TLS state each, 240 MB.</summary>
    public const int HalfOpenMax = 4096;

    /// <summary>The same from one source prefix (/24, /56). Generous: an operator's NAT hides thousands of devices behind one address.</summary>
    public const int HalfOpenPerPrefixMax = 1024;

    /// <summary>The same of one credential: a client has one attempt at a time, and leaves one or two behind on a bad link.</summary>
    public const int HalfOpenPerCredentialMax = 4;

    /// <summary>
    /// Those of peers without a key of their own (tls-crypt, tls-auth, no wrapping), in all: the other half is for tls-crypt-v2, of which no
    /// key takes more than a few places.
    /// </summary>
    public const int HalfOpenSharedMax = HalfOpenMax / 2;

    /// <summary>The same of one network: whoever knows its key takes none from the next. All networks without a wrapping are one.</summary>
    public const int HalfOpenPerNetworkMax = HalfOpenSharedMax / 2;

    /// <summary>
    /// Sessions that have not answered our reset: they hold no TLS, some kilobytes each, and a client answers within a round trip. One bound
    /// for keys of one's own, one for the others.
    /// </summary>
    public const int HalfOpenUnansweredMax = 2048;

    public const int HalfOpenUnansweredPerPrefixMax = 512;

    /// <summary>From this many handshakes whose TLS has answered on, clients that can are told to come back later (AUTH_FAILED,TEMP).</summary>
    public const int HalfOpenBackoffAbove = 3072;

    /// <summary>Connections of one shard.</summary>
    public const int ConnectionsMax = 65_536;

    /// <summary>Connections without a tunnel, in all and from one source prefix (/24, /56).</summary>
    public const int PendingConnectionsMax = 4096;

    public const int PendingConnectionsPerPrefixMax = 1024;

    /// <summary>Bytes that wait for a slow TCP peer, about 45 full packets; then whole packets are dropped, which its inner flows notice.</summary>
    public const int StreamBacklogBytes = 65_536;

    /// <summary>Output buffers of all connections of a shard together: 64 MB.</summary>
    public const int StreamBacklogsMax = 1024;

    /// <summary>Live clients that are told at once, of each step, that the gateway ends: they fill a fraction of a turn's mail.</summary>
    public const int FarewellsPerStep = 20;

    /// <summary>The same for control packets, which come in flights of three or four: some hundred handshakes a second.</summary>
    public const int BusyControlPackets = 2;

    /// <summary>Of control packets as many as a turn takes four times over: some thousand handshakes a second would not wait for the whole time.</summary>
    public const int EnoughControlPackets = 64;

    public static readonly TimeSpan ControlGatherTimeMax = TimeSpan.FromMilliseconds(1);

    /// <summary>Not worth falling asleep for.</summary>
    public static readonly TimeSpan PauseMin = TimeSpan.FromMicroseconds(20);

    /// <summary>
    /// From one look at the sockets to the next while messages gather: a fraction of a round trip over any network that devices are on.
    /// ADR 0019 has the figures.
    /// </summary>
    public static readonly TimeSpan GatherTimeMax = TimeSpan.FromMicroseconds(600);

    /// <summary>All are told within this time, however many there are.</summary>
    public static readonly TimeSpan FarewellSpread = TimeSpan.FromSeconds(1);

    /// <summary>Who has not acknowledged is told again after this time, and waited for as long again: a round trip on a slow radio link.</summary>
    public static readonly TimeSpan FarewellAgain = TimeSpan.FromMilliseconds(400);

    /// <summary>An orderly end takes no longer for its farewells, whatever happens.</summary>
    public static readonly TimeSpan FarewellMax = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Time for a connection to its first packet that passes the door: a client sends it at once, which takes a round trip and, where
    /// it is lost, two or three of TCP's first retransmissions.
    /// </summary>
    public static readonly TimeSpan ConnectionSilence = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time from a session's admission to its whole ClientHello: the client sends it at once, and again after two and after six seconds where it
    /// is lost.
    /// </summary>
    public static readonly TimeSpan HelloWindow = TimeSpan.FromSeconds(10);

    /// <summary>Time for a connection to become a tunnel from there on: the hand-window.</summary>
    public static readonly TimeSpan ConnectionGrace = TimeSpan.FromSeconds(60);

    /// <summary>Time that a connection stays after its tunnel ended, for the last words of the session (5 s) and their way.</summary>
    public static readonly TimeSpan ConnectionLinger = TimeSpan.FromSeconds(6);

    /// <summary>The keys of a replaced tunnel are kept this long to see whether its client is still there: three pings of stock's keepalive 10.</summary>
    public static readonly TimeSpan GhostTime = TimeSpan.FromSeconds(35);

    /// <summary>From telling IKE that an SA wears out to telling it again: a request may take some retransmissions, and a refusal is no answer for long.</summary>
    public static readonly TimeSpan RekeyAgainAfter = TimeSpan.FromSeconds(10);

    /// <summary>RFC 3948 section 4 and what strongSwan does; a NAT that forgets sooner forgets an idle OpenVPN, too.</summary>
    public static readonly TimeSpan NatKeepaliveAfter = TimeSpan.FromSeconds(20);

    /// <summary>The kernel is asked as often whether a path has become narrower, or wide again: it forgets after ten minutes.</summary>
    public static readonly TimeSpan MeasureEvery = TimeSpan.FromMinutes(1);

    /// <summary>Packets may be under way this long.</summary>
    public static readonly TimeSpan OnItsWay = TimeSpan.FromSeconds(3);

    /// <summary>How long the parts of a datagram from the gateway host find where its first one went: as long as a flow's may follow (RFC 791 section 3.2).</summary>
    public static readonly TimeSpan DatagramPlace = TimeSpan.FromSeconds(30);

    /// <summary>Old keys open packets for this long (stock's tran-window).</summary>
    public static readonly TimeSpan TransitionWindow = TimeSpan.FromHours(1);

    /// <summary>A new key seals at the latest after this time or half a renegotiation period, the shorter (openvpn tls_select_encryption_key).</summary>
    public static readonly TimeSpan KeyHandOver = TimeSpan.FromSeconds(60);
}
