using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>Who is let in that has proven what it claims, and the one line of who is not.</summary>
public sealed class IkeJudgeTests : IDisposable
{
    private readonly IkeFleet _fleet = new();

    [Fact]
    public void Who_has_the_key_of_an_identity_is_that_identity()
    {
        var model = _fleet.Model();
        var verdict = IkeJudge.Judge(IkeFleet.Claim(model), model);
        var admitted = verdict.Grant.ShouldNotBeNull(verdict.Refusal).Tag.ShouldBeOfType<Admittance>();
        (admitted.Identity.Id, admitted.Uplink, admitted.Proof.SecretId, admitted.Proof.CertificateId, admitted.Proof.Ike)
            .ShouldBe((TestFleet.DeviceId, 1, IkeFleet.DevicePsk, 0, IkeProof.PreSharedKey));
    }

    [Fact]
    public void A_certificate_is_known_by_its_fingerprint_and_not_by_the_name_in_it()
    {
        var model = _fleet.Model();
        var claim = IkeFleet.Claim(model) with { Proof = IkeProof.Certificate, Secret = null, Certificate = _fleet.Member.Certificate.CertificateDer };
        IkeJudge.Judge(claim, model).Grant.ShouldNotBeNull().Tag.ShouldBeOfType<Admittance>().Proof.CertificateId.ShouldBe(TestFleet.DeviceId * 10);
        var copy = _fleet.Pki.IssueClient("pump-17");
        Refused(claim with { Certificate = copy.CertificateDer }, model, "is not a live one").Who.ShouldBeNull("it is nobody, whatever it says of itself");
    }

    [Fact]
    public void What_was_revoked_while_the_exchange_went_on_is_refused()
    {
        var claim = IkeFleet.Claim(_fleet.Model());
        _fleet.Device = _fleet.Device with { Credentials = [] };
        Refused(claim, _fleet.Model(), "the credential of pump-17.plant-a.sallyport has been revoked");
    }

    [Theory]
    [InlineData("locked", "device 'pump-17' is locked")]
    [InlineData("quarantined and locked", "device 'pump-17' is quarantined and locked")]
    [InlineData("pending", "device 'pump-17' is pending")]
    [InlineData("", "device 'pump-17' is not active (locked, quarantined, pending or retired)")]
    public void Who_is_not_active_is_named_with_why_and_may_ask_again(string why, string told)
    {
        _fleet.Device = _fleet.Device with { Active = false, WhyInactive = why };
        var model = _fleet.Model();
        var verdict = Refused(IkeFleet.Claim(model), model, told);
        (verdict.IsForNow, verdict.Refusal).ShouldBe((true, told));
        verdict.Who.ShouldBeOfType<Identity>().Id.ShouldBe(TestFleet.DeviceId);
    }

    [Fact]
    public void Who_comes_in_another_way_than_its_network_takes_is_named_and_may_come_again()
    {
        _fleet.Ipsec = _fleet.Ipsec with { Authentication = ["certificate"] };
        var model = _fleet.Model();
        var verdict = Refused(IkeFleet.Claim(model), model, "device 'pump-17': its network does not accept psk, but certificate");
        verdict.IsForNow.ShouldBeTrue("what a network takes is changed back, and a peer that is told gives up");
        verdict.Who.ShouldBeOfType<Identity>().Id.ShouldBe(TestFleet.DeviceId);
    }

    [Fact]
    public void A_post_quantum_key_is_asked_for_where_the_network_requires_it_and_must_be_ones_own()
    {
        _fleet.Ipsec = _fleet.Ipsec with { PpkRequired = true };
        var model = _fleet.Model();
        var claim = IkeFleet.Claim(model);
        Refused(claim, model, "needs a post-quantum pre-shared key (RFC 8784), and it has none");
        Refused(claim with { Ppk = new IkeSecret(IkeFleet.Entry(model, IkeFleet.SitePsk, TestFleet.SiteId), [1]) }, model, "the post-quantum key of another identity");
        var own = claim with { Ppk = new IkeSecret(IkeFleet.Entry(model, IkeFleet.DevicePsk, TestFleet.DeviceId), [1]) };
        IkeJudge.Judge(own, model).Grant.ShouldNotBeNull().Tag.ShouldBeOfType<Admittance>().Proof.PpkId.ShouldBe(IkeFleet.DevicePsk);
    }

    [Fact]
    public void Who_answers_a_call_is_who_was_called_on_the_way_that_was_called()
    {
        _fleet.Ipsec = _fleet.Ipsec with { PpkRequired = true };
        var model = _fleet.Model();
        var call = IkeFleet.Call(model, uplink: 2);
        var claim = IkeFleet.Claim(model) with { Peer = IkeIdentity.Fqdn(IkeFleet.SiteName), Secret = null, Target = call, Ppk = new IkeSecret(call, [1]) };
        var admitted = IkeJudge.Judge(claim, model).Grant.ShouldNotBeNull().Tag.ShouldBeOfType<Admittance>();
        (admitted.Identity.Id, admitted.Uplink, admitted.Proof.SecretId, admitted.Proof.PpkId).ShouldBe((TestFleet.SiteId, 2, IkeFleet.SitePsk, IkeFleet.SitePsk));

        // A certificate of our authority is not enough: it is that of another.
        Refused(claim with { Proof = IkeProof.Certificate, Certificate = _fleet.Member.Certificate.CertificateDer, Ppk = null }, model, "answers where another was called");
        _fleet.Site = _fleet.Site with { Credentials = [] };
        Refused(claim, _fleet.Model(), "has been revoked");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void An_uplink_that_there_cannot_be_is_refused(int uplink)
    {
        _fleet.Device = _fleet.Device with { Credentials = [IkeFleet.Psk(IkeFleet.DevicePsk, "pump-17.plant-a.sallyport", uplink)] };
        var model = _fleet.Model();
        Refused(IkeFleet.Claim(model), model, $"there is no uplink {uplink}");
    }

    [Fact]
    public void Nobody_of_a_network_without_IPsec_comes_in()
    {
        var before = _fleet.Model();
        var model = before with { Access = before.Access.SetItem(TestFleet.NetworkId, before.Access[TestFleet.NetworkId] with { Ipsec = null }) };
        Refused(IkeFleet.Claim(before), model, "nobody of its network comes by IPsec");
    }

    [Fact]
    public void A_ticket_stands_for_what_its_owner_had_as_long_as_that_lives()
    {
        var model = _fleet.Model();
        var before = IkeJudge.Judge(IkeFleet.Claim(model), model).Grant!;
        var claim = IkeFleet.Claim(model) with { Proof = IkeProof.Ticket, Secret = null, TicketData = before.TicketData };
        IkeJudge.Judge(claim, model).Grant.ShouldNotBeNull().Tag.ShouldBeOfType<Admittance>().Proof.SecretId.ShouldBe(IkeFleet.DevicePsk);
        Refused(claim with { TicketData = [.. before.TicketData, 0] }, model, "a ticket whose credential is gone");
        _fleet.Device = _fleet.Device with { Credentials = [_fleet.Member.Credential] };
        Refused(claim, _fleet.Model(), "a ticket whose credential is gone");
    }

    public void Dispose() => _fleet.Dispose();

    private static IkeVerdict Refused(IkeClaim claim, GatewayModel model, string part)
    {
        var verdict = IkeJudge.Judge(claim, model);
        verdict.Grant.ShouldBeNull();
        verdict.Refusal.ShouldContain(part);
        verdict.Refusal.ShouldNotContain("\n");
        return verdict;
    }
}
