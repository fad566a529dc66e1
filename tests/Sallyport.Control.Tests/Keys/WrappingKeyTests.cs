using Sallyport.Api.Nodes;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Keys;

public sealed class WrappingKeyTests
{
    private const string Key = "tls-crypt-v2";

    [Fact]
    public async Task A_new_key_comes_with_new_profiles_and_the_old_one_is_accepted_until_it_is_retired()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        var old = (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.TlsCryptV2ServerKeys.Single();

        await world.Client.RotateKeyAsync(Key, "yearly");
        var rotated = (await gateway.ReceiveAsync<Snapshot>()).Model;
        rotated.Identities.Count.ShouldBe(1);
        rotated.Settings.TlsCryptV2ServerKeys.Count.ShouldBe(2);
        rotated.Settings.TlsCryptV2ServerKeys[1].ShouldBe(old);
        rotated.Settings.TlsCryptV2ServerKeys[0].ShouldNotBe(old);
        await world.PumpAsync("pump-18");
        await gateway.ReceiveAsync<Delta>();
        (await world.Client.ListKeysAsync()).Items.Select(key => (key.Id, key.State, key.Credentials)).ShouldBe([(2, "current", 1), (1, "accepted", 1)]);

        // Not while somebody needs it.
        var problem = await ControlWorld.ProblemOf(() => world.Client.RetireKeyAsync(1));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Field.ShouldBe("id");
        problem.Errors.Single().Message.ShouldBe("1 live credential(s) came with key 1: device:pump-17");
        var holder = (await world.Client.ListCredentialsAsync(key: 1)).Items.Single();
        (holder.Owner, holder.WrappingKey).ShouldBe(("pump-17", 1));
        (await world.Client.ListCredentialsAsync(key: 2)).Items.Single().Owner.ShouldBe("pump-18");
        await world.Client.IssueDeviceProfileAsync("pump-17", new());
        await gateway.ReceiveAsync<Delta>();
        await world.Client.RetireKeyAsync(1);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.TlsCryptV2ServerKeys.Single().ShouldBe(rotated.Settings.TlsCryptV2ServerKeys[0]);
        (await world.Client.ListKeysAsync()).Items.Select(key => (key.Id, key.State, key.Credentials)).ShouldBe([(2, "current", 2)]);
        var record = (await world.Client.ListAuditAsync(limit: 1)).Items.Single();
        record.Subject.ShouldBe("key:tls-crypt-v2:1");
        record.Time.ShouldBe(DateTimeOffset.UnixEpoch.AddTicks(record.At / 100));
        (await world.Client.ListAuditAsync(action: "key.rotate")).Items.Single().Detail.ShouldContain("yearly");
    }

    [Fact]
    public async Task A_refused_retirement_names_a_few_of_those_who_need_the_key()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        for (var i = 1; i <= 7; i++)
        {
            await world.PumpAsync($"pump-{i}");
        }

        await world.Client.RotateKeyAsync(Key);
        (await ControlWorld.ProblemOf(() => world.Client.RetireKeyAsync(1))).Errors.Single().Message
            .ShouldBe("7 live credential(s) came with key 1: device:pump-1, device:pump-2, device:pump-3, device:pump-4, device:pump-5, …");
    }

    [Fact]
    public async Task Who_insists_retires_a_key_that_is_needed()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.RotateKeyAsync(Key);
        (await world.Client.RetireKeyAsync(1, force: true)).Credentials.ShouldBe(1);
    }

    [Fact]
    public async Task The_current_key_and_keys_that_are_gone_are_not_retired()
    {
        await using var world = await ControlWorld.StartAsync();
        (await ControlWorld.ProblemOf(() => world.Client.RetireKeyAsync(1, force: true))).Status.ShouldBe(409);
        (await ControlWorld.ProblemOf(() => world.Client.RetireKeyAsync(7))).Status.ShouldBe(404);
        await world.Client.RotateKeyAsync(Key);
        await world.Client.RetireKeyAsync(1);
        (await ControlWorld.ProblemOf(() => world.Client.RetireKeyAsync(1))).Status.ShouldBe(409);
    }

    [Fact]
    public async Task The_number_of_accepted_keys_is_bounded()
    {
        await using var world = await ControlWorld.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            await world.Client.RotateKeyAsync(Key);
        }

        (await ControlWorld.ProblemOf(() => world.Client.RotateKeyAsync(Key))).Errors.Single().Message.ShouldBe("4 tls-crypt-v2 keys are accepted already");
        await world.Client.RetireKeyAsync(2);
        await world.Client.RotateKeyAsync(Key);
        (await world.Client.ListKeysAsync()).Items.Select(key => key.Id).ShouldBe([5, 4, 3, 1]);
    }

    [Fact]
    public async Task Keys_stay_over_a_restart_and_a_gateway_that_missed_a_rotation_gets_them()
    {
        var directory = ControlWorld.NewDirectory();
        long before, after;
        IReadOnlyList<byte[]> keys;
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            await world.PlantAsync();
            before = world.Control.Feed.State.Version;
            await world.Client.RotateKeyAsync(Key);
            after = world.Control.Feed.State.Version;
            using var gateway = await FakeGateway.ConnectAsync(world, modelVersion: before);
            keys = (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.TlsCryptV2ServerKeys;
            keys.Count.ShouldBe(2);
        }

        await using (var world = await ControlWorld.StartAsync(directory))
        {
            world.Control.Feed.State.Version.ShouldBe(after);
            using var gateway = await FakeGateway.ConnectAsync(world);
            (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.TlsCryptV2ServerKeys.ShouldBe(keys);
            await world.Client.RotateKeyAsync("master");
            using var other = await FakeGateway.ConnectAsync(world, "gw-2");
            (await other.ReceiveAsync<Snapshot>()).Model.Settings.TlsCryptV2ServerKeys.ShouldBe(keys);
        }

        Directory.Delete(directory, recursive: true);
    }
}
