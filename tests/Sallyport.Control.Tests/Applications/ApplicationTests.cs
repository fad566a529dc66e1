using Sallyport.Api.Applications;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Applications;

public sealed class ApplicationTests
{
    [Theory]
    [InlineData("tcp/0", "port 0 does not exist", "use a number from 1 to 65535")]
    [InlineData("udp/65536", "port 65536 does not exist", "use a number from 1 to 65535")]
    [InlineData("tcp/http", "'http' is not a port", "use a number from 1 to 65535")]
    [InlineData("tcp/-1", "'' is not a port", "use a number from 1 to 65535")]
    [InlineData("tcp", "'tcp' has no port", "write tcp/8883")]
    [InlineData("sctp/5", "'sctp/5' is not a service", "write tcp/8883, udp/5000-5010 or icmp")]
    [InlineData("udp/9-5", "the range 9-5 ends before it begins", "did you mean udp/5-9?")]
    public async Task A_bad_service_is_named_with_its_repair(string service, string message, string hint)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "a", Site = "hq", Target = "192.168.50.10", Services = [service] }));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Field.ShouldBe("services[0]");
        error.Message.ShouldBe(message);
        error.Hint.ShouldBe(hint);
    }

    [Theory]
    [InlineData("10.9.9.9", "10.9.9.9 is not carried by site hq")]
    [InlineData("192.168.0.0/16", "192.168.0.0/16 is not carried by site hq")]
    [InlineData("192.168.50.1/24", "192.168.50.1/24 has host bits")]
    [InlineData("historian", "'historian' is not a prefix")]
    public async Task A_target_that_the_owner_does_not_carry_is_refused(string target, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "a", Site = "hq", Target = target, Services = ["icmp"] }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("target");
        problem.Errors[0].Message.ShouldBe(message);
    }

    [Fact]
    public async Task The_default_target_is_the_owners_own_address()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var pump = await world.PumpAsync();
        var web = await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Device = "pump-17", Services = ["TCP/80", "udp/5000-5010", "icmp"] });
        web.Target.ShouldBe(pump.Device.Addresses[0]);
        web.Services.ShouldBe(["tcp/80", "udp/5000-5010", "icmp"]);
        web.OwnerKind.ShouldBe("device");
    }

    [Fact]
    public async Task Exactly_one_owner_is_asked_for()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        (await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(new ApplicationCreate { Name = "a" })))
            .Errors.Select(error => $"{error.Field} {error.Message}").ShouldBe(["site the owner is missing", "services the services are missing"]);
        (await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(new ApplicationCreate { Name = "a", Site = "hq", Device = "x", Services = ["icmp"] })))
            .Errors.Single().Field.ShouldBe("device");
        var unknown = await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(new ApplicationCreate { Name = "a", Site = "hk", Services = ["icmp"] }));
        unknown.Errors.Single().Message.ShouldBe("there is no site 'hk'");
        unknown.Errors.Single().Hint.ShouldBe("did you mean hq?");
    }

    [Fact]
    public async Task A_name_is_used_once_and_an_allowed_application_is_not_deleted()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.PumpAsync();
        var create = new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.0/28", Services = ["tcp/8883"] };
        (await world.Client.AddApplicationAsync(create)).Target.ShouldBe("192.168.50.0/28");
        (await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(create))).Status.ShouldBe(409);
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        (await ControlWorld.ProblemOf(() => world.Client.DeleteApplicationAsync("historian"))).Detail
            .ShouldBe($"Application historian is used by rule {rule.Id} (from label:model=P200). Remove first what is in the way: sallyport rule remove {rule.Id}.");
        (await world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Services = ["tcp/8884"] })).Services.ShouldBe(["tcp/8884"]);
        await world.Client.DeleteRuleAsync(rule.Id);
        await world.Client.DeleteApplicationAsync("historian");
    }
}
