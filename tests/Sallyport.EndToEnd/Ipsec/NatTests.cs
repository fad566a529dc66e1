using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Routers that translate addresses between devices and the gateway.</summary>
public sealed class NatTests(IpsecFixture fleet) : IClassFixture<IpsecFixture>
{
    private const string Network = IpsecFixture.Network;

    [NatFact]
    public async Task Several_behind_one_NAT_have_a_tunnel_each_and_keep_it_when_the_NAT_moves()
    {
        var nat = fleet.Topology.AttachNat(200);
        using var mobile = await Behind(nat, "mobile", 1, profile => profile.With("dpd_delay", "1s"));
        using var rigid = await Behind(nat, "rigid", 2, profile => profile.WithLine("mobike = no"));
        using var third = await Behind(nat, "third", 3, profile => profile);
        var devices = new[] { mobile, rigid, third };
        foreach (var device in devices)
        {
            (await Dial.Udp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, device.Name);
            var tunnel = (await fleet.UntilTunnel(device.Name, Network, found => found is not null))!;
            tunnel.OuterAddress.ShouldStartWith(nat.OutsideAddress + ":");
            int.Parse(tunnel.OuterAddress.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture).ShouldBeGreaterThanOrEqualTo(20000);
            tunnel.Protocol.ShouldBe("ipsec/udp");
        }

        // It asks only while nothing comes, and follows its NAT only where it has asked before.
        await mobile.Charon.WaitForLine("parsed INFORMATIONAL response", IpsecDevice.Patience);
        await using var ofMobile = await TcpStream.Open(mobile.Where, Topology.Application, TestApplication.Port);
        await using var ofRigid = await TcpStream.Open(rigid.Where, Topology.Application, TestApplication.Port);
        await Task.WhenAll(ofMobile.Progress(20_000), ofRigid.Progress(20_000));

        // Once to another port of the same address, as a router does that forgets, and once to another address.
        foreach (var host in new[] { 200, 201 })
        {
            nat.MoveTo(host);
            await Task.WhenAll(ofMobile.Progress(20_000, IpsecDevice.Patience), ofRigid.Progress(20_000, IpsecDevice.Patience));
        }

        foreach (var device in new[] { mobile, rigid })
        {
            await fleet.UntilTunnel(device.Name, Network, found => found?.OuterAddress.StartsWith(nat.OutsideAddress + ":", StringComparison.Ordinal) is true, seconds: 20);
        }
    }

    private Task<IpsecDevice> Behind(NatBox nat, string name, int network, Func<CharonProfile, CharonProfile> shape) =>
        fleet.ComeUp(name, Network, shape: shape, where: fleet.Topology.AttachBehind(nat, name, network));
}
