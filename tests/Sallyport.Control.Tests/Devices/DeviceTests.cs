using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Devices;

public sealed class DeviceTests
{
    [Theory]
    [InlineData("10.21.0.5", "10.21.0.5 lies outside the network's prefixes 10.20.0.0/16")]
    [InlineData("10.20.0.0", "10.20.0.0 is the network address of 10.20.0.0/16")]
    [InlineData("10.20.0.1", "10.20.0.1 is the gateway's own address in 10.20.0.0/16")]
    [InlineData("10.20.255.255", "10.20.255.255 is the broadcast address of 10.20.0.0/16")]
    [InlineData("fd00::5", "fd00::5 lies outside the network's prefixes 10.20.0.0/16")]
    [InlineData("here", "'here' is not an address")]
    public async Task A_bad_fixed_address_is_named(string address, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(
            () => world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-a", Addresses = [address] }));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Field.ShouldBe("addresses[0]");
        error.Message.ShouldBe(message);
    }

    [Fact]
    public async Task A_taken_address_names_its_holder_and_a_free_one()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-a", Addresses = ["10.20.0.7"] });
        var problem = await ControlWorld.ProblemOf(
            () => world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-18", Network = "plant-a", Addresses = ["10.20.0.7"] }));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Message.ShouldBe("10.20.0.7 belongs to device pump-17");
        problem.Errors.Single().Hint.ShouldBe("10.20.0.8 is free; without an address one is allocated");
    }

    [Fact]
    public async Task Two_addresses_of_one_family_are_one_too_many()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(
            () => world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-a", Addresses = ["10.20.0.7", "10.20.0.8"] }));
        problem.Errors.Single().Message.ShouldBe("10.20.0.8 is the second IPv4 address");
    }

    [Fact]
    public async Task Addresses_are_allocated_in_order_one_of_each_family()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/29", "fd00:20::/64"] });
        (await world.PumpAsync("a")).Device.Addresses.ShouldBe(["10.20.0.2", "fd00:20::2"]);
        (await world.PumpAsync("b")).Device.Addresses.ShouldBe(["10.20.0.3", "fd00:20::3"]);
    }

    [Fact]
    public async Task A_freed_address_is_found_again_and_a_full_network_says_so()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/29"] });
        foreach (var name in new[] { "a", "b", "c", "d", "e" })
        {
            await world.PumpAsync(name);
        }

        var problem = await ControlWorld.ProblemOf(() => world.PumpAsync("f"));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Message.ShouldBe("network plant-a has no free IPv4 address left");
        await world.Client.DeleteDeviceAsync("c");
        (await world.PumpAsync("f")).Device.Addresses.ShouldBe(["10.20.0.4"]);
    }

    [Fact]
    public async Task Everything_wrong_with_a_device_is_named_at_once()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddDeviceAsync(new DeviceCreate
        {
            Name = "-pump",
            Network = "plant-b",
            Labels = new Dictionary<string, string> { ["mo del"] = "x", ["site"] = "" },
            Groups = ["Pumps"],
            Profile = new ProfileRequest { Transport = "quic", ValidDays = 0, Endpoint = "host:1194" },
        }));
        problem.Errors.Select(error => $"{error.Field}: {error.Message}").ShouldBe(
        [
            "network: there is no network 'plant-b'",
            "name: '-pump' is not a valid name",
            "labels.mo del: 'mo del' is not a valid label key",
            "labels.site: label 'site' has no valid value",
            "groups[0]: 'Pumps' is not a valid name",
            "profile.transport: 'quic' is not a transport we know",
            "profile.validDays: 0 is out of range",
            "profile.endpoint: 'host:1194' is neither a host name nor an address",
        ]);
        problem.Errors[0].Hint.ShouldBe("did you mean plant-a?");
    }

    [Fact]
    public async Task A_device_and_a_site_of_one_network_do_not_share_a_name()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        var problem = await ControlWorld.ProblemOf(() => world.PumpAsync("hq"));
        problem.Status.ShouldBe(409);
        problem.Detail.ShouldBe("There is a site 'hq' in network plant-a already. Choose another name.");
    }

    [Fact]
    public async Task A_name_of_two_networks_asks_which()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.PumpAsync();
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-b" });
        (await ControlWorld.ProblemOf(() => world.Client.GetDeviceAsync("pump-17"))).Detail
            .ShouldBe("2 networks have a device 'pump-17'. Say which: pump-17.plant-a or pump-17.plant-b.");
        (await world.Client.GetDeviceAsync("pump-17.plant-b")).Network.ShouldBe("plant-b");
    }

    [Fact]
    public async Task A_device_is_pending_until_its_first_profile()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var made = await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-a" });
        made.Device.State.ShouldBe("pending");
        made.Profile.ShouldBeNull();
        await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest());
        (await world.Client.GetDeviceAsync("pump-17")).State.ShouldBe("active");
    }

    [Fact]
    public async Task Quarantine_and_release_keep_the_credentials()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        var cut = await world.Client.QuarantineDeviceAsync("pump-17", "odd traffic");
        cut.State.ShouldBe("quarantined");
        (await world.Client.GetDeviceAsync("pump-17")).StateReason.ShouldBe("odd traffic");
        (await world.Client.ReleaseDeviceAsync("pump-17", null)).State.ShouldBe("active");
        (await world.Client.ListCredentialsAsync("device:pump-17")).Items.Count.ShouldBe(1);
        var problem = await ControlWorld.ProblemOf(() => world.Client.ReleaseDeviceAsync("pump-17", null));
        problem.Detail.ShouldBe("Device pump-17 is active. Only what is quarantined can become active.");
    }

    [Fact]
    public async Task What_was_revoked_does_not_come_back()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.RevokeDeviceAsync("pump-17", "stolen");
        (await ControlWorld.ProblemOf(() => world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest()))).Status.ShouldBe(409);
        (await ControlWorld.ProblemOf(() => world.Client.RevokeDeviceAsync("pump-17", "again"))).Detail!.ShouldStartWith("device pump-17 was revoked already");
        var credential = (await world.Client.ListCredentialsAsync("device:pump-17", revoked: true)).Items.Single();
        credential.RevokeReason.ShouldBe("stolen");
        credential.RevokedAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task Labels_and_groups_are_replaced_and_filter_the_list()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var pump = await world.PumpAsync();
        await world.PumpAsync("pump-18");
        await world.Client.UpdateDeviceAsync(
            "pump-17", new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P300" }, Groups = ["pumps"] }, pump.Device.Revision);
        (await world.Client.ListDevicesAsync(group: "pumps")).Items.Single().Name.ShouldBe("pump-17");
        (await world.Client.ListDevicesAsync(label: "model=P200")).Items.Single().Name.ShouldBe("pump-18");
        (await world.Client.ListDevicesAsync(state: "active", presence: "offline")).Items.Count.ShouldBe(2);
        (await ControlWorld.ProblemOf(() => world.Client.ListDevicesAsync(state: "activ"))).Errors.Single().Hint.ShouldBe("did you mean active?");
    }

    [Fact]
    public async Task A_reason_of_several_lines_is_refused()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.RevokeDeviceAsync("pump-17", "a\nb"));
        problem.Errors.Single().Message.ShouldBe("the reason has control characters");
        (await world.Client.GetDeviceAsync("pump-17")).State.ShouldBe("active");
    }
}
