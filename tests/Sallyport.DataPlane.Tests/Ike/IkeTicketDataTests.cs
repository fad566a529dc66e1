using Sallyport.Core.Ike.Session;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Ike;

public sealed class IkeTicketDataTests : IDisposable
{
    private readonly IkeFleet _fleet = new();

    [Fact]
    public void What_is_written_is_read_back()
    {
        var model = _fleet.Model();
        var proof = new TunnelProof { CertificateId = TestFleet.DeviceId * 10, SecretId = IkeFleet.DevicePsk, PpkId = IkeFleet.DevicePsk, Ike = IkeProof.EapTls };
        var before = new Admittance(model.Fleet.Identity(TestFleet.DeviceId)!, proof, 3, model.Fleet);
        IkeTicketData.Read(IkeTicketData.Write(before), model).ShouldBe(before);
    }

    [Fact]
    public void Each_credential_that_it_speaks_of_has_to_live_and_to_be_the_owners()
    {
        var model = _fleet.Model();
        var identity = model.Fleet.Identity(TestFleet.DeviceId)!;
        foreach (var proof in new[]
        {
            new TunnelProof { CertificateId = 999 }, new TunnelProof { SecretId = 999 }, new TunnelProof { SecretId = IkeFleet.DevicePsk, PpkId = 999 }, new TunnelProof { SecretId = IkeFleet.SitePsk },
        })
        {
            IkeTicketData.Read(IkeTicketData.Write(new Admittance(identity, proof, 1, model.Fleet)), model).ShouldBeNull(proof.ToString());
        }
    }

    [Fact]
    public void Nothing_else_is_one()
    {
        var model = _fleet.Model();
        var good = IkeTicketData.Write(new Admittance(model.Fleet.Identity(TestFleet.DeviceId)!, new TunnelProof { SecretId = IkeFleet.DevicePsk }, 1, model.Fleet));
        for (var length = 0; length < good.Length; length++)
        {
            IkeTicketData.Read(good.AsSpan(0, length), model).ShouldBeNull();
        }

        IkeTicketData.Read([.. good, 0], model).ShouldBeNull();
        IkeTicketData.Read(new byte[good.Length], model).ShouldBeNull("nobody has the number 0");
    }

    public void Dispose() => _fleet.Dispose();
}
