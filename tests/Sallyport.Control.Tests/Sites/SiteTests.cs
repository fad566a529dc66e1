using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.Api.Sites;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Sites;

public sealed class SiteTests
{
    [Fact]
    public async Task Who_asks_for_a_site_as_a_device_is_told_that_it_is_a_site()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.PumpAsync();
        (await HintAsync(() => world.Client.GetDeviceAsync("hq"))).ShouldBe("it is a site: sallyport site show hq");
        (await HintAsync(() => world.Client.GetDeviceAsync("hq.plant-a"))).ShouldBe("it is a site: sallyport site show hq.plant-a");
        (await HintAsync(() => world.Client.GetSiteAsync("pump-17"))).ShouldBe("it is a device: sallyport device show pump-17");
        (await HintAsync(() => world.Client.GetDeviceAsync("nobody"))).ShouldBe("see which there are: sallyport device list");

        static async Task<string?> HintAsync(Func<Task> ask) => (await ControlWorld.ProblemOf(ask)).Errors.Single().Hint;
    }

    [Theory]
    [InlineData("10.20.5.0/24", "10.20.5.0/24 overlaps the prefix 10.20.0.0/16 of network plant-a")]
    [InlineData("192.168.0.0/16", "192.168.0.0/16 overlaps 192.168.50.0/24, which site hq carries")]
    [InlineData("192.168.60.1/24", "192.168.60.1/24 has host bits")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0 lies in \"this network\" (RFC 1122)")]
    public async Task A_subnet_that_is_in_the_way_is_named(string subnet, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddSiteAsync(new SiteCreate { Name = "lab", Network = "plant-a", Subnets = [subnet] }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("subnets[0]");
        problem.Errors[0].Message.ShouldBe(message);
        problem.Errors[0].Hint.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Subnets_of_one_site_do_not_overlap_and_are_not_missing()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        (await ControlWorld.ProblemOf(() => world.Client.AddSiteAsync(
            new SiteCreate { Name = "lab", Network = "plant-a", Subnets = ["192.168.1.0/24", "192.168.1.128/25"] })))
            .Errors.Single().Message.ShouldBe("192.168.1.128/25 overlaps 192.168.1.0/24 of the same site");
        (await ControlWorld.ProblemOf(() => world.Client.AddSiteAsync(new SiteCreate { Name = "lab", Network = "plant-a" })))
            .Errors.Single().Field.ShouldBe("subnets");
    }

    [Fact]
    public async Task Sites_of_two_networks_may_carry_the_same_subnet()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        var twin = await world.Client.AddSiteAsync(new SiteCreate { Name = "hq", Network = "plant-b", Subnets = ["192.168.50.0/24"] });
        twin.Site.Subnets.ShouldBe(["192.168.50.0/24"]);
    }

    [Fact]
    public async Task A_subnet_is_not_taken_from_under_an_application()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateSiteAsync("hq", new SiteUpdate { Subnets = ["192.168.60.0/24"] }));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Message.ShouldBe("application historian reaches 192.168.50.10, which the site would not carry any more");
        (await world.Client.UpdateSiteAsync("hq", new SiteUpdate { Subnets = ["192.168.50.0/25", "192.168.60.0/24"] })).Subnets.Count.ShouldBe(2);
        (await ControlWorld.ProblemOf(() => world.Client.DeleteSiteAsync("hq"))).Detail.ShouldBe("Site hq is used by application historian. Remove first what is in the way: sallyport application remove historian.plant-a.");
    }
}
