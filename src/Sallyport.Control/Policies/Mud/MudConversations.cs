using System.Globalization;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Mud;

/// <summary>
/// From entries about packets to grants about conversations. A MUD file lists both directions; a rule is about who opens, and answers pass by themselves.
/// Who opens is what the entry says (direction-initiated), else it follows from whose port it names. Where both could be meant it is
/// the device that opens.
/// </summary>
internal sealed class MudConversations
{
    private readonly List<MudGrant> grants = [];
    private readonly List<MudNote> notes = [];

    /// <summary>Entries that let packets back, once it is known what is opened.</summary>
    private readonly List<(MudAce Ace, MudOpener Opener, MudPeer Peer, MudServices Services, MudServices? Else)> answers = [];

    private MudConversations()
    {
    }

    /// <summary>In the order of the file, but those that the device opens first.</summary>
    public static (IReadOnlyList<MudGrant> Grants, IReadOnlyList<MudNote> Notes) Of(MudFile file)
    {
        var read = new MudConversations();
        foreach (var ace in file.FromDevice)
        {
            read.Add(ace, isFromDevice: true);
        }

        foreach (var ace in file.ToDevice)
        {
            read.Add(ace, isFromDevice: false);
        }

        read.SettleAnswers();
        var byDevice = read.grants.Where(grant => grant.Opener == MudOpener.Device).ToList();
        var order = file.ToDevice.Index().ToLookup(pair => pair.Item, pair => pair.Index, ReferenceEqualityComparer.Instance);
        var byPeer = read.grants.Where(grant => grant.Opener == MudOpener.Peer).OrderBy(grant => order[grant.Ace].First()).ToList();
        return ([.. MudOrder.Apply(byDevice, read.notes), .. MudOrder.Apply(byPeer, read.notes)], read.notes);
    }

    private void Add(MudAce ace, bool isFromDevice)
    {
        if ((WhyUnsayable(ace.Match, isFromDevice) ?? WhyNothing(ace.Match, isFromDevice)) is { } why)
        {
            notes.Add(MudNote.Of(ace, MudNote.Cannot, why));
            if (!ace.Accepts && WhyNothing(ace.Match, isFromDevice) is null)
            {
                grants.Add(Unsayable(ace, isFromDevice));
            }

            return;
        }

        var peer = PeerOf(ace.Match, isFromDevice);
        switch (ProtocolOf(ace.Match))
        {
            case IpProtocol.Icmp:
                AddEcho(ace, isFromDevice, peer);
                break;
            case { } protocol:
                AddPorts(ace, isFromDevice, peer, protocol);
                break;
            case null:
                AddServices(ace, isFromDevice, peer, null, null, MudServices.Everything);
                break;
        }
    }

    private void AddPorts(MudAce ace, bool isFromDevice, MudPeer peer, IpProtocol protocol)
    {
        var all = MudServices.Of(protocol, [(1, MudServices.PortMax)]);
        AddServices(ace, isFromDevice, peer, Services(ace.Match.SourcePorts), Services(ace.Match.DestinationPorts), all);

        MudServices? Services(IReadOnlyList<(int From, int To)>? ports) => ports is null ? null : MudServices.Of(protocol, ports);
    }

    /// <param name="source">The ports that packets of the entry come from; null for any.</param>
    /// <param name="all">What it is about where no port is named.</param>
    private void AddServices(MudAce ace, bool isFromDevice, MudPeer peer, MudServices? source, MudServices? destination, MudServices all)
    {
        var (sender, receiver) = isFromDevice ? (MudOpener.Device, MudOpener.Peer) : (MudOpener.Peer, MudOpener.Device);
        var opener = ace.Match.Initiated switch
        {
            "from-device" => MudOpener.Device,
            "to-device" => MudOpener.Peer,
            _ => (MudOpener?)null,
        };
        if (opener == receiver || (opener is null && source is not null && destination is null))
        {
            answers.Add((ace, receiver, peer, source ?? all, null));
        }
        else if (opener is null && !isFromDevice && ace.Accepts && (source is not null || destination is null))
        {
            // It may be the answers to what the device opens; only where it is not does the peer open. What is denied is denied either way.
            answers.Add((ace, receiver, peer, source ?? all, destination ?? (source is null ? all : null)));
        }
        else
        {
            Grant(new MudGrant(ace, sender, peer, destination ?? all), source is not null);
        }
    }

