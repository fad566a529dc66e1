using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Proposals;

/// <summary>
/// Which of a peer's proposals is taken (RFC 7296 section 2.7): the first of ours that any of the peer's meets, and of each kind of algorithm the
/// first of ours that it has. And, where none is, in one line what was between.
/// </summary>
public static class ProposalChoice
{
    private const int TextMax = 700;
    private const uint ReservedMax = 255;

    /// <param name="offered">The peer's.</param>
    /// <param name="taken">Ours, in order of preference.</param>
    /// <param name="brought">The method for which the peer has brought a value: it is taken rather than a better one, which would cost a round trip. None for none.</param>
    /// <param name="chosen">With one transform of each kind, and the peer's number and SPI.</param>
    public static bool TryChoose(
        IReadOnlyList<Proposal> offered, IReadOnlyList<Proposal> taken, KeyExchangeMethod brought, [NotNullWhen(true)] out Proposal? chosen)
    {
        foreach (var own in taken)
        {
            foreach (var theirs in offered)
            {
                if (own.Protocol == theirs.Protocol && HasSpi(theirs) && TryMatch(theirs, own, brought, out var transforms, out _))
                {
                    chosen = theirs with { Transforms = transforms };
                    return true;
                }
            }
        }

        chosen = null;
        return false;
    }

