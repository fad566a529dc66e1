using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Sallyport.Api.Networks;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Http;

public sealed class ApiTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("Bearer")]
    [InlineData("Bearer spt_wrong")]
    [InlineData("Basic YWRtaW46YWRtaW4=")]
    public async Task Without_a_valid_token_nothing_is_told(string? authorization)
    {
        await using var world = await ControlWorld.StartAsync();
        using var http = world.Http();
        foreach (var path in new[] { "/api/v1/devices", "/api/v1/status", "/metrics", "/api/v1/audit/export", "/api/v1/flows/tail", "/nothing", "/" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (authorization is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            }

            using var response = await http.SendAsync(request);
            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, path);
            response.Headers.WwwAuthenticate.Single().Scheme.ShouldBe("Bearer");
            response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        }
    }

    [Fact]
    public async Task The_token_stays_over_restarts_and_is_made_anew_where_its_file_is_gone()
    {
        var directory = ControlWorld.NewDirectory();
        string token;
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            token = world.Token;
            token.ShouldStartWith("spt_");
        }

        await using (var world = await ControlWorld.StartAsync(directory))
        {
            world.Token.ShouldBe(token);
            await world.Client.GetStatusAsync();
        }

        File.WriteAllText(Path.Combine(directory, "admin.token"), "spt_of-a-crash-before-its-commit");
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            world.Token.ShouldNotBe(token);
            (await world.Client.ListAuditAsync()).Items.Select(record => record.Action).ShouldBe(["token.replace", "token.create"]);
            using var http = world.Http();
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            (await http.GetAsync("/api/v1/status")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("{", 400, "The body is not the JSON that is expected")]
    [InlineData("{\"name\":5}", 400, "at $.name")]
    [InlineData("{\"name\":\"a\",\"prefix\":\"10.0.0.0/8\"}", 400, "prefix")]
    [InlineData("", 400, null)]
    public async Task A_body_that_is_no_request_is_a_problem(string body, int status, string? detail)
    {
        await using var world = await ControlWorld.StartAsync();
        using var http = Authorised(world);
        using var response = await http.PostAsync("/api/v1/networks", new StringContent(body, Encoding.UTF8, "application/json"));
        ((int)response.StatusCode).ShouldBe(status);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        problem.RootElement.GetProperty("status").GetInt32().ShouldBe(status);
        if (detail is not null)
        {
            problem.RootElement.GetProperty("detail").GetString()!.ShouldContain(detail);
        }
    }

    [Fact]
    public async Task Wrong_paths_methods_and_types_are_problems_too()
    {
        await using var world = await ControlWorld.StartAsync();
        using var http = Authorised(world);
        (await ProblemAsync(await http.GetAsync("/api/v1/devises"))).ShouldBe((404, "There is nothing at /api/v1/devises. The interface is described at /openapi/v1.json."));
        (await ProblemAsync(await http.PutAsync("/api/v1/networks", null))).Status.ShouldBe(405);
        (await ProblemAsync(await http.PostAsync("/api/v1/networks", new StringContent("name=a", Encoding.UTF8, "application/x-www-form-urlencoded")))).Status.ShouldBe(415);
        (await ProblemAsync(await http.GetAsync("/api/v1/rules/999"))).ShouldBe((404, "There is no rule 999. See which there are: sallyport rule list."));
    }

    [Fact]
    public async Task A_repeated_create_makes_nothing_twice()
    {
        await using var world = await ControlWorld.StartAsync();
        using var http = Authorised(world);
        var first = await CreateAsync(http, "k1", "/api/v1/networks", "{\"name\":\"plant-a\",\"prefixes\":[\"10.20.0.0/16\"]}");
        var again = await CreateAsync(http, "k1", "/api/v1/networks", "{\"name\":\"plant-a\",\"prefixes\":[\"10.20.0.0/16\"]}");
        first.Status.ShouldBe(201);
        again.ShouldBe(first);
        (await CreateAsync(http, "k1", "/api/v1/networks", "{\"name\":\"plant-b\",\"prefixes\":[\"10.20.0.0/16\"]}")).Status.ShouldBe(422);
        (await CreateAsync(http, "k2", "/api/v1/devices", "{\"name\":\"a\",\"network\":\"plant-a\"}")).Status.ShouldBe(201);
        (await CreateAsync(http, "k2", "/api/v1/devices", "{\"name\":\"a\",\"network\":\"plant-a\"}")).Status.ShouldBe(201);
        (await CreateAsync(http, "k3", "/api/v1/devices", "{\"name\":\"b\",\"network\":\"plant-a\",\"profile\":{}}")).Status.ShouldBe(201);
        var secret = await CreateAsync(http, "k3", "/api/v1/devices", "{\"name\":\"b\",\"network\":\"plant-a\",\"profile\":{}}");
        secret.Status.ShouldBe(409);
        secret.Body.ShouldContain("private key that is stored nowhere");
        (await world.Client.ListDevicesAsync()).Items.Select(device => device.Name).ShouldBe(["a", "b"]);
        (await world.Client.ListAuditAsync(action: "device.create")).Items.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Lists_go_on_where_they_stopped()
    {
        await using var world = await ControlWorld.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await world.Client.AddNetworkAsync(new NetworkCreate { Name = $"n{i}", Prefixes = ["10.0.0.0/24"] });
        }

        var names = new List<string>();
        string? cursor = null;
        do
        {
            var page = await world.Client.ListNetworksAsync(limit: 2, cursor: cursor);
            names.AddRange(page.Items.Select(network => network.Name));
            cursor = page.Next;
        }
        while (cursor is not null);
        names.ShouldBe(["n0", "n1", "n2", "n3", "n4"]);
    }

    [Fact]
    public async Task The_interface_describes_itself()
    {
        await using var world = await ControlWorld.StartAsync();
        using var http = world.Http();
        using var document = JsonDocument.Parse(await http.GetStringAsync("/openapi/v1.json"));
        var paths = document.RootElement.GetProperty("paths").EnumerateObject().Select(path => path.Name).ToList();
        paths.ShouldContain("/api/v1/devices/{name}/revoke");
        paths.ShouldContain("/api/v1/policy/explain");
        document.RootElement.GetProperty("components").GetProperty("schemas").TryGetProperty("DeviceInfo", out _).ShouldBeTrue();
        document.RootElement.GetProperty("components").GetProperty("securitySchemes").GetProperty("bearer").GetProperty("scheme").GetString().ShouldBe("bearer");
    }

    [Fact]
    public async Task Metrics_count_without_naming_anybody()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.SendAsync(new Api.Nodes.DropReport(new Dictionary<string, long> { ["NoRule"] = 7 }));
        using var http = Authorised(world);
        var text = "";
        for (var i = 0; i < 200 && !text.Contains("NoRule", StringComparison.Ordinal); i++)
        {
            text = await http.GetStringAsync("/metrics");
            await Task.Delay(10);
        }

        text.ShouldContain("sallyport_drops_total{gateway=\"gw-1\",reason=\"NoRule\"} 7\n");
        text.ShouldContain("sallyport_identities{kind=\"device\",active=\"true\"} 1\n");
        text.ShouldContain("sallyport_build_info{version=\"0.1.0\"} 1\n");
        text.ShouldNotContain("pump-17");
    }

    private static HttpClient Authorised(ControlWorld world)
    {
        var http = world.Http();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", world.Token);
        return http;
    }

    private static async Task<(int Status, string Body)> CreateAsync(HttpClient http, string key, string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key);
        using var response = await http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static async Task<(int Status, string? Detail)> ProblemAsync(HttpResponseMessage response)
    {
        using (response)
        {
            response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
            using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            return ((int)response.StatusCode, problem.RootElement.GetProperty("detail").GetString());
        }
    }
}
