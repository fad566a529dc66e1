using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Sallyport.Api;
using Sallyport.Api.Applications;
using Sallyport.Api.Problems;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Http;

/// <summary>What is wrong, where, and how to put it right: of every refusal that the API knows.</summary>
public sealed class ProblemTests
{
    [Theory]
    [InlineData("GET", "/api/v1/nothing", "", 404)]
    [InlineData("GET", "/api/v1/networks/nope", "", 404)]
    [InlineData("GET", "/api/v1/devices/nope", "", 404)]
    [InlineData("GET", "/api/v1/sites/nope", "", 404)]
    [InlineData("GET", "/api/v1/applications/nope", "", 404)]
    [InlineData("GET", "/api/v1/rules/99", "", 404)]
    [InlineData("DELETE", "/api/v1/rules/99", "", 404)]
    [InlineData("POST", "/api/v1/credentials/99/revoke", "{}", 404)]
    [InlineData("POST", "/api/v1/tunnels/device:nope/disconnect", "{}", 422)]
    [InlineData("POST", "/api/v1/tunnels/device:pump-17/disconnect", "{}", 409)]
    [InlineData("POST", "/api/v1/tunnels/pump-17/disconnect", "{}", 422)]
    [InlineData("PUT", "/api/v1/networks", "{}", 405)]
    [InlineData("POST", "/api/v1/networks", "{", 400)]
    [InlineData("POST", "/api/v1/networks", "{\"name\":5}", 400)]
    [InlineData("POST", "/api/v1/networks", "{\"nmae\":\"a\"}", 400)]
    [InlineData("POST", "/api/v1/networks", "", 400)]
    [InlineData("POST", "/api/v1/networks", "{}", 422)]
    [InlineData("POST", "/api/v1/networks", "{\"name\":\"plant-a\",\"prefixes\":[\"10.0.0.0/8\"]}", 409)]
    [InlineData("PATCH", "/api/v1/networks/plant-a", "{\"prefixes\":[],\"ciphers\":[],\"wrappings\":[],\"tokenLifetime\":\"x\"}", 422)]
    [InlineData("PATCH", "/api/v1/networks/plant-a", "{\"prefixes\":[\"10.9.0.0/16\"]}", 409)]
    [InlineData("DELETE", "/api/v1/networks/plant-a", "", 409)]
    [InlineData("POST", "/api/v1/devices", "", 400)]
    [InlineData("PATCH", "/api/v1/sites/hq", "", 400)]
    [InlineData("POST", "/api/v1/devices", "{}", 422)]
    [InlineData("POST", "/api/v1/devices", "{\"name\":\"a\",\"network\":\"far-away\",\"profile\":{\"validDays\":0,\"endpoint\":\"a b\",\"transport\":\"x\"}}", 422)]
    [InlineData("POST", "/api/v1/devices", "{\"name\":\"a\",\"network\":\"plant-a\",\"addresses\":[\"x\",\"10.20.0.0\",\"10.30.0.1\"],\"labels\":{\"\":\"\"},\"groups\":[\"\"]}", 422)]
    [InlineData("POST", "/api/v1/devices", "{\"name\":\"a\",\"network\":\"plant-a\",\"addresses\":[\"10.20.0.2\"]}", 409)]
    [InlineData("POST", "/api/v1/devices", "{\"name\":\"a\",\"network\":\"plant-a\",\"profile\":{\"wrapping\":\"none\"}}", 422)]
    [InlineData("POST", "/api/v1/sites", "{\"name\":\"a\",\"network\":\"plant-a\"}", 422)]
    [InlineData("POST", "/api/v1/sites", "{\"name\":\"a\",\"network\":\"plant-a\",\"subnets\":[\"192.168.50.0/25\"]}", 409)]
    [InlineData("PATCH", "/api/v1/sites/hq", "{\"subnets\":[]}", 422)]
    [InlineData("PATCH", "/api/v1/sites/hq", "{\"subnets\":[\"10.1.0.0/16\"]}", 409)]
    [InlineData("DELETE", "/api/v1/sites/hq", "", 409)]
    [InlineData("POST", "/api/v1/devices/pump-17/release", "{}", 409)]
    [InlineData("POST", "/api/v1/devices/gone/revoke", "{}", 409)]
    [InlineData("POST", "/api/v1/devices/gone/profile", "{}", 409)]
    [InlineData("POST", "/api/v1/devices/gone/quarantine", "{}", 409)]
    [InlineData("POST", "/api/v1/devices/pump-17/revoke", "{\"reason\":\"a\\nb\"}", 422)]
    [InlineData("POST", "/api/v1/credentials/2/revoke", "{}", 409)]
    [InlineData("POST", "/api/v1/applications", "{}", 422)]
    [InlineData("POST", "/api/v1/applications", "{\"site\":\"hq\",\"device\":\"pump-17\",\"services\":[\"x\",\"tcp\",\"tcp/0\",\"tcp/9-1\"]}", 422)]
    [InlineData("POST", "/api/v1/applications", "{\"name\":\"b\",\"site\":\"hq\",\"target\":\"1.2.3.4\",\"services\":[\"icmp\",\"icmp\"]}", 422)]
    [InlineData("DELETE", "/api/v1/applications/historian", "", 409)]
    [InlineData("POST", "/api/v1/rules", "{}", 422)]
    [InlineData("POST", "/api/v1/rules", "{\"from\":\"pump-17\",\"to\":\"historian\"}", 422)]
    [InlineData("POST", "/api/v1/rules", "{\"from\":\"label:model\",\"to\":\"application:historian\"}", 422)]
    [InlineData("POST", "/api/v1/rules", "{\"from\":\"site:hq\",\"to\":\"application:historian\"}", 422)]
    [InlineData("POST", "/api/v1/rules", "{\"from\":\"device:pump-17\",\"to\":\"application:historian\"}", 409)]
    [InlineData("GET", "/api/v1/policy/explain", "", 422)]
    [InlineData("GET", "/api/v1/policy/explain?from=device:pump-17&to=x&protocol=tcp", "", 422)]
    [InlineData("GET", "/api/v1/flows?device=pump-17&site=hq&verdict=x", "", 422)]
    [InlineData("GET", "/api/v1/devices?limit=0&cursor=x", "", 422)]
    [InlineData("GET", "/api/v1/devices?limit=x", "", 400)]
    [InlineData("GET", "/api/v1/devices?label=x&state=x&presence=x", "", 422)]
    [InlineData("GET", "/api/v1/credentials?owner=x", "", 422)]
    [InlineData("POST", "/api/v1/keys/nope/rotate", "{}", 422)]
    public async Task Every_refusal_says_what_where_and_how_to_mend_it(string method, string path, string body, int status)
    {
        await using var world = await WorldAsync();
        var problem = await AskAsync(world, method, path, body);
        problem.Status.ShouldBe(status, problem.Detail + string.Join("; ", problem.Errors));
        ControlWorld.ShouldBeOfUse(problem);
    }

