using System.Text;
using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>The fleet of the other tests, whose network takes IPsec, with what its members come with by IKE.</summary>
internal sealed class IkeFleet : IDisposable
{
    public const int DevicePsk = 201;
    public const int SitePsk = 101;
    public const int SecondPsk = 102;
    public const string SiteName = "hq.plant-a.sallyport";
    public const string Remote = "203.0.113.5";

    public static readonly IkePath Path = new(
        new OuterAddress(IpAddress.Parse("198.51.100.1"), IkePath.Port), new OuterAddress(IpAddress.Parse(Remote), IkePath.Port), IsNatPort: false);

    private readonly TestFleet _fleet = new();
    private long _version;

    public IpsecModel Ipsec { get; set; } = new() { Ike = ["aes256gcm16-prfsha384-ecp384"], Esp = ["aes256gcm16-ecp384-none-noesn"], Authentication = ["certificate", "psk"] };

    public IdentityModel Device { get; set; }

    public IdentityModel Site { get; set; }

    public NetworkModel Network { get; set; }

    /// <summary>Seals tickets; empty: none are given.</summary>
    public byte[] TicketKey { get; set; } = new byte[32];

    public IkeFleet()
    {
        Network = _fleet.Network;
        Device = _fleet.DeviceModel with { Credentials = [_fleet.Device.Credential, Psk(DevicePsk, "pump-17.plant-a.sallyport")] };
        Site = _fleet.SiteModel with { Credentials = [_fleet.Site.Credential, Psk(SitePsk, SiteName)], Ipsec = new IpsecPeerModel { Remotes = [Remote] } };
    }

    public TestPki Pki => _fleet.Pki;

    public TestMember Member => _fleet.Device;

    public static CredentialModel Psk(int id, string peerId, int uplink = 1) =>
        new() { Id = id, Kind = "psk", PeerId = peerId, Secret = Encoding.ASCII.GetBytes($"the key number {id} of them all"), Uplink = uplink };

    public GatewayModel Model()
    {
        var model = _fleet.Model();
        return ModelMapper.FromSnapshot(
            new Snapshot(++_version, model with
            {
                Settings = model.Settings with { IkeIdentity = "gateway.example", IkeTicketKey = TicketKey },
                Networks = [Network with { Ipsec = Ipsec }],
                Identities = [Site, Device],
            }),
            TestFleet.Now);
    }

    /// <summary>Of the device, by its pre-shared key.</summary>
    public static IkeClaim Claim(GatewayModel model, int credential = DevicePsk, int identity = TestFleet.DeviceId) => new()
    {
        Peer = IkeIdentity.Fqdn("pump-17.plant-a.sallyport"),
        Proof = IkeProof.PreSharedKey,
        Secret = Entry(model, credential, identity),
        Suite = new IkeSuite(EncryptionId.AesGcm16, 256, HashKind.Sha384, HashKind.Sha384, KeyExchangeMethod.Ecp384, []),
        Path = Path,
    };

    public static CredentialEntry Entry(GatewayModel model, int credential, int identity) => model.Credentials[identity].Single(entry => entry.Id == credential);

    public static SiteCall Call(GatewayModel model, int credential = SitePsk, int uplink = 1) => new(TestFleet.SiteId, uplink, Remote, Entry(model, credential, TestFleet.SiteId));

    public void Dispose() => _fleet.Dispose();
}
