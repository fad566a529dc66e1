using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Dapper;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Sites;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Ipsec;

public sealed class IpsecProfileTests
{
    [Fact]
    public async Task A_pre_shared_key_is_shown_once_sealed_in_the_store_and_known_to_the_gateway()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk" })).Profile!;
        var key = profile.Keys.ShouldHaveSingleItem();
        (key.Kind, key.Id, key.Uplink).ShouldBe(("psk", "pump-17.plant-a.sallyport", 1));
        key.Secret.Length.ShouldBe(43);
        key.Secret.ShouldAllBe(c => char.IsAsciiLetterOrDigit(c));
        char.IsAsciiLetter(key.Secret[0]).ShouldBeTrue("0x and 0s have a meaning to strongSwan");
        (profile.Protocol, profile.FileName, profile.Fingerprint, profile.Password).ShouldBe(("ipsec", "pump-17.ipsec", null, null));

        using var gateway = await FakeGateway.ConnectAsync(world);
        var credential = (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single().Credentials.Single();
        (credential.Kind, credential.PeerId, credential.Uplink, credential.PpkId).ShouldBe(("psk", "pump-17.plant-a.sallyport", 1, null));
        Encoding.ASCII.GetString(credential.Secret!).ShouldBe(key.Secret);

        var info = (await world.Client.ListCredentialsAsync("device:pump-17")).Items.Single();
        (info.Kind, info.Protocol, info.PeerId, info.Uplink, info.Ppk, info.Wrapping).ShouldBe(("psk", "ipsec", "pump-17.plant-a.sallyport", 1, false, ""));
        await IsNowhereAsync(world, key.Secret);
    }

