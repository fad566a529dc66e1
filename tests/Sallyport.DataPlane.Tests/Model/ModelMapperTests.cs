using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Model;

public sealed class ModelMapperTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void A_snapshot_becomes_a_model_with_its_indexes()
    {
        var model = ModelMapper.FromSnapshot(new Snapshot(7, _fleet.Model()), TestFleet.Now);

        model.Version.ShouldBe(7);
        model.Fleet.Identity(TestFleet.DeviceId)!.Name.ShouldBe("pump-17");
        model.Fleet.IdentityAt(TestFleet.NetworkId, TestFleet.ApplicationAddress)!.Id.ShouldBe(TestFleet.SiteId);
        model.Fleet.Application(TestFleet.ApplicationId)!.Services.ShouldBe(
        [
            new Service(IpProtocol.Tcp, 8883, 8883),
            new Service(IpProtocol.Udp, 5000, 5010),
            new Service(IpProtocol.Icmp, 0, 0),
            new Service(IpProtocol.IcmpV6, 0, 0),
        ]);
        model.ByFingerprint[_fleet.Device.Certificate.Fingerprint].IdentityId.ShouldBe(TestFleet.DeviceId);
        model.IsKnown(_fleet.Device.WrappedKeyId).ShouldBeTrue();
        model.IsKnown(new byte[16]).ShouldBeFalse();
        model.HasCredential(TestFleet.DeviceId, 20).ShouldBeTrue();
        model.Access[TestFleet.NetworkId].Ciphers.ShouldBe([DataCipher.Aes256Gcm, DataCipher.Aes128Gcm, DataCipher.ChaCha20Poly1305]);
    }

    [Fact]
    public void A_network_may_opt_into_each_legacy_wrapping()
    {
        _fleet.Network = _fleet.Network with
        {
            Wrappings = ["tls-crypt", "tls-auth", "none"], WrappingKey = new byte[256], AuthDigest = "SHA512", TlsAuthDirection = "none", MinimumTls = "1.3",
        };
        var model = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);

        model.LegacyWrappings.Select(wrapping => wrapping.Kind).ShouldBe([WrappingKind.TlsCrypt, WrappingKind.TlsAuth, WrappingKind.None]);
        model.LegacyWrappings[1].Digest.ShouldBe(HashKind.Sha512);
        model.LegacyWrappings[1].ClientDirection.ShouldBe(KeyDirection.Bidirectional);
        model.Access[TestFleet.NetworkId].MinimumTls.ShouldBe(TlsVersion.Tls13);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_network_whose_tokens_would_never_end_is_refused(int seconds)
    {
        _fleet.Network = _fleet.Network with { TokenSeconds = seconds };
        Should.Throw<FormatException>(() => ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now));
    }

    [Fact]
    public void A_delta_replaces_what_it_names_and_leaves_the_rest_as_it_is()
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);
        var renewed = _fleet.Member("pump-17", TestFleet.DeviceId);
        var delta = new Delta
        {
            Version = 2,
            CommittedAt = 5,
            Identities = [_fleet.DeviceModel with { Credentials = [renewed.Credential with { Id = 99 }] }],
            RemovedIdentities = [TestFleet.OtherDeviceId],
            RemovedRules = [TestFleet.RuleId],
        };

        var after = ModelMapper.Apply(before, delta, TestFleet.Now, out var change);

        change.Everything.ShouldBeFalse();
        change.Identities.ShouldBe([TestFleet.OtherDeviceId, TestFleet.DeviceId]);
        change.Rerouted.ShouldBeEmpty();
        change.CommittedAt.ShouldBe(5);
        after.IsKnown(_fleet.Device.WrappedKeyId).ShouldBeFalse();
        after.IsKnown(renewed.WrappedKeyId).ShouldBeTrue();
        after.HasCredential(TestFleet.DeviceId, 20).ShouldBeFalse();
        after.ByFingerprint.ContainsKey(_fleet.OtherDevice.Certificate.Fingerprint).ShouldBeFalse();
        after.Fleet.Rule(TestFleet.RuleId).ShouldBeNull();
        after.LegacyWrappings.ShouldBeSameAs(before.LegacyWrappings, "the door keeps its keys ready while it sees the same list");
        before.IsKnown(_fleet.Device.WrappedKeyId).ShouldBeTrue("a model never changes");
    }

    [Fact]
    public void Subnets_that_change_reroute_their_network()
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);
        var site = _fleet.SiteModel;

        ModelMapper.Apply(before, new Delta { Version = 2, CommittedAt = 1, Identities = [site with { Name = "renamed" }] }, TestFleet.Now, out var change);
        change.Rerouted.ShouldBeEmpty();
        var after = ModelMapper.Apply(before, new Delta { Version = 2, CommittedAt = 1, Identities = [site with { Subnets = ["192.168.51.0/24"] }] }, TestFleet.Now, out change);

        var rerouted = change.Rerouted.ShouldHaveSingleItem();
        rerouted.NetworkId.ShouldBe(TestFleet.NetworkId);
        rerouted.SiteIds.ShouldBe([TestFleet.SiteId]);
        rerouted.Concerns(after.Fleet.Identity(TestFleet.SiteId)!).ShouldBeFalse();
        rerouted.Concerns(after.Fleet.Identity(TestFleet.DeviceId)!).ShouldBeTrue();
        ModelMapper.Apply(after, new Delta { Version = 3, CommittedAt = 1, RemovedIdentities = [TestFleet.SiteId] }, TestFleet.Now, out change);
        change.Rerouted.ShouldHaveSingleItem();
    }

    [Fact]
    public void The_way_to_everything_is_sent_to_devices_alone()
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);
        var network = _fleet.Model().Networks.Single(one => one.Id == TestFleet.NetworkId);
        var after = ModelMapper.Apply(before, new Delta { Version = 2, CommittedAt = 1, Networks = [network with { DefaultRoute = !network.DefaultRoute }] }, TestFleet.Now, out var change);
        var rerouted = change.Rerouted.ShouldHaveSingleItem();
        rerouted.Concerns(after.Fleet.Identity(TestFleet.DeviceId)!).ShouldBeTrue();
        rerouted.Concerns(after.Fleet.Identity(TestFleet.SiteId)!).ShouldBeFalse();
        ModelMapper.Apply(before, new Delta { Version = 2, CommittedAt = 1, Networks = [network with { DefaultRoute = !network.DefaultRoute, Topology = "p2p" }] }, TestFleet.Now, out change);
        change.Rerouted.ShouldHaveSingleItem().Concerns(after.Fleet.Identity(TestFleet.SiteId)!).ShouldBeTrue();

        // A gateway that missed it gets the whole model.
        ModelMapper.FromSnapshot(before, new Snapshot(9, _fleet.Model()), TestFleet.Now, out change);
        change.Rerouted.ShouldBeEmpty();
        ModelMapper.FromSnapshot(after, new Snapshot(9, _fleet.Model()), TestFleet.Now, out change);
        change.Rerouted.ShouldHaveSingleItem().IsOfDevices.ShouldBeTrue();
    }

    [Fact]
    public void Routes_beyond_the_gateway_host_are_news_for_whom_a_rule_names_alone()
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.ModelWithEgress()), TestFleet.Now);
        var named = _fleet.DeviceModel with { Labels = new Dictionary<string, string> { ["out"] = "yes" } };
        var delta = new Delta { Version = 2, CommittedAt = 1, Identities = [named], Rules = [TestFleet.EgressRule] };
        var after = ModelMapper.Apply(before, delta, TestFleet.Now, out var change);
        change.Rerouted.ShouldBeEmpty();
        change.Gaining.ShouldBe([TestFleet.DeviceId]);

        ModelMapper.Apply(after, new Delta { Version = 3, CommittedAt = 1, RemovedRules = [TestFleet.EgressId] }, TestFleet.Now, out change);
        change.Gaining.ShouldBeEmpty();

        // A gateway that missed the change gets the whole model.
        var whole = _fleet.ModelWithEgress() with { Rules = [TestFleet.EgressRule], Identities = [.. _fleet.ModelWithEgress().Identities.Select(one => one.Id == named.Id ? named : one)] };
        ModelMapper.FromSnapshot(before, new Snapshot(9, whole), TestFleet.Now, out change);
        change.Gaining.ShouldBe([TestFleet.DeviceId]);
        ModelMapper.FromSnapshot(after, new Snapshot(9, whole), TestFleet.Now, out change);
        change.Gaining.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("device ")]
    [InlineData("")]
    public void What_control_may_not_send_is_refused_whole(string kind)
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);
        Should.Throw<FormatException>(() => ModelMapper.Apply(
            before, new Delta { Version = 2, CommittedAt = 1, Identities = [_fleet.DeviceModel with { Kind = kind }] }, TestFleet.Now, out _));
    }

    [Theory]
    [InlineData("maybe", "daily 08:00-17:00 Etc/UTC")]
    [InlineData("allow", "daily 08:00-17:00 Europe/Vienna")]
    [InlineData("allow", "daily Etc/UTC")]
    public void A_rule_whose_effect_or_hours_it_does_not_know_is_refused_whole(string effect, string window)
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);
        var rule = _fleet.Rule with { Effect = effect, Windows = [window] };
        var delta = new Delta { Version = 2, CommittedAt = 1, Rules = [rule], Zones = [new ZoneModel("Etc/UTC", [0, 0])] };
        Should.Throw<FormatException>(() => ModelMapper.Apply(before, delta, TestFleet.Now, out _));
    }

    [Fact]
    public void Moments_of_the_clock_come_one_by_one_and_name_their_rules()
    {
        var rule = _fleet.Rule with { Until = (TestFleet.Now + TimeSpan.FromSeconds(62)).Nanoseconds };
        var other = rule with { Id = 9, SubjectId = TestFleet.OtherDeviceId, Until = (TestFleet.Now + TimeSpan.FromMinutes(1)).Nanoseconds };
        var model = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model() with { Rules = [rule, other] }), TestFleet.Now);
        ModelMapper.AtNextDue(model, TestFleet.Now + TimeSpan.FromSeconds(59), out _).ShouldBeNull();

        var late = TestFleet.Now + TimeSpan.FromSeconds(65);
        var first = ModelMapper.AtNextDue(model, late, out var change).ShouldNotBeNull();
        (change.Due!.Rules.Single(), change.Due.At).ShouldBe((9, TestFleet.Now + TimeSpan.FromMinutes(1)));
        var second = ModelMapper.AtNextDue(first, late, out change).ShouldNotBeNull();
        change.Due!.Rules.Single().ShouldBe(rule.Id);
        ModelMapper.AtNextDue(second, late, out _).ShouldBeNull();
    }

    [Fact]
    public void A_clock_that_was_set_forward_goes_over_all_its_moments_at_once()
    {
        var hours = _fleet.Rule with { Windows = ["daily 08:00-17:00 Etc/UTC"] };
        var ends = hours with { Id = 9, Windows = [], Until = (TestFleet.Now + TimeSpan.FromDays(30)).Nanoseconds };
        var snapshot = new Snapshot(1, _fleet.Model() with { Rules = [hours, ends], Zones = [new ZoneModel("Etc/UTC", [0, 0])] });
        var model = ModelMapper.FromSnapshot(snapshot, TestFleet.Now);
        var yearsLater = TestFleet.Now + TimeSpan.FromDays(3000);
        var after = ModelMapper.AtNextDue(model, yearsLater, out var change).ShouldNotBeNull();
        change.Due!.Rules.Order().ShouldBe([hours.Id, 9]);
        after.Fleet.Epoch.ShouldBe(model.Fleet.Epoch + 1);
        after.Fleet.NextChange.ShouldBeGreaterThan(yearsLater);
        ModelMapper.AtNextDue(after, yearsLater, out _).ShouldBeNull();
    }

    [Fact]
    public void An_inactive_identity_is_not_known_at_the_door()
    {
        var before = ModelMapper.FromSnapshot(new Snapshot(1, _fleet.Model()), TestFleet.Now);
        var after = ModelMapper.Apply(before, new Delta { Version = 2, CommittedAt = 1, Identities = [_fleet.DeviceModel with { Active = false }] }, TestFleet.Now, out _);

        after.IsKnown(_fleet.Device.WrappedKeyId).ShouldBeFalse();
        after.FindWrappedKey(_fleet.Device.WrappedKeyId).ShouldNotBeNull("operators are told whose it is");
    }

    public void Dispose() => _fleet.Dispose();
}
