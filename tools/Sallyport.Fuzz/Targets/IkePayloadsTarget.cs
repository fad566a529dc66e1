using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>All payloads of IKE behind each other, as they are in a message that was opened. Input: <c>type of the first 1 | payloads</c>.</summary>
internal sealed class IkePayloadsTarget : FuzzTarget
{
    /// <summary>The most that 4,096 bytes can be made to hold: 128 selectors, 96 transforms of each of 32 proposals, 48 notifications.</summary>
    private const int AllocationMax = 160 * 1024;

    public override string Name => "ike-payloads";

    public override int InputMax => IkeLimits.MessageMax + 100;

    public override IReadOnlyList<byte[]> Words =>
        [[0x80, 0x0e, 1, 0], [0, 0, 0, 8], [41, 0, 0, 8], [33, 0], [34, 0], [39, 0, 0, 8], [42, 0], [44, 0], [47, 0], [48, 0], [0, 0, 0, 12], [3, 4, 0x40, 9], [7, 0, 0, 16], [8, 0, 0, 40]];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("first", Seed(IkeSeeds.First));
        yield return ("auth", Seed(IkeSeeds.Auth));
        yield return ("auth-answer", Seed(IkeSeeds.AuthAnswer));
        yield return ("create-child", Seed(IkeSeeds.CreateChild));
        yield return ("rekey-ike", Seed(IkeSeeds.RekeyIke));
        yield return ("delete", Seed(IkeSeeds.Delete));
        yield return ("move", Seed(IkeSeeds.Move));
        yield return ("eap", Seed((ref PayloadWriter to) => to.Eap([1, 1, 0, 5, 1])));
        yield return ("unknown", [200, 0, 0x80, 0, 8, 1, 2, 3, 4]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var meter = Probe.StartMeter();
        var fault = IkePayloads.Read((PayloadType)input[0], input[1..], out var payloads);
        probe.AllocatedAtMost(meter, AllocationMax + (8 * input.Length), "reading the payloads of a message");
        probe.Reach((long)fault);
        if (fault != PayloadFault.None)
        {
            return;
        }

        probe.Size(payloads.Notifications.Count);
        probe.Size(payloads.Deletions.Sum(deletion => deletion.Spis.Length));
        probe.Reach((payloads.HasSa ? 1 : 0) | (payloads.Ke is null ? 0 : 2) | (payloads.HasNonce ? 4 : 0) | (payloads.HasTs ? 8 : 0) | (payloads.Auth is null ? 0 : 16) | (payloads.Cp is null ? 0 : 32));
        CheckProposals(payloads, probe);
        CheckSelectors(payloads.TsInitiator, probe);
        CheckIdentity(payloads.IdInitiator, probe);
        CheckIdentity(payloads.IdResponder, probe);
        CheckConfiguration(payloads.Cp, probe);
        foreach (var notification in payloads.Notifications)
        {
            probe.Reach((long)notification.Type);
            if (IkeSaInit.TryReadRedirect(notification.Data.AsSpan(), default, out var gateway))
            {
                probe.That(PrintableText.IsPrintable(gateway) && gateway.Length is > 0 and <= 255, "a gateway that we are sent to can be shown");
            }
        }
    }

    internal static byte[] Seed(WriteIkePayloads payloads)
    {
        var (first, bytes) = IkeSeeds.Payloads(payloads);
        return [(byte)first, .. bytes];
    }

    private static void CheckProposals(IkePayloads payloads, Probe probe)
    {
        if (!payloads.HasSa)
        {
            return;
        }

        // Those of ours: others are not written.
        List<Proposal> ours = [.. payloads.Sa.Where(proposal => proposal.Protocol == IpsecProtocol.Ike || (proposal.Protocol == IpsecProtocol.Esp && proposal.Spi != 0))];
        var room = new byte[IkeLimits.ProposalsMax * (16 + (IkeLimits.TransformsMax * 12))];
        var writer = new ByteWriter(room);
        SaPayload.Write(ref writer, ours);
        probe.That(ours.Count == 0 || (SaPayload.TryRead(writer.Written, out var again) && again.Length == ours.Count), "proposals survive being written");
        foreach (var (taken, brought) in new[] { (IkeSeeds.Ike, KeyExchangeMethod.X25519), (IkeSeeds.Esp, KeyExchangeMethod.None) })
        {
            var isMet = ProposalChoice.TryChoose(payloads.Sa, taken, brought, out var chosen);
            probe.Reach(isMet ? 1 : 0);
            probe.That(PrintableText.IsPrintable(ProposalChoice.Explain(payloads.Sa, taken)), "what differs can be shown");
            if (isMet)
            {
                probe.That(ProposalChoice.IsFrom(chosen!, payloads.Sa), "what is chosen was offered");
                probe.That(chosen!.Transforms.Select(transform => transform.Type).Distinct().Count() == chosen.Transforms.Length, "of each kind one is chosen");
                _ = chosen.Protocol == IpsecProtocol.Esp ? (object)IkeSuite.EspOf(chosen) : IkeSuite.Of(chosen);
            }
        }
    }

    private static void CheckSelectors(System.Collections.Immutable.ImmutableArray<TrafficSelector> selectors, Probe probe)
    {
        if (selectors.IsDefaultOrEmpty)
        {
            return;
        }

        probe.Size(selectors.Length);
        var granted = IkeSeeds.Selectors;
        var narrowed = Narrowing.Narrow(selectors, granted, 16, out var isCut);
        probe.Reach(isCut ? 1 : 0);
        probe.That(narrowed.All(found => granted.Any(own => own.Contains(found)) && selectors.Any(wish => wish.Contains(found))), "nothing is granted that was not asked for and may not be had");
        probe.That(PrintableText.IsPrintable(Narrowing.Text(selectors)), "selectors can be shown");
        probe.Reach(Narrowing.IsOneHost(selectors) ? 1 : 0);
    }

    private static void CheckIdentity(IkeIdentity? identity, Probe probe)
    {
        if (identity is null)
        {
            return;
        }

        probe.Reach((long)identity.Type);
        probe.That(PrintableText.IsPrintable(identity.ToString()) && identity.ToString().Length <= 130, "an identity can be shown");
        var body = new byte[identity.BodyLength];
        probe.That(IkeIdentity.TryRead(body.AsSpan(0, identity.Write(body)), out var again) && again.Equals(identity) && again.GetHashCode() == identity.GetHashCode(), "an identity survives being written");
    }

    private static void CheckConfiguration(CpPayload? payload, Probe probe)
    {
        foreach (var attribute in payload?.Attributes ?? [])
        {
            probe.Reach((long)attribute.Type);
            probe.Reach(attribute.TryAddress(out var address) ? address.IsV4 ? 1 : 2 : 0);
        }
    }
}
