using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>A CHILD_SA that both ends agree on, before it has keys.</summary>
internal sealed record ChildAgreement
{
    public required Proposal Chosen { get; init; }

    public required ImmutableArray<TrafficSelector> Local { get; init; }

    public required ImmutableArray<TrafficSelector> Remote { get; init; }

    /// <summary>What the peer is answered where that is not the same: in transport mode, as it calls the two ends.</summary>
    public ImmutableArray<TrafficSelector>? SaidLocal { get; init; }

    public ImmutableArray<TrafficSelector>? SaidRemote { get; init; }

    public required bool IsTransport { get; init; }

    /// <summary>The peer may ask for what was left out (ADDITIONAL_TS_POSSIBLE).</summary>
    public bool IsCut { get; init; }
}

/// <summary>Why there is no CHILD_SA: what the peer is told, and what an operator is.</summary>
internal readonly record struct ChildRefusal(NotifyType Notify, KeyExchangeMethod Wanted, string Detail);

/// <summary>The CHILD_SAs of a session.</summary>
internal sealed class ChildSas(IkeSession session)
{
    /// <summary>A SA outlives the time at which it shall be replaced by this part of its life.</summary>
    private const double Grace = 0.1;

    /// <summary>Until the end of one is asked for again: there may have been no place for the request, and what was deleted is not here any more.</summary>
    private static readonly TimeSpan DeleteAgainAfter = TimeSpan.FromSeconds(30);

    private readonly List<ChildSa> _all = [];

    public int Count => _all.Count;

    public IReadOnlyList<ChildSa> All => _all;

    public Instant NextDeadline
    {
        get
        {
            var next = Instant.Never;
            foreach (var child in _all)
            {
                next = Instant.Min(next, Instant.Min(child.RekeyAt, child.ExpiresAt));
            }

            return next;
        }
    }

    public ChildSa? Find(uint inboundSpi) => _all.Find(child => child.InboundSpi == inboundSpi);

    /// <summary>By the SPI that the peer receives with: that is what it calls a SA by.</summary>
    public ChildSa? FindOutbound(uint outboundSpi) => _all.Find(child => child.OutboundSpi == outboundSpi);

    public bool AnyIn(ChildState state) => _all.Exists(child => child.State == state);

    public void HandleTimeout(Instant now)
    {
        for (var i = _all.Count - 1; i >= 0; i--)
        {
            var child = _all[i];
            if (child.ExpiresAt <= now)
            {
                child.ExpiresAt = now + DeleteAgainAfter;
                child.RekeyAt = Instant.Never;
                session.DeleteChild(child.InboundSpi, now);
            }
            else if (child.RekeyAt <= now)
            {
                child.RekeyAt = Instant.Never;
                session.RekeyChild(child.InboundSpi, now);
            }
        }
    }

    /// <summary>As responder: what is taken of a request. False with why.</summary>
    /// <param name="brought">The method of the KE payload; None without.</param>
    /// <param name="isRekey">It takes the place of another: for a moment there are two.</param>
    /// <param name="withKeys">False in IKE_AUTH, where the keys come of the IKE SA's own exchange, whatever the proposals say.</param>
    public bool TryAgree(
        ChildRequest request, KeyExchangeMethod brought, bool withKeys, bool isRekey, [NotNullWhen(true)] out ChildAgreement? agreement, out ChildRefusal refusal)
    {
        agreement = null;
        refusal = default;
        var grant = session.Grant!;
        if (_all.Count + session.Followups.Answered >= (isRekey ? 2 : 1) * IkeLimits.ChildrenMax)
        {
            refusal = new ChildRefusal(NotifyType.NoAdditionalSas, default, $"it has {IkeLimits.ChildrenMax} CHILD_SAs");
            return false;
        }

        var offered = withKeys ? [.. request.Offered] : WithoutKeys(request.Offered);
        var taken = withKeys ? session.EspProposals : WithoutKeys(session.EspProposals);
        if (!ProposalChoice.TryChoose(offered, taken, brought, out var chosen))
        {
            refusal = new ChildRefusal(NotifyType.NoProposalChosen, default, "no ESP proposal matches: " + ProposalChoice.Explain(offered, taken));
            return false;
        }

        var group = (KeyExchangeMethod)chosen.Of(TransformType.KeyExchange).FirstOrDefault().Id;
        if (group != KeyExchangeMethod.None && group != brought)
        {
            refusal = new ChildRefusal(NotifyType.InvalidKePayload, group, "");
            return false;
        }

        if (request.WantsTransport && grant.MayTransport && Math.Max(request.TsInitiator.Length, request.TsResponder.Length) <= IkeLimits.SelectorsAnsweredMax
            && Narrowing.IsOneHost(request.TsInitiator) && Narrowing.IsOneHost(request.TsResponder))
        {
            // Whatever addresses the two ends believe that they have, packets have those of their path (RFC 7296 section 2.23.1).
            agreement = new ChildAgreement
            {
                Chosen = chosen,
                Local = Narrowing.At(request.TsResponder, session.Path.Local.Ip),
                Remote = Narrowing.At(request.TsInitiator, session.Path.Peer.Ip),
                SaidLocal = request.TsResponder,
                SaidRemote = request.TsInitiator,
                IsTransport = true,
            };
            return true;
        }

        var most = grant.SinglePairs ? 1 : IkeLimits.SelectorsAnsweredMax;
        var remote = Narrowing.Narrow(request.TsInitiator, grant.Remote, most, out var remoteCut);
        var local = Narrowing.Narrow(request.TsResponder, grant.Local, most, out var localCut);
        if (remote.IsEmpty || local.IsEmpty)
        {
            refusal = new ChildRefusal(
                NotifyType.TsUnacceptable,
                default,
                $"selectors do not meet: the peer wants {Narrowing.Text(request.TsInitiator)} to reach {Narrowing.Text(request.TsResponder)}; "
                + $"it may have {Narrowing.Text(grant.Remote)} to {Narrowing.Text(grant.Local)}");
            return false;
        }

        agreement = new ChildAgreement { Chosen = chosen, Local = local, Remote = remote, IsTransport = false, IsCut = remoteCut || localCut };
        return true;
    }