    /// <summary>Whether what a responder chose is one of what we offered: nothing else, and of each kind one.</summary>
    public static bool IsFrom(Proposal chosen, IReadOnlyList<Proposal> offered)
    {
        foreach (var own in offered)
        {
            if (own.Number == chosen.Number && own.Protocol == chosen.Protocol && HasSpi(chosen)
                && chosen.Transforms.All(transform => own.Contains(transform) || IsNothing(transform))
                && own.Transforms.Select(transform => transform.Type).Distinct().All(type =>
                    chosen.Of(type).Count() == 1 || (!chosen.Has(type) && own.Of(type).Any(IsNothing)))
                && chosen.Transforms.Select(transform => transform.Type).Distinct().Count() == chosen.Transforms.Length
                && IsChain(chosen.Transforms))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Additional key exchanges follow a first one, and none of them comes twice (RFC 9370 section 2.2.1).</summary>
    private static bool IsChain(IReadOnlyCollection<Transform> transforms)
    {
        var additional = transforms.Where(transform => IsAdditional(transform.Type) && !IsNothing(transform)).ToList();
        return additional.Select(transform => transform.Id).Distinct().Count() == additional.Count
            && (additional.Count == 0 || transforms.Any(transform => transform.Type == TransformType.KeyExchange && !IsNothing(transform)));
    }

    /// <summary>"peer offered [...]; accepted here [...]; closest: group (peer modp1024; here x25519, ecp256)".</summary>
    public static string Explain(IReadOnlyList<Proposal> offered, IReadOnlyList<Proposal> taken)
    {
        if (offered.Count == 0 || taken.Count == 0)
        {
            return offered.Count == 0 ? "the peer offered nothing" : "nothing is accepted here";
        }

        var fewest = int.MaxValue;
        var closest = "";
        foreach (var own in taken)
        {
            foreach (var theirs in offered)
            {
                if (own.Protocol == theirs.Protocol && !TryMatch(theirs, own, KeyExchangeMethod.None, out _, out var missing) && missing.Count < fewest)
                {
                    fewest = missing.Count;
                    closest = string.Join(", ", missing.Select(type => Difference(type, theirs, own)));
                }
            }
        }

        var text = $"peer offered {List(offered)}; accepted here {List(taken)}";
        return fewest == int.MaxValue ? text + "; none of them is for the same protocol" : $"{text}; what differs: {closest}";
    }

    public static string List(IReadOnlyList<Proposal> proposals)
    {
        var text = string.Join(", ", proposals);
        return $"[{(text.Length <= TextMax ? text : text[..TextMax] + "…")}]";
    }

    /// <summary>Every kind that either has must be met by both; "none" is met by its absence.</summary>
    private static bool TryMatch(
        Proposal theirs, Proposal own, KeyExchangeMethod brought, out ImmutableArray<Transform> transforms, out List<TransformType> missing)
    {
        var found = ImmutableArray.CreateBuilder<Transform>();
        missing = [];
        var isAead = false;
        List<TransformType> additional = [];
        foreach (var type in own.Transforms.Concat(theirs.Transforms).Select(transform => transform.Type).Distinct().Order())
        {
            if (IsAdditional(type) && Candidates(type, theirs, own).Any())
            {
                additional.Add(type);
                continue;
            }

            if (type == TransformType.Integrity && isAead)
            {
                // Beside an AEAD cipher a peer may say "none", or say nothing (RFC 5282 section 8).
                if (theirs.Has(type) && !theirs.Of(type).Any(IsNothing))
                {
                    missing.Add(type);
                }

                continue;
            }

            if (TryPick(type, theirs, own, brought, out var picked))
            {
                isAead |= picked.IsAead;
                if (!IsNothing(picked) || theirs.Contains(picked))
                {
                    found.Add(picked);
                }
            }
            else
            {
                missing.Add(type);
            }
        }

        var chain = new List<Transform>();
        if (!TryPickAll(CollectionsMarshal.AsSpan(additional), theirs, own, chain))
        {
            missing.Add(additional[^1]);
        }

        found.AddRange(chain.Where(transform => !IsNothing(transform) || theirs.Contains(transform)));
        if (!IsChain(found))
        {
            missing.Add(TransformType.KeyExchange);
        }

        transforms = found.ToImmutable();
        return missing.Count == 0;
    }

    private static bool TryPick(TransformType type, Proposal theirs, Proposal own, KeyExchangeMethod brought, out Transform picked)
    {
        picked = new Transform(type, 0);
        if (type == TransformType.KeyExchange && brought != KeyExchangeMethod.None)
        {
            var value = Transform.Of(brought);
            if (own.Contains(value) && theirs.Contains(value))
            {
                picked = value;
                return true;
            }
        }

        foreach (var transform in Candidates(type, theirs, own))
        {
            picked = transform;
            return true;
        }

        return false;
    }

    /// <summary>One of each kind, and of them none twice. Our own proposals have few: what a peer offers more does not make it longer.</summary>
    private static bool TryPickAll(ReadOnlySpan<TransformType> types, Proposal theirs, Proposal own, List<Transform> picked)
    {
        if (types.IsEmpty)
        {
            return true;
        }

        foreach (var transform in Candidates(types[0], theirs, own))
        {
            if (!IsNothing(transform) && picked.Exists(other => other.Id == transform.Id))
            {
                continue;
            }

            picked.Add(transform);
            if (TryPickAll(types[1..], theirs, own, picked))
            {
                return true;
            }

            picked.RemoveAt(picked.Count - 1);
        }

        return false;
    }

    /// <summary>What both have, in our order. A kind of which we have nothing is met where the peer can do without.</summary>
    private static IEnumerable<Transform> Candidates(TransformType type, Proposal theirs, Proposal own)
    {
        foreach (var transform in own.Of(type))
        {
            if (theirs.Contains(transform) || (IsNothing(transform) && !theirs.Has(type)))
            {
                yield return transform;
            }
        }

        if (!own.Has(type) && theirs.Of(type).Any(IsNothing))
        {
            yield return new Transform(type, 0);
        }
    }

    private static bool IsAdditional(TransformType type) => type is >= TransformType.AdditionalKeyExchange1 and <= TransformType.AdditionalKeyExchange7;

    /// <summary>No integrity, no key exchange, no 64-bit sequence numbers: what a proposal without that kind means.</summary>
    private static bool IsNothing(Transform transform) =>
        transform.Id == 0 && transform.Type is TransformType.Integrity or TransformType.KeyExchange or TransformType.ExtendedSequence 
            or (>= TransformType.AdditionalKeyExchange1 and <= TransformType.AdditionalKeyExchange7);

    /// <summary>The lowest ones mean something else, or nothing (RFC 4303 section 2.1). Of an IKE SA there is one in a rekey only.</summary>
    private static bool HasSpi(Proposal theirs) => theirs.Protocol == IpsecProtocol.Ike || theirs.Spi > ReservedMax;

    private static string Difference(TransformType type, Proposal theirs, Proposal own) =>
        $"{TransformNames.Kind(type)} (peer {Words(theirs, type)}; here {Words(own, type)})";

    private static string Words(Proposal proposal, TransformType type) =>
        proposal.Has(type) ? string.Join(' ', proposal.Of(type)) : "none";
}