    [Fact]
    public async Task Revoked_the_key_is_cut_at_the_gateway_and_gone_from_the_store()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk", Ppk = true })).Profile!;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var revoking = world.Client.RevokeCredentialAsync(profile.CredentialIds.Single(), "lost");
        var delta = await gateway.ReceiveAsync<Delta>();
        delta.Identities.Single().Credentials.ShouldBeEmpty();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 1, 0));
        (await revoking).Enforced.ShouldBeTrue();
        world.Control.Fleet.Read(sql => sql.ExecuteScalar<int>("SELECT count(*) FROM credentials WHERE secret IS NOT NULL OR ppk IS NOT NULL")).ShouldBe(0);
        (await world.Client.ListAuditAsync(action: "credential.revoke")).Items.Single().Detail.ShouldContain("pump-17.plant-a.sallyport");

        // The same id is free again.
        await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk" });
    }

    [Fact]
    public async Task Of_a_password_for_EAP_the_NT_hash_is_kept_sealed_and_nothing_else()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { Authentication = ["eap-mschapv2"] } });
        var profile = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "eap-mschapv2" })).Profile!;
        (profile.Username, profile.Password!.Length, profile.Fingerprint).ShouldBe(("pump-17.plant-a", 26, null));
        using var gateway = await FakeGateway.ConnectAsync(world);
        var credential = (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single().Credentials.Single();
        (credential.Kind, credential.Username, credential.PeerId).ShouldBe(("eap", "pump-17.plant-a", "pump-17.plant-a.sallyport"));
        var hash = new byte[16];
        Core.Ike.Eap.MsChapV2.Hash(profile.Password, hash);
        credential.Secret.ShouldBe(hash);
        var configuration = FileOf(profile, "swanctl/conf.d/pump-17.conf");
        configuration.ShouldContain("auth = eap-mschapv2\n            id = pump-17.plant-a.sallyport\n            eap_id = pump-17.plant-a\n");
        configuration.ShouldContain($"id = pump-17.plant-a\n        secret = \"{profile.Password}\"");
        configuration.ShouldContain("auth = pubkey\n            id = vpn.example.net", customMessage: "the gateway proves itself by its certificate");
        FileOf(profile, "sheet.txt").ShouldContain("Add-VpnConnection -Name Sallyport -ServerAddress vpn.example.net");
        profile.Files.Select(file => file.Name).ShouldContain("ca.pem");
        profile.Files.ShouldNotContain(file => file.Name.EndsWith(".p12", StringComparison.Ordinal) || file.Name.Contains("private", StringComparison.Ordinal));
        (await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "eap-mschapv2", KeepOld = true })).Username.ShouldBe("pump-17.plant-a.2");
        await IsNowhereAsync(world, profile.Password);
    }

    [Fact]
    public async Task A_certificate_names_who_it_is_in_IKE_and_comes_in_every_form()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec" })).Profile!;
        var certificate = X509Certificate2.CreateFromPem(FileOf(profile, "swanctl/x509/pump-17.plant-a.pem"), FileOf(profile, "swanctl/private/pump-17.plant-a.pem"));
        Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)).ShouldBe(profile.Fingerprint);
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().ShouldBe(["pump-17.plant-a.sallyport"]);
        var sheet = FileOf(profile, "sheet.txt");
        var password = sheet.Split("pump-17.p12, password ")[1].Split(';')[0];
        var archive = profile.Files.Single(file => file.Name == "pump-17.p12");
        archive.IsBase64.ShouldBeTrue();
        var all = X509CertificateLoader.LoadPkcs12Collection(Convert.FromBase64String(archive.Text), password);
        all.Count.ShouldBe(3);
        all.Single(one => one.HasPrivateKey).Thumbprint.ShouldBe(certificate.Thumbprint);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(X509Certificate2.CreateFromPem(Authority(profile, "root")));
        chain.ChainPolicy.ExtraStore.Add(X509Certificate2.CreateFromPem(Authority(profile, "issuing")));
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.Build(certificate).ShouldBeTrue();
        profile.Keys.ShouldBeEmpty();
        await IsNowhereAsync(world, FileOf(profile, "swanctl/private/pump-17.plant-a.pem").Split('\n')[1], password);
    }

    [Fact]
    public async Task A_certificate_of_an_OpenVPN_profile_is_good_for_IKE_too()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var text = (await world.PumpAsync()).Profile!.Text;
        using var certificate = X509Certificate2.CreateFromPem(text.Split("<cert>\n")[1]);
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().ShouldBe(["pump-17.plant-a.sallyport"]);
    }

    [Fact]
    public async Task Both_profiles_at_once_are_one_identity()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var openVpn = (await world.PumpAsync()).Profile!;
        var ipsec = await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk", KeepOld = true });
        ipsec.Revoked.ShouldBeEmpty();
        using var gateway = await FakeGateway.ConnectAsync(world);
        var identity = (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single();
        identity.Credentials.Select(credential => credential.Kind).ShouldBe(["certificate", "psk"]);
        FileOf(ipsec, "sheet.txt").ShouldContain(identity.AddressV4!, customMessage: "the address is the identity's, whatever it comes by");
        var last = await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk" });
        last.Revoked.ShouldBe([.. openVpn.CredentialIds, .. ipsec.CredentialIds]);
    }

    [Fact]
    public async Task Two_uplinks_are_two_credentials_of_one_site()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var made = await world.Client.AddSiteAsync(new SiteCreate
        {
            Name = "dc",
            Network = "plant-a",
            Subnets = ["192.168.50.0/24"],
            Ipsec = new SiteIpsecInput { Remotes = ["203.0.113.5", "any"], SinglePairs = true },
            Profile = new ProfileRequest { Protocol = "ipsec", Auth = "psk", Uplinks = 2, PeerIds = ["203.0.113.5"] },
        });
        made.Site.Ipsec!.Remotes.ShouldBe(["203.0.113.5", "any"]);
        (made.Site.Ipsec.Mode, made.Site.Ipsec.SinglePairs).ShouldBe(("tunnel", true));
        made.Profile!.Keys.Select(key => (key.Id, key.Uplink)).ShouldBe([("203.0.113.5", 1), ("2.dc.plant-a.sallyport", 2)]);
        made.Profile.Keys[0].Secret.ShouldNotBe(made.Profile.Keys[1].Secret);
        made.Profile.Files.Select(file => file.Name).ShouldBe(["sheet.txt", "swanctl/conf.d/dc.conf", "swanctl/conf.d/dc-2.conf", "libreswan/dc.conf", "libreswan/dc.secrets"]);
        FileOf(made.Profile, "swanctl/conf.d/dc.conf").ShouldNotContain(made.Profile.Keys[1].Secret, customMessage: "each router has its own");
        using var gateway = await FakeGateway.ConnectAsync(world);
        var identity = (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single();
        identity.Ipsec!.Remotes.ShouldBe(["203.0.113.5", ""]);
        identity.Ipsec.SinglePairs.ShouldBeTrue();
        identity.Credentials.Select(credential => (credential.PeerId, credential.Uplink)).ShouldBe([("203.0.113.5", 1), ("2.dc.plant-a.sallyport", 2)]);

        var updating = world.Client.UpdateSiteAsync("dc", new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [], SinglePairs = false, Mode = "transport" } });
        var delta = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
        (await updating).Ipsec!.Mode.ShouldBe("transport");
        delta.Identities.Single().Ipsec!.ShouldSatisfyAllConditions(peer => peer.Remotes.ShouldBeEmpty(), peer => peer.Mode.ShouldBe("transport"), peer => peer.SinglePairs.ShouldBeFalse());
        (await world.Client.ListAuditAsync(action: "site.update")).Items.Single().Summary!.ShouldEndWith("; remote 203.0.113.5, any -> none; mode tunnel -> transport; single-pairs yes -> no");
        (await world.Client.ListAuditAsync(action: "site.create")).Items.Single().Summary!.ShouldEndWith("; remote 203.0.113.5, any; single-pairs yes");
        PeerInput.Words(null).Count.ShouldBe(typeof(SiteIpsec).GetProperties().Length, "what is forgotten there changes unseen");
    }

    [Theory]
    [InlineData(1, "cp libreswan/* /etc/ipsec.d/ && ipsec import dc.p12 && ipsec restart", "The password is")]
    [InlineData(2, "cp libreswan/* /etc/ipsec.d/ && ipsec import dc.p12 && ipsec import dc-2.p12 && ipsec restart", "The passwords are")]
    public async Task Each_uplinks_certificate_is_named_where_it_is_imported(int uplinks, string commands, string passwords)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await AddSiteAsync(world, "dc", new ProfileRequest { Protocol = "ipsec", Uplinks = uplinks })).Profile!;
        FileOf(profile, "sheet.txt").ShouldContain($"libreswan:   {commands}\n");
        FileOf(profile, "libreswan/dc.conf").ShouldContain($"# libreswan 4 or newer: {commands}\n# {passwords} in sheet.txt.\n");
        profile.Files.Count(file => commands.Contains($"import {file.Name} ", StringComparison.Ordinal)).ShouldBe(uplinks);
    }

    [Fact]
    public async Task A_change_says_which_sites_have_files_from_before_it()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        (await AddSiteAsync(world, "dc", new ProfileRequest { Protocol = "ipsec", Auth = "psk" })).Site.OutdatedFiles.ShouldBeNull("nobody was there");
        await AddSiteAsync(world, "hosts", new ProfileRequest { Protocol = "ipsec", Auth = "psk" }, "192.168.51.0/24");
        await UpdateAsync("hosts", new SiteUpdate { Ipsec = new SiteIpsecInput { Mode = "transport" } }, "hosts");
        await AddSiteAsync(world, "ovpn", new ProfileRequest(), "192.168.52.0/24");
        var added = (await AddSiteAsync(world, "lab", new ProfileRequest { Protocol = "ipsec" }, "192.168.53.0/24")).Site.OutdatedFiles!;
        (added.Count, added.Sites[0]).ShouldBe((1, "dc"), "one of OpenVPN is sent routes, and transport mode has no selectors");

        await UpdateAsync("ovpn", new SiteUpdate { Subnets = ["192.168.52.0/24", "192.168.62.0/24"] }, "dc", "lab");
        await UpdateAsync("lab", new SiteUpdate { Subnets = ["192.168.63.0/24"] }, "dc", "lab");
        await UpdateAsync("lab", new SiteUpdate { Ipsec = new SiteIpsecInput { SinglePairs = true } }, "lab");
        await UpdateAsync("lab", new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = ["203.0.113.5"], SinglePairs = true }, Subnets = ["192.168.63.0/24"] });
        await UpdateAsync("ovpn", new SiteUpdate { Labels = new Dictionary<string, string> { ["zone"] = "a" } });
        foreach (var credential in (await world.Client.ListCredentialsAsync("site:dc")).Items)
        {
            await world.Client.RevokeCredentialAsync(credential.Id, "");
        }

        await UpdateAsync("ovpn", new SiteUpdate { Subnets = ["192.168.52.0/24"] }, "lab");

        async Task UpdateAsync(string name, SiteUpdate update, params string[] outdated)
        {
            var files = (await world.Client.UpdateSiteAsync(name, update)).OutdatedFiles;
            (files?.Sites ?? []).ShouldBe(outdated);
            (files?.Count ?? 0).ShouldBe(outdated.Length);
        }
    }

    [Fact]
    public async Task A_post_quantum_key_is_made_where_it_is_asked_for_or_required()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var asked = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Ppk = true })).Profile!;
        var ppk = asked.Keys.ShouldHaveSingleItem();
        (ppk.Kind, ppk.Id, ppk.Secret.Length).ShouldBe(("ppk", "pump-17.plant-a.sallyport", 43));
        FileOf(asked, "swanctl/conf.d/pump-17.conf").ShouldContain($"ppk_id = {ppk.Id}");
        using var gateway = await FakeGateway.ConnectAsync(world);
        var credential = (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single().Credentials.Single();
        (credential.PpkId, Encoding.ASCII.GetString(credential.Ppk!)).ShouldBe((ppk.Id, ppk.Secret));
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { PpkRequired = true } });
        (await AddAsync(world, "pump-18", new ProfileRequest { Protocol = "ipsec" })).Profile!.Keys.ShouldHaveSingleItem().Id.ShouldBe("pump-18.plant-a.sallyport");
        await IsNowhereAsync(world, ppk.Secret);
    }

    [Fact]
    public async Task A_key_that_the_other_end_has_already_is_taken_and_repeated_nowhere()
    {
        const string key = "9c1f0e7d5b3a48266f4e0d2c1b9a8877aa55ee0112cd34ef5678ab90cdef1234";
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var request = new ProfileRequest { Protocol = "ipsec", Auth = "psk", PeerIds = ["203.0.113.5"], Psk = key };
        request.ToString().ShouldNotContain(key);
        var profile = (await AddSiteAsync(world, "dc", request)).Profile!;
        profile.Keys.ShouldBeEmpty("who gave it has it");
        FileOf(profile, "swanctl/conf.d/dc.conf").ShouldContain($"secret = \"{key}\"");
        using var gateway = await FakeGateway.ConnectAsync(world);
        Encoding.ASCII.GetString((await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single().Credentials.Single().Secret!).ShouldBe(key);
        await IsNowhereAsync(world, key);
    }

    [Theory]
    [InlineData("short and sweet", "it has 15 characters")]
    [InlineData("", "it has 0 characters")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1 different")]
    [InlineData("9c1f0e7d5b3a48266f4e0d2c1b9a8877\"; rm -rf", "read in different ways")]
    [InlineData("0x9c1f0e7d5b3a48266f4e0d2c1b9a8877", "read in different ways")]
    [InlineData("9c1f0e7d5b3a48266f4e0d2c1b9a8877\n9c1f0e7d", "read in different ways")]
    public async Task A_key_that_does_not_hold_is_refused_and_the_message_does_not_say_it(string key, string part)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(() => AddSiteAsync(world, "dc", new ProfileRequest { Protocol = "ipsec", Auth = "psk", Psk = key }));
        var error = problem.Errors.ShouldHaveSingleItem();
        (error.Field, error.Message.Contains(part, StringComparison.Ordinal)).ShouldBe(("profile.psk", true), error.Message);
        error.Hint.ShouldContain("openssl rand -hex 32");
        if (key.Length > 0)
        {
            (error.Message + error.Hint + problem.Title).ShouldNotContain(key);
        }
    }

    [Fact]
    public async Task A_given_key_is_for_one_uplink_that_has_a_key()
    {
        const string key = "9c1f0e7d5b3a48266f4e0d2c1b9a8877aa55ee0112cd34ef5678ab90cdef1234";
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        async Task<string> Message(ProfileRequest request) => (await ControlWorld.ProblemOf(() => AddSiteAsync(world, "dc", request))).Errors.ShouldHaveSingleItem().Message;
        (await Message(new ProfileRequest { Protocol = "ipsec", Psk = key })).ShouldContain("this profile has none");
        (await Message(new ProfileRequest { Protocol = "ipsec", Auth = "psk", Uplinks = 2, Psk = key })).ShouldContain("for 2 uplinks");
        (await Message(new ProfileRequest { Psk = key })).ShouldContain("psk is of IPsec");
    }

    [Theory]
    [InlineData("203.0.113.5", "203.0.113.5", "203.0.113.5")]
    [InlineData("2001:DB8::5", "2001:db8::5", "2001:db8::5")]
    [InlineData("hq@example.com", "hq@example.com", "hq@example.com")]
    [InlineData("@router-7.example", "router-7.example", "@router-7.example")]
    [InlineData("keyid:4711", "keyid:4711", "@[4711]")]
    [InlineData("KeyID:0x4711", "keyid:0x4711", "@#4711", "\"keyid:#4711\"")]
    [InlineData("router_7", "router_7", "@router_7")]
    public async Task Routers_may_say_who_they_are_in_their_own_way(string given, string known, string libreswan, string? swanctl = null)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await AddSiteAsync(world, "dc", new ProfileRequest { Protocol = "ipsec", Auth = "psk", PeerIds = [given] })).Profile!;
        profile.Keys.Single().Id.ShouldBe(known);
        FileOf(profile, "swanctl/conf.d/dc.conf").ShouldContain($"        id = {swanctl ?? known}\n");
        FileOf(profile, "swanctl/conf.d/dc.conf").ShouldContain($"        id-local = {swanctl ?? known}\n");
        FileOf(profile, "libreswan/dc.secrets").ShouldStartWith($"{libreswan} @vpn.example.net : PSK \"{profile.Keys.Single().Secret}\"");
        var taken = await ControlWorld.ProblemOf(() => AddSiteAsync(world, "dd", new ProfileRequest { Protocol = "ipsec", Auth = "psk", PeerIds = [given.ToUpperInvariant()] }, "192.168.60.0/24"));
        taken.Status.ShouldBe(409);
        taken.Errors.Single().Field.ShouldBe("profile.peerIds[0]");
        taken.Errors.Single().Message.ShouldContain("is who site dc.plant-a says it is");
        taken.Errors.Single().Hint.ShouldContain("sallyport credential revoke ");
    }

    [Theory]
    [InlineData("C=AT, O=x")]
    [InlineData("@203.0.113.5")]
    [InlineData("a@b@c")]
    [InlineData("@@x")]
    [InlineData("keyid:")]
    [InlineData("keyid:a b")]
    [InlineData("hq\" }")]
    [InlineData("hq\nid = x")]
    [InlineData("..")]
    [InlineData("")]
    public async Task What_is_no_id_is_refused_before_anything_is_made(string given)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(() => AddSiteAsync(world, "dc", new ProfileRequest { Protocol = "ipsec", Auth = "psk", PeerIds = [given] }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("profile.peerIds[0]");
        (await world.Client.ListSitesAsync()).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_kept_key_keeps_its_id()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk" });
        var problem = await ControlWorld.ProblemOf(() => world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk", KeepOld = true }));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Field.ShouldBe("peerIds");
        (await world.Client.ListCredentialsAsync("device:pump-17")).Items.Count.ShouldBe(1, "nothing was done by halves");
        (await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk", KeepOld = true, PeerIds = ["pump-17-b"] })).Revoked.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_does_not_fit_is_said_all_at_once()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(() => AddAsync(
            world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "eap-mschapv2", Transport = "udp", Wrapping = "none", Uplinks = 2, PeerIds = ["a", "A", "b"], Endpoint = "a b", ValidDays = 0 }));
        problem.Errors.Select(error => error.Field).ShouldBe(
            ["profile.validDays", "profile.endpoint", "profile.transport", "profile.wrapping", "profile.auth", "profile.uplinks", "profile.peerIds", "profile.peerIds[1]"], ignoreOrder: true);
        problem.Errors.Single(error => error.Field == "profile.auth").Hint.ShouldContain("--ipsec-auth certificate --ipsec-auth psk --ipsec-auth eap-tls --ipsec-auth eap-mschapv2");

        problem = await ControlWorld.ProblemOf(() => AddAsync(world, "pump-17", new ProfileRequest { Auth = "psk", PeerIds = ["a"], Uplinks = 2, Ppk = true }));
        problem.Errors.Select(error => error.Field).ShouldBe(["profile.auth", "profile.peerIds", "profile.uplinks", "profile.ppk"]);
        (await ControlWorld.ProblemOf(() => AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsecc" }))).Errors.Single().Hint.ShouldContain("ipsec");
        (await ControlWorld.ProblemOf(() => AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "certificate", PeerIds = ["keyid:x"] })))
            .Errors.Single().Message.ShouldContain("cannot stand in a certificate");
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = new NetworkIpsecInput { Serve = false } });
        (await ControlWorld.ProblemOf(() => AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec" }))).Errors.Single().Hint.ShouldBe(
            "let its members come by it first: sallyport network update plant-a --ipsec on");
    }

    [Fact]
    public async Task Without_listeners_there_is_no_profile_for_them()
    {
        await using var world = await ControlWorld.StartAsync(change: options => options with { IkePort = 0, IkeNatPort = 0 });
        await world.PlantAsync();
        (await ControlWorld.ProblemOf(() => AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec" }))).Errors.Single().Field.ShouldBe("profile.protocol");
        await using var other = await ControlWorld.StartAsync(change: options => options with { OpenVpnUdpPort = 0, OpenVpnTcpPort = 0 });
        await other.PlantAsync();
        (await ControlWorld.ProblemOf(() => AddAsync(other, "pump-17", new ProfileRequest()))).Errors.Single().Field.ShouldBe("profile.protocol");
    }

    [Theory]
    [InlineData("https://hq", "ipsec.remotes[0]")]
    [InlineData("0.0.0.0", "ipsec.remotes[0]")]
    [InlineData("224.0.0.1", "ipsec.remotes[0]")]
    [InlineData("127.0.0.1", "ipsec.remotes[0]")]
    [InlineData("ff02::1", "ipsec.remotes[0]")]
    [InlineData("hq example", "ipsec.remotes[0]")]
    public async Task A_place_where_nobody_is_reached_is_no_remote(string remote, string field)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateSiteAsync("hq", new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [remote] } }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe(field);
        problem = await ControlWorld.ProblemOf(() => world.Client.UpdateSiteAsync("hq", new SiteUpdate { Ipsec = new SiteIpsecInput { Mode = "beet" } }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("ipsec.mode");
    }

    [Fact]
    public async Task A_repeated_create_makes_no_second_key()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        using var http = world.Http();
        http.DefaultRequestHeaders.Add("Authorization", "Bearer " + world.Token);
        http.DefaultRequestHeaders.Add("Idempotency-Key", "k1");
        const string Body = """{"name":"dc","network":"plant-a","subnets":["192.168.50.0/24"],"profile":{"protocol":"ipsec","auth":"psk"}}""";
        using var first = await http.PostAsync("/api/v1/sites", new StringContent(Body, Encoding.UTF8, "application/json"));
        first.EnsureSuccessStatusCode();
        using var second = await http.PostAsync("/api/v1/sites", new StringContent(Body, Encoding.UTF8, "application/json"));
        ((int)second.StatusCode).ShouldBe(409, "its key was shown once");
        (await world.Client.ListCredentialsAsync("site:dc")).Items.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Selectors_are_what_an_OpenVPN_profile_would_route()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16", "10.30.0.0/16", "fd00:20::/64"] });
        await world.HqAsync();
        var profile = (await AddSiteAsync(world, "dc", new ProfileRequest { Protocol = "ipsec", Auth = "psk" }, "192.168.60.0/24")).Profile!;
        const string Remote = "10.20.0.0/16, 10.30.0.0/16, 192.168.50.0/24, 198.18.0.0/16, 198.19.0.0/16";
        FileOf(profile, "swanctl/conf.d/dc.conf").ShouldContain($"local_ts = 192.168.60.0/24\n                remote_ts = {Remote}\n");
        FileOf(profile, "libreswan/dc.conf").ShouldContain($"    leftsubnets={{192.168.60.0/24}}\n    rightsubnets={{{Remote.Replace(",", "", StringComparison.Ordinal)}}}\n");
        var sheet = FileOf(profile, "sheet.txt");
        sheet.ShouldContain("    192.168.60.0/24           192.168.50.0/24\n");
        sheet.ShouldContain("\n\nPhase 1 (IKE), either choice\n    Lifetime                  14400 s\n");
        sheet.ShouldContain("\n\nPhase 2 (ESP), either choice\n    Mode                      tunnel\n");
        profile.Text.ShouldNotContain("0.0.0.0/0\n");
        var device = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec" })).Profile!;
        FileOf(device, "swanctl/conf.d/pump-17.conf").ShouldContain("vips = 0.0.0.0, ::\n");
        FileOf(device, "swanctl/conf.d/pump-17.conf").ShouldContain("Now: 10.20.0.0/16, 10.30.0.0/16, fd00:20::/64, 192.168.50.0/24, 192.168.60.0/24, 198.18.0.0/16, fd5c:fbbf::/32, 198.19.0.0/16, fd47:36c2::/32\n");
        FileOf(device, "swanctl/conf.d/pump-17.conf").ShouldContain("remote_ts = 0.0.0.0/0, ::/0\n", Case.Sensitive, "it has to ask to be given what comes later");
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { DefaultRoute = true });
        device = await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Protocol = "ipsec" });
        FileOf(device, "swanctl/conf.d/pump-17.conf").ShouldContain("remote_ts = 0.0.0.0/0, ::/0\n");
    }

    [Fact]
    public async Task A_master_key_that_is_rotated_opens_them_and_the_old_one_does_not()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await AddAsync(world, "pump-17", new ProfileRequest { Protocol = "ipsec", Auth = "psk", Ppk = true })).Profile!;
        var old = world.Control.Fleet.Read(sql => sql.QuerySingle<(byte[], byte[])>("SELECT secret, ppk FROM credentials"));
        await world.Client.RotateKeyAsync("master");
        var now = world.Control.Fleet.Read(sql => sql.QuerySingle<(byte[], byte[])>("SELECT secret, ppk FROM credentials"));
        now.Item1.ShouldNotBe(old.Item1);
        Should.Throw<CryptographicException>(() => world.Control.Envelope.Open("credential:1:secret", old.Item1));
        Encoding.ASCII.GetString(world.Control.Envelope.Open("credential:1:secret", now.Item1)).ShouldBe(profile.Keys[0].Secret);
        Encoding.ASCII.GetString(world.Control.Envelope.Open("credential:1:ppk", now.Item2)).ShouldBe(profile.Keys[1].Secret);
        Should.Throw<CryptographicException>(() => world.Control.Envelope.Open("credential:1:ppk", now.Item1), "what is sealed for one place does not open in another");
    }

    /// <summary>Not in the trail, not in the log, not in the export, and not in clear in any file.</summary>
    private static async Task IsNowhereAsync(ControlWorld world, params string[] secrets)
    {
        var audit = string.Join('\n', (await world.Client.ListAuditAsync(limit: 200)).Items.Select(item => item.Detail + item.Summary));
        var export = await world.Client.ExportFleetAsync();
        foreach (var secret in secrets)
        {
            audit.ShouldNotContain(secret);
            export.ShouldNotContain(secret);
            world.Log.Text.ShouldNotContain(secret);
            foreach (var file in Directory.GetFiles(world.Directory).Where(file => !file.EndsWith(".sock", StringComparison.Ordinal)))
            {
                using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                using var copy = new MemoryStream();
                await stream.CopyToAsync(copy);
                copy.ToArray().AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret)).ShouldBe(-1, file);
            }
        }
    }

    /// <summary>Its name has its fingerprint, so that two installations are two files on one machine.</summary>
    private static string Authority(ProfileIssued profile, string role)
    {
        var file = profile.Files.Single(file => file.Name.StartsWith($"swanctl/x509ca/sallyport-{role}-", StringComparison.Ordinal));
        using var certificate = X509Certificate2.CreateFromPem(file.Text);
        file.Name.ShouldBe($"swanctl/x509ca/sallyport-{role}-{Convert.ToHexStringLower(certificate.GetCertHash(System.Security.Cryptography.HashAlgorithmName.SHA256))[..8]}.pem");
        return file.Text;
    }

    private static string FileOf(ProfileIssued profile, string name) => profile.Files.Single(file => file.Name == name).Text;

    private static Task<DeviceCreated> AddAsync(ControlWorld world, string name, ProfileRequest profile) =>
        world.Client.AddDeviceAsync(new DeviceCreate { Name = name, Network = "plant-a", Profile = profile });

    private static Task<SiteCreated> AddSiteAsync(ControlWorld world, string name, ProfileRequest profile, string subnet = "192.168.50.0/24") =>
        world.Client.AddSiteAsync(new SiteCreate { Name = name, Network = "plant-a", Subnets = [subnet], Profile = profile });
}
