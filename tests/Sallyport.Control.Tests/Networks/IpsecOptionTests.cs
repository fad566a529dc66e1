using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Core.Ike.Proposals;

namespace Sallyport.Control.Tests.Networks;

public sealed class IpsecOptionTests
{
    [Fact]
    public async Task A_network_has_strong_IPsec_unless_somebody_says_otherwise()
    {
        await using var world = await ControlWorld.StartAsync();
        var info = (await world.PlantAsync()).Ipsec;
        info.Serve.ShouldBeTrue();
        info.Authentication.ShouldBe(["certificate", "psk", "eap-tls"]);
        (info.IkeLifetime, info.ChildLifetime, info.ChildVolume, info.ChildPackets, info.Reauthenticate).ShouldBe(("4h", "1h", "none", 0L, "none"));
        info.Encapsulate.ShouldBeFalse();
        info.CopyDscp.ShouldBeFalse();
        info.PpkRequired.ShouldBeFalse();
        using var gateway = await FakeGateway.ConnectAsync(world);
        var model = (await gateway.ReceiveAsync<Snapshot>()).Model.Networks.Single().Ipsec!;
        model.Ike.ShouldBe(info.Ike);
        model.Esp.ShouldBe(info.Esp);
        model.Authentication.ShouldBe(info.Authentication);
        (model.IkeRekeySeconds, model.ChildRekeySeconds).ShouldBe((14_400, 3_600));

        // What the gateway reads is what is written here, and nothing in it is weak.
        foreach (var text in model.Ike)
        {
            ProposalText.TryParseIke(text, out var ike, out var error).ShouldBeTrue(error);
            ike!.ToString().ShouldNotContain("sha1");
        }

        foreach (var text in model.Esp)
        {
            ProposalText.TryParseEsp(text, out var esp, out var error).ShouldBeTrue(error);
            esp!.ToString().ShouldNotContain("sha1");
        }
    }

