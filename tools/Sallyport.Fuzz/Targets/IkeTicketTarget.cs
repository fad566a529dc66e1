using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Tickets of resumption. Input: <c>kind 1 | bytes</c>; kind even: a ticket as a peer brings it, odd: what is in one, as if its seal had held.</summary>
internal sealed class IkeTicketTarget : FuzzTarget
{
    private static readonly byte[] Key = new Chance(21).Bytes(32);

    private static readonly TicketContent Content = new(
        IkeIdentity.Fqdn(IkeSeeds.DeviceName), IkeProof.Certificate, IkeSeeds.Ike[0] with { Number = 1 }, new Chance(22).Bytes(32), new Chance(23).Bytes(20), Keys.Start + TimeSpan.FromHours(1));

    public override string Name => "ike-ticket";

    public override int InputMax => 4096;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        using var office = new TicketOffice(Key, new Chance(24));
        yield return ("ticket", [0, .. office.Seal(Content)]);
        yield return ("content", [1, .. TicketOffice.Write(Content)]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        if (input[0] % 2 == 0)
        {
            using var office = new TicketOffice(Key, new Chance(24));
            var isOurs = office.TryOpen(input[1..], Keys.Start, out var opened);
            probe.Reach(isOurs ? 1 : 0);
            probe.That(!isOurs || input[1..].SequenceEqual(office.Seal(Content)) || opened!.Peer.Equals(Content.Peer), "nobody but us makes a ticket");
            return;
        }

        if (TicketOffice.TryRead(input[1..], out var content))
        {
            probe.Reach((long)content.Proof);
            probe.Size(content.OwnerData.Length);
            probe.That(TicketOffice.TryRead(TicketOffice.Write(content), out var again) && again.Peer.Equals(content.Peer) && again.Derivation.AsSpan().SequenceEqual(content.Derivation), "a ticket survives being written");
        }
    }
}
