using Sallyport.Api.Nodes;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>What an operator is told of a peer that has proven who it is, and is not let in.</summary>
public sealed class IkeJudgeTests : IDisposable
{
    private const int KeyId = 77;
    private readonly TestFleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    [Theory]
    [InlineData("locked", "device 'pump-17' is locked")]
    [InlineData("quarantined and locked", "device 'pump-17' is quarantined and locked")]
    [InlineData("pending", "device 'pump-17' is pending")]
    [InlineData("", "device 'pump-17' is not active (locked, quarantined, pending or retired)")]
    public void Who_is_not_active_is_named_with_why_and_may_come_again(string why, string told)
    {
        var verdict = Judge(Model(device => device with { Active = false, WhyInactive = why }));
        (verdict.Grant, verdict.IsForNow, verdict.Refusal).ShouldBe((null, true, told));
        verdict.Who.ShouldBeOfType<Identity>().Id.ShouldBe(TestFleet.DeviceId);
    }

    [Fact]
    public void Who_comes_in_another_way_than_its_network_takes_is_named()
    {
        var verdict = Judge(Model(device => device, authentication: "certificate"));
        verdict.Refusal.ShouldBe("device 'pump-17': its network does not accept psk, but certificate");
        verdict.Who.ShouldBeOfType<Identity>().Id.ShouldBe(TestFleet.DeviceId);
    }

    [Fact]
    public void Who_has_nothing_that_proves_it_is_nobody_whatever_it_says_of_itself()
    {
        var model = Model(device => device);
        var verdict = IkeJudge.Judge(Claim(model) with { Secret = null, Certificate = [1, 2, 3], Proof = IkeProof.Certificate }, model);
        verdict.Refusal.ShouldBe("the certificate of pump-17.plant-a.sallyport is not a live one (revoked, replaced or from elsewhere)");
        verdict.Who.ShouldBeNull();
    }

    [Fact]
    public void Who_is_let_in_is_who_the_grant_says() =>
        Judge(Model(device => device)).Grant!.Tag.ShouldBeOfType<Admittance>().Identity.Id.ShouldBe(TestFleet.DeviceId);

    private static IkeVerdict Judge(GatewayModel model) => IkeJudge.Judge(Claim(model), model);

    private static IkeClaim Claim(GatewayModel model)
    {
        var name = IkeIdentity.Fqdn("pump-17.plant-a.sallyport");
        ProposalText.TryParseIke("aes256gcm16-prfsha256-ecp256", out var proposal, out var error).ShouldBeTrue(error);
        return new IkeClaim { Peer = name, Proof = IkeProof.PreSharedKey, Secret = model.Ike.Psks[name], Suite = IkeSuite.Of(proposal), Path = default };
    }

    private GatewayModel Model(Func<IdentityModel, IdentityModel> shape, string authentication = "psk")
    {
        var fleet = _fleet.Model();
        var ipsec = new IpsecModel { Ike = ["aes256gcm16-prfsha256-ecp256"], Esp = ["aes256gcm16"], Authentication = [authentication] };
        var key = new CredentialModel { Id = KeyId, Kind = "psk", PeerId = "pump-17.plant-a.sallyport", Secret = [1, 2, 3, 4] };
        var device = shape(_fleet.DeviceModel with { Credentials = [key] });
        return ModelMapper.FromSnapshot(
            new Snapshot(1, fleet with { Networks = [fleet.Networks[0] with { Ipsec = ipsec }], Identities = [_fleet.SiteModel, device] }), TestFleet.Now);
    }
}