    [Fact]
    public async Task What_is_changed_reaches_the_gateway_and_what_is_not_said_stays()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var changed = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate
        {
            Ipsec = new NetworkIpsecInput
            {
                Ike = ["AES256-SHA1-MODP2048", "aes256gcm16-prfsha384-x25519-ke1_mlkem768"],
                Esp = ["aes256gmac-none"],
                Authentication = ["eap-mschapv2", "psk"],
                IkeLifetime = "8h",
                ChildLifetime = "30m",
                ChildVolume = "20GB",
                ChildPackets = 1_000_000,
                Reauthenticate = "24h",
                Encapsulate = true,
                CopyDscp = true,
                PpkRequired = true,
            },
        });
        changed.Ipsec.Authentication.ShouldBe(["psk", "eap-mschapv2"]);
        (changed.Ipsec.IkeLifetime, changed.Ipsec.ChildLifetime, changed.Ipsec.ChildVolume, changed.Ipsec.Reauthenticate).ShouldBe(("8h", "30m", "20GB", "24h"));
        var model = (await gateway.ReceiveAsync<Delta>()).Networks.Single().Ipsec!;
        model.Ike.ShouldBe(["aes256-sha1-modp2048", "aes256gcm16-prfsha384-x25519-ke1_mlkem768"]);
        model.Esp.ShouldBe(["aes256gmac-none"]);
        (model.IkeRekeySeconds, model.ChildRekeySeconds, model.ChildRekeyBytes, model.ChildRekeyPackets, model.ReauthenticateSeconds)
            .ShouldBe((28_800, 1_800, 20_000_000_000, 1_000_000, 86_400));
        (model.Encapsulate, model.CopyDscp, model.PpkRequired).ShouldBe((true, true, true));

        var again = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { Ike = [], ChildLifetime = "none", ChildPackets = 0 } });
        again.Ipsec.Ike.ShouldBe(IpsecOptions.DefaultIke, "none is ours again");
        again.Ipsec.Esp.ShouldBe(["aes256gmac-none"]);
        (again.Ipsec.ChildLifetime, again.Ipsec.ChildPackets, again.Ipsec.ChildVolume).ShouldBe(("none", 0L, "20GB"));
        (await gateway.ReceiveAsync<Delta>()).Networks.Single().Ipsec!.ChildRekeySeconds.ShouldBe(0);
    }

    [Fact]
    public async Task The_audit_trail_says_what_it_was_and_what_it_is()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { Ike = ["aes256-sha256-modp2048"], Esp = ["aes256-sha256"], Authentication = ["psk"] } });
        await world.Client.UpdateNetworkAsync(
            "plant-a",
            new NetworkUpdate { Ipsec = new NetworkIpsecInput { Ike = ["aes256-sha1-modp2048", "aes128-sha1-modp2048"], Authentication = ["certificate"], ChildLifetime = "none", ChildPackets = 5_000, Encapsulate = true } });
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { Serve = false } });
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { TokenLifetime = "2h" });
        var said = (await world.Client.ListAuditAsync(action: "network.update")).Items.Select(record => record.Summary!).ToList();
        said[3].ShouldContain("; ike aes256gcm16-aes128gcm16-chacha20poly1305-");
        said[3].ShouldEndWith(" -> aes256-sha256; ipsec-auth certificate, psk, eap-tls -> psk");
        said[2].ShouldEndWith(
            "; ike aes256-sha256-modp2048 -> aes256-sha1-modp2048, aes128-sha1-modp2048; ipsec-auth psk -> certificate; child-lifetime 1h -> none; child-packets none -> 5000; encapsulate no -> yes");
        said[1].ShouldEndWith("; ipsec on -> off");
        IpsecOptions.Words(new IpsecOptions().ToInfo()).Count.ShouldBe(typeof(NetworkIpsec).GetProperties().Length, "what is forgotten there changes unseen");
        said[0].ShouldNotContain("->");
        said[0].ShouldContain("no IPsec");
    }

    [Fact]
    public async Task A_list_with_commas_is_as_if_each_stood_alone()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var ipsec = (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate
        {
            Ipsec = new NetworkIpsecInput
            {
                Ike = ["aes256gcm16-prfsha384-ecp384, aes256-sha256-modp2048", "aes128-sha256-modp2048"], Esp = ["aes256gcm16,aes128gcm16"], Authentication = ["psk, certificate"],
            },
        })).Ipsec;
        ipsec.Ike.ShouldBe(["aes256gcm16-prfsha384-ecp384", "aes256-sha256-modp2048", "aes128-sha256-modp2048"]);
        ipsec.Esp.ShouldBe(["aes256gcm16", "aes128gcm16"]);
        ipsec.Authentication.ShouldBe(["certificate", "psk"]);
        var wrong = await RefusedAsync(new NetworkIpsecInput { Ike = ["aes256-sha256-modp2048,", "aes128-sha256-modp2048"] });
        (wrong.Field, wrong.Message).ShouldBe(("ipsec.ike[1]", "'' is no proposal: '' is no algorithm that IKE can have here"));
        (await RefusedAsync(new NetworkIpsecInput { Esp = ["aes256gcm16, AES256GCM16"] })).Message.ShouldContain("is there twice");
        (await RefusedAsync(new NetworkIpsecInput { Esp = [string.Join(',', Enumerable.Repeat("aes256gcm16", 17))] })).Message.ShouldContain("17 proposals are too many");
    }

    [Fact]
    public async Task Off_is_no_IPsec_at_all_and_keeps_what_was_chosen()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"], Ipsec = new NetworkIpsecInput { Serve = false, IkeLifetime = "2h" } });
        using var gateway = await FakeGateway.ConnectAsync(world);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Networks.Single().Ipsec.ShouldBeNull();
        var on = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { Serve = true } });
        (on.Ipsec.Serve, on.Ipsec.IkeLifetime).ShouldBe((true, "2h"));
        (await gateway.ReceiveAsync<Delta>()).Networks.Single().Ipsec!.IkeRekeySeconds.ShouldBe(7_200);
        (await world.Client.ListAuditAsync(action: "network.create")).Items.Single().Summary!.ShouldContain("no IPsec");
    }

    [Theory]
    [InlineData("aes256gcm16-prfsha384", "ipsec.ike[0]", "it has no key exchange")]
    [InlineData("3des-sha1-modp1024", "ipsec.ike[0]", "'3des' is no algorithm")]
    [InlineData("aes256gcm16-aes256-sha256-prfsha256-x25519", "ipsec.ike[0]", "AEAD ciphers and others are not for one proposal")]
    [InlineData("", "ipsec.ike[0]", "'' is no algorithm")]
    public async Task A_proposal_that_cannot_be_is_refused_with_why(string proposal, string field, string why)
    {
        var problem = await RefusedAsync(new NetworkIpsecInput { Ike = [proposal] });
        problem.Field.ShouldBe(field);
        problem.Message.ShouldContain(why);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_said_with_where()
    {
        (await RefusedAsync(new NetworkIpsecInput { Esp = ["aes256gcm16-prfsha256-x25519"] })).Field.ShouldBe("ipsec.esp[0]");
        (await RefusedAsync(new NetworkIpsecInput { Esp = ["aes256gcm16", "AES256GCM16"] })).Message.ShouldContain("is there twice");
        (await RefusedAsync(new NetworkIpsecInput { Authentication = ["pks"] })).Hint.ShouldContain("psk");
        (await RefusedAsync(new NetworkIpsecInput { IkeLifetime = "1s" })).Field.ShouldBe("ipsec.ikeLifetime");
        (await RefusedAsync(new NetworkIpsecInput { ChildLifetime = "1y" })).Field.ShouldBe("ipsec.childLifetime");
        (await RefusedAsync(new NetworkIpsecInput { ChildVolume = "1kB" })).Field.ShouldBe("ipsec.childVolume");
        (await RefusedAsync(new NetworkIpsecInput { ChildPackets = 10 })).Field.ShouldBe("ipsec.childPackets");
        (await RefusedAsync(new NetworkIpsecInput { Reauthenticate = "never" })).Field.ShouldBe("ipsec.reauthenticate");
        (await RefusedAsync(new NetworkIpsecInput { Ike = [.. Enumerable.Range(0, 17).Select(i => $"aes256gcm16-prfsha256-x25519{(i == 0 ? "" : "")}")] })).Message.ShouldContain("17 proposals are too many");
    }

    private static async Task<Api.Problems.FieldProblem> RefusedAsync(NetworkIpsecInput input)
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"], Ipsec = input }));
        return problem.Errors.ShouldHaveSingleItem();
    }
}
