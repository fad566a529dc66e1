using Sallyport.Core.Ike.Session;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

public class IkeHandshakeTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    [Fact]
    public void A_device_comes_up_with_its_key_and_gets_its_address()
    {
        using var world = new IkeWorld(1);
        world.Begin();
        world.RunUntil(() => world.AreUp, Soon).ShouldBeTrue(Story(world));

        world.Match().ShouldBeTrue();
        world.Gateway.Live.Count.ShouldBe(1);
        var child = world.Gateway.Live.Values.Single();
        child.Remote.ShouldBe(IkeEnd.Selectors("10.20.0.2/32"));
        child.Local.ShouldBe(IkeEnd.Selectors("10.20.0.0/16", "192.168.50.0/24"));
        world.Device.Events.OfType<Configured>().Single().Addresses.Select(address => address.ToString()).ShouldBe(["10.20.0.2"]);
        world.Device.Used.ShouldBe(world.Device.Live.Keys);
        world.Gateway.Used.ShouldBe(world.Gateway.Live.Keys);
        world.Gateway.Claims.Single().Proof.ShouldBe(IkeProof.PreSharedKey);
    }

    internal static string Story(IkeWorld world) =>
        string.Join('\n', world.Device.Events.Select(happened => $"device: {happened}").Concat(world.Gateway.Events.Select(happened => $"gateway: {happened}")));

    internal static Fate Bad { get; } = new() { Lose = 0.15, Duplicate = 0.1, DelayMinMs = 5, DelayMaxMs = 200 };
}
