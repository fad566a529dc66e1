using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Simulation.OpenVpn;
using Sallyport.Simulation.Wire;
using Ends = Sallyport.Core.Ike.Session.IkeEnd;

namespace Sallyport.Simulation.Ike;

public class IkeEapTests
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(IkeProof.EapTls, 1)]
    [InlineData(IkeProof.EapTls, 2)]
    [InlineData(IkeProof.EapMschapV2, 3)]
    [InlineData(IkeProof.EapMschapV2, 4)]
    public void A_device_comes_up_by_EAP_over_a_bad_wire(IkeProof proof, ulong seed)
    {
        using var world = World(seed, proof, seed % 2 == 0 ? Fate.Clean : IkeHandshakeTests.Bad);
        world.Up();
        world.Run(Later);
        world.ShouldAgree();
        world.Gateway.Claims.Single().Proof.ShouldBe(proof);
        (world.Gateway.Claims.Single().Certificate is not null).ShouldBe(proof == IkeProof.EapTls);
        world.Tell(world.Gateway, session => session.RekeyIke(world.Now));
        world.Run(Later);
        world.ShouldAgree();
    }

    [Theory]
    [InlineData("wrong", "pump-17")]
    [InlineData("correct horse", "pump-99")]
    public void A_wrong_password_and_an_unknown_user_stay_out(string password, string user)
    {
        using var world = World(5, IkeProof.EapMschapV2, Fate.Clean);
        world.Target = world.Target with { EapPassword = password, EapUser = user };
        world.Begin();
        world.RunUntil(() => world.Gateway.Ends.Any() && world.Device.Ends.Any(), Later).ShouldBeTrue();
        world.Gateway.Ends.Single().Reason.ShouldBe(Ends.AuthenticationFailed);
        world.Gateway.Claims.ShouldBeEmpty();
        world.Gateway.Live.ShouldBeEmpty();
    }

    public static TheoryData<IkeProof, string, string, bool, bool, bool> Ppks => new()
    {
        // By what, whose key the device and the gateway have, and whether the device and the network do without.
        { IkeProof.EapTls, "a", "a", false, false, true },
        { IkeProof.EapTls, "a", "a", true, true, true },
        { IkeProof.EapMschapV2, "a", "a", true, true, true },
        { IkeProof.EapTls, "a", "", true, true, true },
        { IkeProof.EapMschapV2, "a", "", true, true, true },
        { IkeProof.EapMschapV2, "a", "", true, false, false },
        { IkeProof.EapTls, "a", "", false, true, false },
        { IkeProof.EapMschapV2, "", "a", true, true, true },
        { IkeProof.EapMschapV2, "", "a", true, false, false },
        { IkeProof.EapTls, "a", "b", true, true, false },
    };

    /// <summary>RFC 8784 section 3: which post-quantum key is in it, and what it would be without, comes beside the last AUTH.</summary>
    [Theory]
    [MemberData(nameof(Ppks))]
    public void A_post_quantum_key_beside_EAP_is_said_in_the_last_message(
        IkeProof proof, string ofDevice, string ofGateway, bool deviceDoesWithout, bool networkDoesWithout, bool isUp)
    {
        for (ulong seed = 8; seed <= 11; seed++)
        {
            using var world = World(seed, proof, seed % 2 == 0 ? Fate.Clean : IkeHandshakeTests.Bad);
            if (ofDevice.Length > 0)
            {
                world.Target = world.Target with { PpkId = [.. "ppk-1"u8], Ppk = [.. System.Text.Encoding.ASCII.GetBytes(ofDevice), .. new byte[31]], PpkRequired = !deviceDoesWithout };
            }

            if (ofGateway.Length > 0)
            {
                world.Gateway.Ppks["ppk-1"] = [.. System.Text.Encoding.ASCII.GetBytes(ofGateway), .. new byte[31]];
            }

            world.Gateway.Refusal = claim => !networkDoesWithout && claim.Ppk is null ? "a post-quantum key is needed" : null;
            world.Begin();
            world.RunUntil(() => world.AreUp || (world.Device.Ends.Any() && world.Gateway.Ends.Any()), TimeSpan.FromSeconds(100)).ShouldBeTrue();
            world.AreUp.ShouldBe(isUp, IkeHandshakeTests.Story(world));
            if (!isUp)
            {
                (world.Gateway.Live.Count, world.Device.Live.Count).ShouldBe((0, 0));
                world.Gateway.Ends.Single().Reason.ShouldBe(Ends.AuthenticationFailed);
                continue;
            }

            (world.Gateway.Claims.Single().Ppk is not null).ShouldBe(ofDevice.Length > 0 && ofGateway.Length > 0);
            (world.Device.Claims.Single().Ppk is not null).ShouldBe(ofDevice.Length > 0 && ofGateway.Length > 0);
            world.Run(Later);
            world.ShouldAgree();
            world.Tell(world.Device, session => session.RekeyIke(world.Now));
            world.Run(Later);
            world.ShouldAgree();
        }
    }

    /// <summary>Somebody who does not know the key cannot have the proof without it taken: it is AUTH like the other.</summary>
    [Fact]
    public void A_proof_without_the_post_quantum_key_is_looked_at_as_well()
    {
        using var world = World(12, IkeProof.EapMschapV2, Fate.Clean);
        world.Target = world.Target with { PpkId = [.. "ppk-1"u8], Ppk = new byte[32] };
        world.Passes = (to, _) => !(to == End.Server && world.Device.Session!.Handshake is { Eap.Msk: not null });
        world.Begin();
        world.RunUntil(() => world.Device.Session!.Handshake is { Eap.Msk: not null }, Later).ShouldBeTrue();
        world.Run(TimeSpan.FromMilliseconds(100));
        var device = world.Device.Session!.Current;
        world.Inject(End.Server, IkeForge.Sealed(device, ExchangeType.IkeAuth, device.NextRequestId - 1, (ref PayloadWriter to) =>
        {
            to.Auth(AuthMethod.PreSharedKey, new byte[32]);
            to.Notify(NotifyType.PpkIdentity, [2, .. "ppk-1"u8]);
            to.Notify(NotifyType.NoPpkAuth, new byte[32]);
        }));
        world.Gateway.Ends.Single().Detail.ShouldContain("does not have the key of its EAP exchange");
        world.Gateway.Claims.ShouldBeEmpty();
    }

    /// <summary>CVE-2021-45079, CVE-2023-26463: a success of EAP is none before the method has come to its end.</summary>
    [Fact]
    public void An_early_success_lets_nobody_in()
    {
        using var world = World(6, IkeProof.EapTls, Fate.Clean);
        world.Passes = (to, datagram) => !(to == End.Client && datagram[18] == (byte)ExchangeType.IkeAuth);
        world.Begin();
        world.Run(TimeSpan.FromSeconds(1));

        // The gateway has answered; the device gets another answer, with the gateway's keys: it has proven nothing yet, and says that all is well.
        var gateway = world.Gateway.Endpoint.Find(1)!.Current;
        world.Inject(End.Client, IkeForge.Sealed(gateway, ExchangeType.IkeAuth, 1, (ref PayloadWriter to) => to.Eap([3, 1, 0, 4]), isResponse: true));
        world.Device.Ends.Single().Reason.ShouldBe(Ends.Malformed);
        world.Device.Live.ShouldBeEmpty();
    }

    [Fact]
    public void A_client_that_skips_EAP_proves_nothing()
    {
        using var world = World(7, IkeProof.EapTls, Fate.Clean);
        world.Passes = (to, datagram) => !(to == End.Server && datagram[23] > 1);
        world.Begin();
        world.Run(TimeSpan.FromSeconds(1));
        var device = world.Device.Session!.Current;
        world.Inject(End.Server, IkeForge.Sealed(device, ExchangeType.IkeAuth, 2, (ref PayloadWriter to) => to.Auth(AuthMethod.PreSharedKey, new byte[32])));
        world.Gateway.Ends.Single().Detail.ShouldContain("does not go on with EAP");
        world.Gateway.Claims.ShouldBeEmpty();
    }

    internal static IkeWorld World(ulong seed, IkeProof proof, Fate fate)
    {
        var world = new IkeWorld(seed, fate);
        world.UseCertificates(IkePki.Device(), IkePki.Gateway());
        world.Device.Certificate = null;
        world.Target = world.Target with { Proof = proof, EapUser = "pump-17", EapPassword = "correct horse" };
        (world.Device.EapTls, world.Gateway.EapTls) = (TestPki.Client, TestPki.Server);
        var hash = new byte[MsChapV2.HashLength];
        MsChapV2.Hash("correct horse", hash);
        world.Gateway.EapHashes["pump-17"] = hash;
        world.Gateway.EapMethods = proof == IkeProof.EapTls ? [IkeProof.EapTls] : [IkeProof.EapMschapV2, IkeProof.EapTls];
        return world;
    }
}