    private void AddEcho(MudAce ace, bool isFromDevice, MudPeer peer)
    {
        var (sender, receiver) = isFromDevice ? (MudOpener.Device, MudOpener.Peer) : (MudOpener.Peer, MudOpener.Device);
        var isReply = ace.Match.IcmpType is 0 or 129;
        if (isReply || (ace.Match.IcmpType is null && !isFromDevice && ace.Accepts))
        {
            answers.Add((ace, receiver, peer, MudServices.Echo, isReply ? null : MudServices.Echo));
            return;
        }

        Grant(new MudGrant(ace, sender, peer, MudServices.Echo), asksForPort: false);
        if (ace.Match.IcmpType is null)
        {
            notes.Add(MudNote.Of(ace, MudNote.Remark, "of ICMP only echo is opened here; errors pass with the conversation that they are about"));
        }
    }

    private void Grant(MudGrant grant, bool asksForPort)
    {
        grants.Add(grant);
        if (asksForPort)
        {
            notes.Add(MudNote.Of(grant.Ace, MudNote.Remark, "from which port the conversation is opened is not looked at"));
        }
    }

    private void SettleAnswers()
    {
        foreach (var (ace, opener, peer, services, otherwise) in answers)
        {
            var opening = grants.Find(grant => grant.Opener == opener && grant.Accepts && grant.Peer == peer && grant.Services.Meets(services));
            if (opening is not null)
            {
                notes.Add(MudNote.Of(ace, MudNote.Answers, ace.Accepts ? $"answers to what {opening.Ace.Place} opens" : $"it denies answers to what {opening.Ace.Place} opens, which pass by themselves"));
            }
            else if (otherwise is not null)
            {
                Grant(new MudGrant(ace, opener == MudOpener.Device ? MudOpener.Peer : MudOpener.Device, peer, otherwise), ace.Match.SourcePorts is not null);
            }
            else
            {
                notes.Add(MudNote.Of(
                    ace, ace.Accepts ? MudNote.Decide : MudNote.Covered,
                    ace.Accepts ? $"it lets answers pass, and no entry lets {(opener == MudOpener.Device ? "the device" : peer.Text)} open {services}" : "nobody may open that anyway",
                    ace.Accepts ? "where that is to be possible write the rule yourself, or ask the manufacturer" : null));
            }
        }
    }

    private static MudPeer PeerOf(MudMatch match, bool isFromDevice)
    {
        var (name, network) = isFromDevice ? (match.DestinationName, match.DestinationNetwork) : (match.SourceName, match.SourceNetwork);
        return match.Classes is [var one] ? new MudPeer(one.Kind, one.Value, network)
            : name is not null ? new MudPeer("name", name)
            : network is { Length: > 0 } prefix ? new MudPeer("network", "", prefix)
            : MudPeer.Anybody;
    }

    /// <summary>Null for any.</summary>
    private static IpProtocol? ProtocolOf(MudMatch match) => (match.Transport, match.Protocol) switch
    {
        ("tcp", _) or (null, 6) => IpProtocol.Tcp,
        ("udp", _) or (null, 17) => IpProtocol.Udp,
        ("icmp", _) or (null, 1 or 58) => IpProtocol.Icmp,
        _ => null,
    };

    /// <summary>All that it may be about.</summary>
    private static MudGrant Unsayable(MudAce ace, bool isFromDevice)
    {
        var isVague = ace.Match is { Classes.Count: > 1 } or { SourceName: not null, SourceNetwork: not null } or { DestinationName: not null, DestinationNetwork: not null };
        var services = ProtocolOf(ace.Match) switch
        {
            IpProtocol.Icmp => MudServices.Echo,
            { } protocol => MudServices.Of(protocol, ace.Match.DestinationPorts ?? [(1, MudServices.PortMax)]),
            null => MudServices.Everything,
        };
        return new MudGrant(ace, isFromDevice ? MudOpener.Device : MudOpener.Peer, isVague ? MudPeer.Anybody : PeerOf(ace.Match, isFromDevice), services) { IsUnsayable = true };
    }

