using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Tunnels;

public sealed class TunnelValidityTests : IDisposable
{
    private const int CertificateId = TestFleet.DeviceId * 10;
    private const int PasswordId = 77;

    private readonly TestFleet _fleet = new();

    [Theory]
    [InlineData(CertificateId, PasswordId, TlsVersion.Tls12, "")]
    [InlineData(CertificateId, 0, TlsVersion.Tls12, "")]
    [InlineData(CertificateId + 1, PasswordId, TlsVersion.Tls12, "revoked")]
    [InlineData(CertificateId, PasswordId + 1, TlsVersion.Tls12, "revoked")]
    public void Every_credential_that_a_peer_came_with_must_live(int certificate, int password, TlsVersion tls, string end) =>
        Judge(Proof(certificate, password, tls), "certificate", "1.2").Text().ShouldBe(end);

    [Theory]
    [InlineData(CertificateId, 0, TlsVersion.Tls13, "certificate", "1.3", (int)TunnelEnd.None)]
    [InlineData(CertificateId, 0, TlsVersion.Tls12, "certificate", "1.3", (int)TunnelEnd.ConfigurationChanged)]
    [InlineData(CertificateId, 0, TlsVersion.Tls13, "certificate+password", "1.2", (int)TunnelEnd.ConfigurationChanged)]
    [InlineData(0, PasswordId, TlsVersion.Tls13, "certificate+password", "1.2", (int)TunnelEnd.ConfigurationChanged)]
    [InlineData(0, PasswordId, TlsVersion.Tls13, "password", "1.2", (int)TunnelEnd.None)]
    public void A_peer_stays_where_it_would_still_be_let_in(
        int certificate, int password, TlsVersion tls, string authentication, string minimumTls, int end) =>
        ((int)Judge(Proof(certificate, password, tls), authentication, minimumTls)).ShouldBe(end);

    public void Dispose() => _fleet.Dispose();

    private static TunnelProof Proof(int certificate, int password, TlsVersion tls) =>
        new() { CertificateId = certificate, PasswordId = password, Wrapping = WrappingKind.TlsCryptV2, Tls = tls };

    private TunnelEnd Judge(TunnelProof proof, string authentication, string minimumTls)
    {
        _fleet.Network = _fleet.Network with { Authentication = authentication, MinimumTls = minimumTls };
        var password = new CredentialModel { Id = PasswordId, Kind = "password", Username = "pump" };
        var device = _fleet.DeviceModel with { Credentials = [_fleet.Device.Credential, password] };
        var model = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model() with { Identities = [device] }), TestFleet.Now);
        var tunnel = new Tunnel { IsLive = true, IdentityId = TestFleet.DeviceId, AddressV4 = TestFleet.DeviceAddress, Proof = proof };
        return TunnelValidity.Judge(tunnel, model);
    }
}
