using Sallyport.Api.Networks;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Networks;

public sealed class NetworkTests
{
    [Theory]
    [InlineData("10.20.0.1/16", "10.20.0.1/16 has host bits", "did you mean 10.20.0.0/16?")]
    [InlineData("fd00::1/64", "fd00::1/64 has host bits", "did you mean fd00::/64?")]
    [InlineData("10.20.0.0", "'10.20.0.0' has no length", "did you mean 10.20.0.0/16?")]
    [InlineData("fd00:20::", "'fd00:20::' has no length", "did you mean fd00:20::/64?")]
    [InlineData("10.20.0.0/33", "'10.20.0.0/33' is not a prefix: the length is not a number from 0 to 32", "write it as 10.20.0.0/16")]
    [InlineData("ten/8", "'ten/8' is not a prefix: the part before '/' is not an address", "write it as 10.20.0.0/16")]
    [InlineData("plant", "'plant' is not a prefix", "write it as 10.20.0.0/16")]
    [InlineData("", "the prefix is empty", "give a prefix such as 10.20.0.0/16")]
    [InlineData("10.0.0.0/7", "10.0.0.0/7 is too large", "the shortest prefix is /8")]
    [InlineData("10.0.0.0/31", "10.0.0.0/31 is too small", "the longest prefix is /30")]
    [InlineData("fd00::/32", "fd00::/32 is too large", "the shortest prefix is /48")]
    [InlineData("fd00::/127", "fd00::/127 is too small", "the longest prefix is /126")]
    [InlineData("127.0.0.0/8", "127.0.0.0/8 lies in loopback", "use a private range, such as 10.20.0.0/16 or fd00:1234:5678::/64")]
    [InlineData("169.254.0.0/16", "169.254.0.0/16 lies in link-local", "use a private range, such as 10.20.0.0/16 or fd00:1234:5678::/64")]
    [InlineData("224.0.0.0/8", "224.0.0.0/8 lies in multicast and reserved space", "use a private range, such as 10.20.0.0/16 or fd00:1234:5678::/64")]
    public async Task A_bad_prefix_is_named_with_its_repair(string prefix, string message, string hint)
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = [prefix] }));
        problem.Status.ShouldBe(422);
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Field.ShouldBe("prefixes[0]");
        error.Message.ShouldBe(message);
        error.Hint.ShouldBe(hint);
    }

    [Fact]
    public async Task Shared_wrappings_are_refused_beyond_what_a_gateway_knows_and_not_let_in_silently()
    {
        await using var world = await ControlWorld.StartAsync();
        NetworkCreate New(int i, params string[] wrappings) => new() { Name = $"n{i}", Prefixes = ["10.20.0.0/16"], Wrappings = wrappings };
        for (var i = 0; i < 10; i++)
        {
            await world.Client.AddNetworkAsync(New(i, "tls-crypt-v2", "tls-crypt", "tls-auth", "none"));
        }

        await world.Client.AddNetworkAsync(New(10, "tls-crypt", "tls-auth"));
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(New(11, "none")));
        problem.Status.ShouldBe(409);
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Field.ShouldBe("wrappings");
        error.Message.ShouldBe("tls-crypt, tls-auth, none of all networks together would be 33; a gateway knows at most 32");

        await world.Client.AddNetworkAsync(New(11, "tls-crypt-v2"));
        (await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync("n11", new NetworkUpdate { Wrappings = ["none"] }))).Status.ShouldBe(409);
        await world.Client.UpdateNetworkAsync("n0", new NetworkUpdate { Wrappings = ["tls-auth"], MinimumTls = "1.3" });
        await world.Client.UpdateNetworkAsync("n11", new NetworkUpdate { Wrappings = ["none"] });
    }

    [Fact]
    public async Task All_problems_are_named_at_once()
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(new NetworkCreate
        {
            Name = "Plant A",
            Prefixes = ["10.20.0.0/16", "10.20.5.0/24"],
            Ciphers = ["AES-256-GMC"],
            AuthDigest = "MD5",
            Authentication = "none",
            Wrappings = ["tls-cript"],
            MinimumTls = "1.1",
            TlsAuthDirection = "2",
        }));
        problem.Title.ShouldBe("8 things are wrong with the input.");
        problem.Errors.Select(error => (error.Field, error.Message, error.Hint)).ShouldBe(
        [
            ("name", "'Plant A' is not a valid name", "use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends: plant-a"),
            ("prefixes[1]", "10.20.5.0/24 overlaps 10.20.0.0/16 of the same network", "leave one of them out, or make a second network: networks may overlap"),
            ("ciphers[0]", "'AES-256-GMC' is not a cipher we know", "did you mean AES-256-GCM?"),
            ("wrappings[0]", "'tls-cript' is not a wrapping we know", "did you mean tls-crypt?"),
            ("authDigest", "'MD5' is not a digest we know", "use one of SHA1, SHA256, SHA512"),
            ("authentication", "'none' is not a way to authenticate we know", "use one of certificate, certificate+password, password"),
            ("tlsAuthDirection", "'2' is not a key direction we know", "did you mean 0?"),
            ("minimumTls", "'1.1' is not a TLS version we know", "did you mean 1.2?"),
        ]);
        (await world.Client.ListNetworksAsync()).Items.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("90m", "90m", 5_400)]
    [InlineData("86400s", "24h", 86_400)]
    [InlineData("7d", "7d", 604_800)]
    [InlineData(null, "24h", 86_400)]
    public async Task A_token_lifetime_reaches_the_gateways(string? given, string shown, int seconds)
    {
        await using var world = await ControlWorld.StartAsync();
        var made = await world.Client.AddNetworkAsync(
            new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"], Authentication = "password", TokenLifetime = given });
        made.TokenLifetime.ShouldBe(shown);
        using var gateway = await FakeGateway.ConnectAsync(world);
        (await gateway.ReceiveAsync<Api.Nodes.Snapshot>()).Model.Networks.Single().TokenSeconds.ShouldBe(seconds);
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { TokenLifetime = "1h" })).TokenLifetime.ShouldBe("1h");
        (await gateway.ReceiveAsync<Api.Nodes.Delta>()).Networks.Single().TokenSeconds.ShouldBe(3_600);
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { MinimumTls = "1.3" })).TokenLifetime.ShouldBe("1h");
    }

    [Theory]
    [InlineData("0", "'0' is not a time")]
    [InlineData("0h", "0h is too short")]
    [InlineData("59s", "59s is too short")]
    [InlineData("366d", "366d is too long")]
    [InlineData("9223372036854775807d", "9223372036854775807d is too long")]
    [InlineData("99999999999999999999d", "'99999999999999999999d' is not a time")]
    [InlineData("-1h", "'-1h' is not a time")]
    [InlineData("none", "'none' is not a time")]
    [InlineData("", "'' is not a time")]
    public async Task A_token_always_has_an_end(string given, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(
            new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"], TokenLifetime = given }));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.ShouldBe(new Api.Problems.FieldProblem("tokenLifetime", message, "give a time from 1m to 365d, such as 24h"));
    }

    [Fact]
    public async Task A_network_without_name_and_prefixes_is_told_so()
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(new NetworkCreate()));
        problem.Errors.Select(error => $"{error.Field} {error.Message}").ShouldBe(["name a name is missing", "prefixes the prefixes are missing"]);
    }

    [Fact]
    public async Task A_second_network_of_one_name_is_a_conflict()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(world.PlantAsync);
        problem.Status.ShouldBe(409);
        problem.Detail.ShouldBe("There is a network 'plant-a' already. Choose another name.");
    }

    [Fact]
    public async Task Two_networks_may_have_the_same_prefix()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var other = await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        other.Prefixes.ShouldBe(["10.20.0.0/16"]);
    }

    [Fact]
    public async Task Names_of_ciphers_are_taken_in_any_case_and_kept_in_OpenVPNs()
    {
        await using var world = await ControlWorld.StartAsync();
        var network = await world.Client.AddNetworkAsync(
            new NetworkCreate { Name = "old", Prefixes = ["10.0.0.0/24"], Ciphers = ["aes-256-cbc", "Aes-128-Gcm"], AuthDigest = "sha1" });
        network.Ciphers.ShouldBe(["AES-256-CBC", "AES-128-GCM"]);
        network.AuthDigest.ShouldBe("SHA1");
        network.Wrappings.ShouldBe(["tls-crypt-v2"]);
    }

    [Fact]
    public async Task A_cipher_twice_and_an_empty_list_are_refused()
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(new NetworkCreate
        {
            Name = "a", Prefixes = ["10.0.0.0/24"], Ciphers = ["AES-256-GCM", "aes-256-gcm"], Wrappings = [],
        }));
        problem.Errors.Select(error => $"{error.Field} {error.Message}").ShouldBe(["ciphers[1] AES-256-GCM is there twice", "wrappings the list of wrappings is empty"]);
    }

    [Fact]
    public async Task A_network_that_holds_something_is_not_deleted()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.PumpAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.DeleteNetworkAsync("plant-a"));
        problem.Status.ShouldBe(409);
        problem.Detail.ShouldBe("Network plant-a still has device pump-17, site hq. Remove first what is in the way: sallyport device remove pump-17.plant-a; sallyport site remove hq.plant-a.");
        await world.Client.DeleteSiteAsync("hq");
        await world.Client.DeleteDeviceAsync("pump-17");
        await world.Client.DeleteNetworkAsync("plant-a");
        (await world.Client.ListNetworksAsync()).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Prefixes_may_grow_but_not_from_under_a_device()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        var pump = await world.PumpAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["10.30.0.0/16", "192.168.0.0/16"] }));
        problem.Status.ShouldBe(409);
        problem.Errors.Select(error => error.Message).ShouldContain($"device pump-17 has the address {pump.Device.Addresses[0]}, which would lie outside");
        problem.Errors.Select(error => error.Message).ShouldContain("192.168.0.0/16 overlaps the subnet 192.168.50.0/24 of site hq");
        var grown = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["10.20.0.0/16", "fd00:20::/64"] });
        grown.Prefixes.ShouldBe(["10.20.0.0/16", "fd00:20::/64"]);
        (await world.Client.GetDeviceAsync("pump-17")).Addresses.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_change_of_what_somebody_else_changed_is_refused()
    {
        await using var world = await ControlWorld.StartAsync();
        var network = await world.PlantAsync();
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { MinimumTls = "1.3" }, network.Revision);
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { MinimumTls = "1.2" }, network.Revision));
        problem.Status.ShouldBe(412);
        problem.Detail.ShouldBe("Network plant-a is at revision 2 now. Read it again, then repeat the change.");
    }

    [Fact]
    public async Task A_mistyped_name_is_answered_with_the_nearest()
    {
        await using var world = await ControlWorld.StartAsync();
        (await ControlWorld.ProblemOf(() => world.Client.GetNetworkAsync("plant-a"))).Detail
            .ShouldBe("There is no network 'plant-a'. There is none yet: sallyport network add.");
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.GetNetworkAsync("plnat-a"));
        problem.Status.ShouldBe(404);
        problem.Detail.ShouldBe("There is no network 'plnat-a'. Did you mean plant-a?");
    }
}
