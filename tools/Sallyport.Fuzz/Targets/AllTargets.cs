using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>In the order in which bytes from outside meet them.</summary>
public static class AllTargets
{
    public static IReadOnlyList<FuzzTarget> List { get; } =
    [
        new StreamFramerTarget(), new ControlPacketTarget(), new PlainTarget(), new TlsAuthTarget(), new TlsCryptTarget(), new WrappedKeyTarget(),
        new EarlyNegotiationTarget(), new DoorTarget(), new KeyTextTarget(), new KeyMethod2Target(), new OptionStringTarget(), new PeerInfoTarget(),
        new AuthTokenTarget(), new ControlMessageTarget(), new PushReplyTarget(), new SessionTarget(), new InsideTlsOfServerTarget(),
        new InsideTlsOfClientTarget(), new TlsRecordsTarget(), new DataPacketTarget(), new EspPacketTarget(), new InnerPacketTarget(), new ForwarderTarget(), new HandlesTarget(),
        new EgressTarget(),
        new DnsTarget(),
        new FleetFileTarget(),
        new MudTarget(), new CmsTarget(),
        new CertificateTarget(), new SignatureTarget(), new EapPacketTarget(), new EapTalkTarget(),
        new IkePayloadsTarget(), new IkeMessageTarget(), new IkeTicketTarget(), new IkeTextTarget(),
    ];
}