    [Theory]
    [InlineData("If-Match", "\"7\"", 412)]
    [InlineData("If-Match", "x", 422)]
    public async Task Headers_are_named_as_fields_are(string header, string value, int status)
    {
        await using var world = await WorldAsync();
        var problem = await AskAsync(world, "PATCH", "/api/v1/networks/plant-a", "{\"minimumTls\":\"1.3\"}", (header, value));
        problem.Status.ShouldBe(status);
        ControlWorld.ShouldBeOfUse(problem);
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe(header);
    }

    [Fact]
    public async Task What_is_no_fault_of_the_input_says_what_to_do_as_well()
    {
        await using var world = await WorldAsync();
        using var http = world.Http();
        using var response = await http.GetAsync("/api/v1/status");
        ControlWorld.ShouldBeOfUse(await ReadAsync(response));
        ControlWorld.ShouldBeOfUse(Control.Http.Refusal.Internal);
        ControlWorld.ShouldBeOfUse(Control.Http.Refusal.Forbidden(Control.Users.Actor.System, Control.Users.Right.Change));
    }

    [Fact]
    public void A_problem_cannot_be_made_without_all_three()
    {
        Should.Throw<Sallyport.Core.Primitives.InvariantException>(() => Control.Http.Refusal.NotFound("id", "there is no rule 99", ""));
        Should.Throw<Sallyport.Core.Primitives.InvariantException>(() => Control.Http.Refusal.Conflict("", "it is in the way", "move it"));
        Should.Throw<Sallyport.Core.Primitives.InvariantException>(() => new Control.Http.ProblemList().Add("name", "", "give one"));
    }

    /// <summary>A network with a device, a revoked one, a site, an application and a rule.</summary>
    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync(change: options => options with { CutWait = TimeSpan.Zero });
        await world.PlantAsync();
        await world.PumpAsync();
        await world.PumpAsync("gone");
        await world.Client.RevokeDeviceAsync("gone", null);
        await world.HqAsync();
        await world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        return world;
    }

    private static async Task<Problem> AskAsync(ControlWorld world, string method, string path, string body, (string Name, string Value)? header = null)
    {
        using var http = world.Http();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", world.Token);
        if (header is { } given)
        {
            request.Headers.TryAddWithoutValidation(given.Name, given.Value);
        }

        if (method is "POST" or "PATCH" or "PUT")
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var response = await http.SendAsync(request);
        return await ReadAsync(response);
    }

    private static async Task<Problem> ReadAsync(HttpResponseMessage response) =>
        JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), ApiJson.Default.Problem)!;
}
