using Sallyport.EndToEnd.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Stock;

/// <summary>
/// The distribution's libreswan, for its IKE, against its strongSwan. The CHILD SA is refused on purpose, for selectors that the other end
/// does not have: libreswan keeps the IKE SA then, and needs no ESP.
/// </summary>
public sealed class LibreswanBaselineTests : IDisposable
{
    private const string GatewayName = "gate.example";
    private const string Device = "pump-17.plant-a.example";
    private const string Key = "a key that only these two have, 32";
    private const string Own = "10.99.0.11";
    private const string NothingShared = "rightsubnet=172.31.0.0/24";
    private const string IkeOnly = "STATE_V2_ESTABLISHED_IKE_SA";
    private readonly Topology topology = new();
    private readonly StockPki pki = new();

    [LibreswanFact]
    public async Task It_proves_itself_by_a_pre_shared_key_rekeys_and_takes_leave()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await CharonProcess.Start(topology.Gateway, CharonConf.Write(
            CharonConf.Gateway(new CharonAuth("psk", GatewayName), new CharonAuth("psk"), [Topology.SiteSubnet]), new CharonSecret("ike", Key)));
        using var client = await LibreswanProcess.Start(
            a, LibreswanConf.Psk(Own, Device, Topology.GatewayV4, GatewayName, Key, NothingShared, "ike=aes_gcm256-sha2_256-dh19"));
        await client.Initiate();
        await client.WaitForLine("rejected Child SA with TS_UNACCEPTABLE");
        var first = await server.Sa();
        (first.Remote.Identity, first.Suite).ShouldBe((Device, "AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256"));
        client.States().ShouldBe([IkeOnly]);

        client.RekeyIke();
        await server.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != first.InitiatorSpi, "a new IKE SA");
        await Eventually.True(() => client.States() is [IkeOnly], "libreswan deletes the old one");
        client.Terminate();
        await server.UntilNone();
    }

    [LibreswanFact]
    public async Task It_proves_itself_by_a_certificate_as_initiator_and_as_responder()
    {
        var a = topology.Attach("device-a", 11);
        var own = pki.Gateway(Device);
        var back = new CharonConnection
        {
            Name = "back",
            Remote = Own,
            Local = CharonConf.OwnCertificateAs(GatewayName),
            Peer = new CharonAuth("pubkey"),
            Proposals = "aes256gcm16-prfsha256-ecp256",
            Children = [new CharonChild("back") { LocalSelectors = [Topology.SiteSubnet] }],
        };
        using var server = await CharonProcess.Start(topology.Gateway, CharonConf.Write(
            [CharonConf.Gateway(CharonConf.OwnCertificateAs(GatewayName), new CharonAuth("pubkey"), [Topology.SiteSubnet]), back],
            []).WithCredential(pki.Gateway(GatewayName), pki.AuthorityPem));
        using var client = await LibreswanProcess.Start(
            a, LibreswanConf.Certificate(Own, own, pki.AuthorityPem, Topology.GatewayV4, GatewayName, NothingShared));
        await client.Initiate();
        (await server.UntilIke(sa => sa.IsEstablished, "libreswan's certificate is taken")).Remote.Identity.ShouldBe($"CN={Device}");

        client.Terminate();
        await server.UntilNone();
        (await server.TryInitiate("back")).ShouldNotBeNull("there is no CHILD SA that both want");
        (await server.Sa()).IsInitiator.ShouldBeTrue();
    }

    [LibreswanFact]
    public async Task It_misbehaves_when_told_to()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await CharonProcess.Start(topology.Gateway, CharonConf.Write(
            CharonConf.Gateway(new CharonAuth("psk", GatewayName), new CharonAuth("psk"), [Topology.SiteSubnet]), new CharonSecret("ike", Key)));
        using var client = await LibreswanProcess.Start(a, LibreswanConf.Psk(Own, Device, Topology.GatewayV4, GatewayName, Key, NothingShared));
        client.Impair("ke-payload:0");
        client.Whack("--initiate", "--asynchronous", "--name", CharonConf.Connection);
        await client.WaitForLine("IMPAIR: sending bogus KE");
        await server.WaitForLine("shared secret computation failed");
        (await server.Sas()).ShouldAllBe(sa => !sa.IsEstablished);
    }

    public void Dispose()
    {
        pki.Dispose();
        topology.Dispose();
    }
}