    /// <summary>Makes the keys, tells the owner, and remembers the pair.</summary>
    /// <param name="nonces">Of the exchange, its initiator's first.</param>
    /// <param name="secrets">Of key exchanges of its own; null without any.</param>
    /// <param name="weBegan">The exchange was ours.</param>
    public ChildSa Create(
        ChildAgreement agreement, IkeKeys keys, in IkeNonces nonces, KeyChain? secrets, uint inboundSpi, uint outboundSpi, bool weBegan, uint replaces, Instant now)
    {
        var suite = IkeSuite.EspOf(agreement.Chosen);
        using var more = secrets?.More();
        using var keymat = keys.ForChild(nonces, secrets is null ? default : secrets.First, more is null ? default : more.Bytes, 2 * suite.KeyLength);
        var ofInitiator = keymat.Bytes[..suite.KeyLength];
        var ofResponder = keymat.Bytes[suite.KeyLength..];
        var lifetimes = session.Lifetimes;
        var child = new ChildSa
        {
            InboundSpi = inboundSpi,
            OutboundSpi = outboundSpi,
            Suite = suite,
            Agreed = agreement.Chosen with { Spi = 0, Number = 0 },
            Local = agreement.Local,
            Remote = agreement.Remote,
            IsTransport = agreement.IsTransport,
            Replaces = replaces,
        };
        if (lifetimes.ChildRekey > TimeSpan.Zero)
        {
            child.RekeyAt = now + session.Early(lifetimes.ChildRekey);
            child.ExpiresAt = now + (lifetimes.ChildRekey * (1 + Grace));
        }

        _all.Add(child);
        session.Raise(new ChildUp(new ChildKeys
        {
            InboundSpi = inboundSpi,
            OutboundSpi = outboundSpi,
            Suite = suite,
            Inbound = new SecretBytes(weBegan ? ofResponder : ofInitiator),
            Outbound = new SecretBytes(weBegan ? ofInitiator : ofResponder),
            Local = agreement.Local,
            Remote = agreement.Remote,
            IsTransport = agreement.IsTransport,
            Replaces = replaces,
            Lifetimes = lifetimes,
        }));
        return child;
    }

    /// <summary>The peer is known to have the keys.</summary>
    public void Use(ChildSa child)
    {
        if (!child.IsUsed)
        {
            child.IsUsed = true;
            session.Raise(new ChildUse(child.InboundSpi));
        }
    }

    /// <summary>The pair is gone, at our word or the peer's. One that took its place is used from now on.</summary>
    public void Remove(ChildSa child)
    {
        if (!_all.Remove(child))
        {
            return;
        }

        // What was to take its place, and is not made yet, is not wanted any more.
        session.Followups.Drop(session.Followups.Of(child));

        var next = _all.Find(other => other.Replaces == child.InboundSpi);
        if (next is not null)
        {
            Use(next);
        }

        session.Raise(new ChildDown(child.InboundSpi, Replaced: next is not null || child.State is ChildState.Replaced or ChildState.Deleting));
    }

    public void EndAll()
    {
        foreach (var child in _all)
        {
            session.Raise(new ChildDown(child.InboundSpi, Replaced: false));
        }

        _all.Clear();
    }

    /// <summary>In IKE_AUTH the algorithms for later keys have no part in the choice.</summary>
    public static IReadOnlyList<Proposal> WithoutKeys(IEnumerable<Proposal> proposals) =>
    [
        .. proposals.Select(proposal => proposal with
        {
            Transforms = [.. proposal.Transforms.Where(transform => transform.Type is not TransformType.KeyExchange and < TransformType.AdditionalKeyExchange1)],
        }),
    ];
}
