using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

/// <summary>
/// One end of an IKE SA with what it knows of the other, and a log of what it was told. Keys of CHILD_SAs are kept, to be compared. It sends and receives with them as
/// a data plane would, in numbers only.
/// </summary>
internal sealed class IkeEnd : IIkeOwner, IDisposable
{
    /// <summary>As the gateway has it.</summary>
    private static readonly TimeSpan OldInboundTime = TimeSpan.FromSeconds(5);

    private readonly SeededEntropy _entropy;
    private uint _lastSpi;

    public IkeEnd(string name, SeededEntropy entropy, OuterAddress at)
    {
        (Name, _entropy, At) = (name, entropy, at);
        _lastSpi = name == "gateway" ? 0x1000u : 0x2000u;
    }

    public string Name { get; }

    public OuterAddress At { get; set; }

    public IkeEndpoint Endpoint { get; set; } = null!;

    public IkeCertificate? Certificate { get; set; }

    public CertificateAnchors? Anchors { get; set; }

    public ReadOnlyMemory<byte> AuthorityHashes { get; set; }

    public TlsContext? EapTls { get; set; }

    public ImmutableArray<IkeProof> EapMethods { get; set; } = [];

    public Dictionary<string, byte[]> Psks { get; } = [];

    public Dictionary<string, byte[]> EapHashes { get; } = [];

    public Dictionary<string, byte[]> Ppks { get; } = [];

    public IkeGrant Grant { get; set; } = null!;

    public Func<IkeClaim, string?> Refusal { get; set; } = _ => null;

    public bool RefusesForNow { get; set; }

    /// <summary>As whom it knows whoever it refuses.</summary>
    public object? RefusedAs { get; set; }

    public List<IkeEvent> Events { get; } = [];

    /// <summary>The same for people.</summary>
    public List<(Instant At, string Text)> Story { get; } = [];

    public List<IkeClaim> Claims { get; } = [];

    public Dictionary<uint, ChildKeys> Live { get; } = [];

    /// <summary>Pairs that were replaced, and until when they are received with.</summary>
    public Dictionary<uint, Instant> Old { get; } = [];

    /// <summary>Pairs in the order in which they came to be used for sending.</summary>
    public List<uint> Used { get; } = [];

    /// <summary>Pairs that it sends with: those that the peer receives with for sure, without what was replaced.</summary>
    public IEnumerable<ChildKeys> Sending => Live.Values.Where(
        keys => Used.Contains(keys.InboundSpi) && !Live.Values.Any(other => other.Replaces == keys.InboundSpi && Used.Contains(other.InboundSpi)));

    public HashSet<uint> Allotted { get; } = [];

    /// <summary>All that it ever received with.</summary>
    public HashSet<uint> Ever { get; } = [];

    public IkeSession? Session { get; set; }

    public IEnumerable<IkeDown> Ends => Events.OfType<IkeDown>();

    public IEnumerable<string> Failures => Events.OfType<NegotiationFailed>().Select(failed => failed.Detail);

    public bool IsUp => Session is { IsUp: true };

    public ulong NewIkeSpi() => _entropy.Next() | 1;

    /// <summary>What it hears under, and whether whom it hears there has proven who it is.</summary>
    public Dictionary<ulong, bool> IkeSpis { get; } = [];

    public void UseIkeSpi(ulong spi, bool hasPeer) => IkeSpis[spi] = hasPeer;

    public void FreeIkeSpi(ulong spi) => IkeSpis.Remove(spi).ShouldBeTrue();

    public bool TryNewEspSpi(IkeSession session, out uint spi)
    {
        spi = ++_lastSpi;
        Allotted.Add(spi);
        return true;
    }

    public void FreeEspSpi(uint spi)
    {
        if (!Allotted.Remove(spi))
        {
            throw new InvalidOperationException($"{Name} gave SPI {spi} back that it had not");
        }
    }

    public IkeSecret? FindPsk(IkeIdentity peer) => Psks.TryGetValue(peer.ToString(), out var psk) ? new IkeSecret(peer.ToString(), psk) : null;

    public IkeSecret? FindEapHash(string user) => EapHashes.TryGetValue(user, out var hash) ? new IkeSecret(user, hash) : null;

    public IkeSecret? FindPpk(ReadOnlySpan<byte> id) =>
        Ppks.TryGetValue(System.Text.Encoding.ASCII.GetString(id), out var ppk) ? new IkeSecret("ppk", ppk) : null;

    public IkeVerdict Judge(IkeClaim claim)
    {
        Claims.Add(claim);
        return Refusal(claim) is { } why ? RefusesForNow ? IkeVerdict.RefuseForNow(why, RefusedAs) : IkeVerdict.Refuse(why, RefusedAs) : IkeVerdict.Allow(Grant);
    }

    public bool Receives(uint spi, Instant now) => Live.ContainsKey(spi) || (Old.TryGetValue(spi, out var until) && now < until);

    public void Hear(IkeSession session, IkeEvent happened, Instant now)
    {
        Events.Add(happened);
        Story.Add((now, $"{Name}: {Tell(happened)}"));
        switch (happened)
        {
            case IkeUp:
                Session = session;
                break;
            case ChildUp up:
                Live.Add(up.Keys.InboundSpi, up.Keys);
                Ever.Add(up.Keys.InboundSpi);
                if (!Allotted.Remove(up.Keys.InboundSpi))
                {
                    throw new InvalidOperationException($"{Name} was given SPI {up.Keys.InboundSpi} that it did not allot");
                }

                break;
            case ChildUse use:
                Used.Add(use.InboundSpi);
                break;
            case ChildDown down:
                Live.Remove(down.InboundSpi, out var gone);
                gone?.Dispose();
                if (down.Replaced)
                {
                    Old[down.InboundSpi] = now + OldInboundTime;
                }

                break;
            default:
                break;
        }
    }

    private static string Tell(IkeEvent happened) => happened switch
    {
        IkeUp up => $"up with {up.Peer}",
        ChildUp up => $"child up {up.Keys.InboundSpi:x} {up.Keys.OutboundSpi:x} for {up.Keys.Replaces:x}",
        ChildUse use => $"child used {use.InboundSpi:x}",
        ChildDown down => $"child down {down.InboundSpi:x} {(down.Replaced ? "replaced" : "")}",
        _ => happened.ToString(),
    };

    public void Dispose()
    {
        Endpoint.Dispose();
        Certificate?.Key.Dispose();
        Anchors?.Dispose();
    }

    public static IReadOnlyList<Proposal> Ike(params string[] texts) => [.. texts.Select(text => ProposalText.TryParseIke(text, out var proposal, out var error) ? proposal : throw new FormatException($"{text}: {error}"))];

    public static IReadOnlyList<Proposal> Esp(params string[] texts) => [.. texts.Select(text => ProposalText.TryParseEsp(text, out var proposal, out var error) ? proposal : throw new FormatException($"{text}: {error}"))];

    public static ImmutableArray<TrafficSelector> Selectors(params string[] prefixes) => [.. prefixes.Select(prefix => TrafficSelector.Of(IpPrefix.Parse(prefix)))];
}
