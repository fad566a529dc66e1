using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>
/// A site that the gateway calls has two certificates (--keep-old). Its router proves itself by the older one, and gives a ticket; the older one is revoked, which ends the
/// session. What answers to the ticket has proven nothing that is still good.
/// </summary>
public sealed class RevokedTicketTests
{
    private const int Old = 501;
    private const int New = 502;

    [Fact]
    public async Task A_ticket_of_a_session_whose_certificate_has_been_revoked_is_of_no_use()
    {
        using var fleet = new IkeFleet { Ipsec = new IpsecModel { Ike = ["aes256gcm16-prfsha384-ecp384"], Esp = ["aes256gcm16-ecp384"], Authentication = ["certificate"] } };
        using var caller = new SiteCaller(
            new IkeRoads([new BoundSocket(SocketKind.Ike, new OuterAddress(IpAddress.Parse("0.0.0.0"), 500))]), new TestEntropy(7), () => { });
        var now = TestFleet.Now;
        fleet.Site = fleet.Site with { Credentials = [Certificate(Old, 'a'), Certificate(New, 'b')], Ipsec = new IpsecPeerModel { Remotes = ["127.0.0.9"] } };
        caller.UseModel(fleet.Model(), now);
        now = caller.NextDeadline;
        var first = await Due(caller, now);
        first.Site.Credential.Id.ShouldBe(New, "what we call with is the newest");

        // It came up: the router proved itself by the old certificate, which is live, and gave a ticket.
        ProposalText.TryParseIke("aes256gcm16-prfsha384-ecp384", out var agreed, out _).ShouldBeTrue();
        caller.Keep(first.Site, new ResumptionTicket([1, 2, 3], new byte[32], agreed!, IkeIdentity.Fqdn("hq.plant-a.sallyport"), now + TimeSpan.FromHours(1)));

        // The old one is revoked.
        fleet.Site = fleet.Site with { Credentials = [Certificate(New, 'b')] };
        var after = fleet.Model();
        caller.UseModel(after, now);
        caller.Failed(first.Site, now);
        var second = await Due(caller, now + TimeSpan.FromMinutes(2));
        var used = SiteTargets.For(SiteTargets.For(second.Site, after, second.Path)!, second).Ticket;

        // What IkeAuth.Finish asks when the answerer has the ticket's key and nothing else.
        var verdict = IkeJudge.Judge(
            new IkeClaim
            {
                Peer = IkeIdentity.Fqdn("hq.plant-a.sallyport"),
                Proof = IkeProof.Ticket,
                Suite = new IkeSuite(EncryptionId.AesGcm16, 256, HashKind.Sha384, HashKind.Sha384, KeyExchangeMethod.Ecp384, []),
                Path = second.Path,
                Target = second.Site,
            },
            after);
        second.Site.ShouldBe(first.Site);
        used.ShouldBeNull();
        verdict.Grant.ShouldBeNull();
        verdict.Refusal.ShouldContain("answered to a ticket where a certificate was asked for");
    }

    private static async Task<DueCall> Due(SiteCaller caller, Instant now)
    {
        for (var i = 0; i < 100; i++)
        {
            if (caller.TryTakeDue(now, out var due))
            {
                return due;
            }

            await Task.Delay(20);
        }

        throw new InvalidOperationException("nobody is called");
    }

    private static CredentialModel Certificate(int id, char digit) => new() { Id = id, Kind = "certificate", Fingerprint = new string(digit, 64), Uplink = 1 };
}
