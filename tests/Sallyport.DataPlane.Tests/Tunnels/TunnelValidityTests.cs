using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;
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

    [Theory]
    [InlineData(77, 0, IkeProof.PreSharedKey, "psk", false, "")]
    [InlineData(78, 0, IkeProof.PreSharedKey, "psk", false, "revoked")]
    [InlineData(77, 0, IkeProof.PreSharedKey, "certificate", false, "its network asks for something else now")]
    [InlineData(77, 0, IkeProof.PreSharedKey, "psk", true, "its network asks for something else now")]
    [InlineData(77, 77, IkeProof.PreSharedKey, "psk", true, "")]
    [InlineData(77, 78, IkeProof.PreSharedKey, "psk", false, "revoked")]
    [InlineData(77, 0, IkeProof.Ticket, "psk", false, "")]
    [InlineData(77, 0, IkeProof.Ticket, "psk", true, "its network asks for something else now")]
    public void Who_came_by_IPsec_stays_while_what_it_came_with_lives_and_is_enough(int secret, int ppk, IkeProof ike, string authentication, bool needsPpk, string end)
    {
        _fleet.Network = _fleet.Network with { Ipsec = new IpsecModel { Ike = [], Esp = [], Authentication = [authentication], PpkRequired = needsPpk } };
        var judged = Judge(new TunnelProof { SecretId = secret, PpkId = ppk, Ike = ike }, "certificate", "1.2");
        judged.ShouldBe(end switch { "" => TunnelEnd.None, "revoked" => TunnelEnd.Revoked, _ => TunnelEnd.ConfigurationChanged });
    }

    [Fact]
    public void Nobody_stays_by_IPsec_where_the_network_has_none_any_more() =>
        Judge(new TunnelProof { SecretId = PasswordId, Ike = IkeProof.PreSharedKey }, "certificate", "1.2").ShouldBe(TunnelEnd.ConfigurationChanged);

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