    /// <summary>Why no rule can say what the entry says; null where one may.</summary>
    private static string? WhyUnsayable(MudMatch match, bool isFromDevice)
    {
        var (ownName, ownNetwork) = isFromDevice ? (match.SourceName, match.SourceNetwork) : (match.DestinationName, match.DestinationNetwork);
        var (name, network) = isFromDevice ? (match.DestinationName, match.DestinationNetwork) : (match.SourceName, match.SourceNetwork);
        return match switch
        {
            { Ethertype: not (null or 0x0800 or 0x86dd) } => null,
            { Others: [_, ..] } => $"it asks for {string.Join(", ", match.Others.Take(5))}, and no rule does",
            { Classes.Count: > 1 } => $"it asks for {string.Join(" and ", match.Classes.Select(one => one.Kind))} of the same peer",
            _ when ownName is not null || ownNetwork is not null => "it names an address of the device itself, which the gateway gives",
            _ when match.Classes is [var one] && (name is not null || (network is not null && one.Kind != "local-networks")) => $"it asks for {one.Kind} and an address of the same peer",
            _ => null,
        };
    }

    /// <summary>Why nothing that passes a gateway is what the entry is about; null where something may be.</summary>
    private static string? WhyNothing(MudMatch match, bool isFromDevice) => match switch
    {
        { Ethertype: { } type and not (0x0800 or 0x86dd) } => string.Create(CultureInfo.InvariantCulture, $"frames of ethertype 0x{type:x4} stay on the device's own link"),
        { SourcePorts: [] } or { DestinationPorts: [] } => "no packet has such a port",
        _ when (isFromDevice ? match.DestinationNetwork : match.SourceNetwork) is { } prefix && IsGroup(prefix) => $"{prefix} is a group, a broadcast or a link: such packets stay on the device's own link",
        _ => WhyNotProtocol(match),
    };

    private static string? WhyNotProtocol(MudMatch match) => match switch
    {
        { Protocol: { } number and not (1 or 6 or 17 or 58) } => string.Create(CultureInfo.InvariantCulture, $"IP protocol {number} is not carried: TCP, UDP and echo are"),
        { Transport: "tcp", Protocol: { } number and not 6 } => string.Create(CultureInfo.InvariantCulture, $"a TCP part of protocol {number} matches nothing"),
        { Transport: "udp", Protocol: { } number and not 17 } => string.Create(CultureInfo.InvariantCulture, $"a UDP part of protocol {number} matches nothing"),
        { Transport: "icmp", Protocol: 6 or 17 } => string.Create(CultureInfo.InvariantCulture, $"an ICMP part of protocol {match.Protocol} matches nothing"),
        { IsV6: false, Protocol: 58 } or { IsV6: true, Protocol: 1 } or { Transport: "icmp", IsV6: false, IcmpType: 128 or 129 } or { Transport: "icmp", IsV6: true, IcmpType: 0 or 8 } =>
            "that is ICMP of the other IP family, which matches nothing here",
        { Transport: "icmp", IcmpType: { } type and not (0 or 8 or 128 or 129) } => string.Create(CultureInfo.InvariantCulture, $"ICMP type {type} is no echo: errors pass with the conversation that they are about, the rest is not carried"),
        { IcmpCode: { } code and not 0 } => string.Create(CultureInfo.InvariantCulture, $"echo has no code {code}"),
        _ => null,
    };

    private static bool IsGroup(IpPrefix prefix) =>
        prefix.Length > 0 && (prefix.IsV4 ? Egress.IsNever(prefix) : Links.Any(link => link.Contains(prefix)));

    private static readonly IpPrefix[] Links = [IpPrefix.Parse("ff00::/8"), IpPrefix.Parse("fe80::/10"), IpPrefix.Parse("::1/128")];
}
