using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>A renegotiation that one end gave up and the other did not: both must find together again.</summary>
public sealed class GivenUpRenegotiationTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public void What_the_server_gave_up_and_the_client_finished_is_followed_by_another()
    {
        using var world = Up(1);
        world.Server.Session!.Renegotiate(world.Now);
        // The server's last message is on its way; its acknowledgement never arrives.
        world.RunUntil(() => world.Server.Asked == 2, Minute).ShouldBeTrue();
        world.Wire.Fate = new Fate { Lose = 1 };
        world.RunFor(2 * Minute);
        world.Wire.Fate = Fate.Clean;
        world.RunUntil(() => world is { Server.Renegotiations: 1, Client.Renegotiations: 2 }, 3 * Minute).ShouldBeTrue();
        ShouldCarryData(world);
    }

    [Fact]
    public void What_both_gave_up_is_begun_again()
    {
        using var world = Up(2);
        world.Wire.Fate = new Fate { Lose = 1 };
        world.Client.Session.Renegotiate(world.Now);
        world.RunFor(TimeSpan.FromSeconds(130));
        world.Server.Session!.Renegotiate(world.Now);
        world.RunFor(TimeSpan.FromSeconds(10));
        world.Wire.Fate = Fate.Clean;
        world.RunUntil(() => world is { Server.Renegotiations: > 0, Client.Renegotiations: > 0 }, 3 * Minute).ShouldBeTrue();
        ShouldCarryData(world);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Who_made_attempts_that_never_arrived_and_who_did_not_begin_at_once_and_agree(int attempts)
    {
        using var world = Up(3);
        world.Wire.Fate = new Fate { Lose = 1 };
        world.Client.Session.Renegotiate(world.Now);
        world.RunFor(((2 * attempts) - 1) * Minute);
        world.RunFor(TimeSpan.FromSeconds(30));
        world.Wire.Fate = Fate.Clean;
        world.Client.Session.Renegotiate(world.Now);
        world.Server.Session!.Renegotiate(world.Now);
        world.RunUntil(() => world is { Server.Renegotiations: 1, Client.Renegotiations: 1 }, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        ShouldCarryData(world);
    }

    [Fact]
    public void Finished_session_waits_for_nothing_even_if_its_last_words_were_lost()
    {
        using var world = Up(4);
        world.Wire.Fate = new Fate { Lose = 1 };
        world.Server.Session!.Renegotiate(world.Now);
        world.Server.Session.Close(SessionEnd.Closed, "test", world.Now);
        world.RunUntil(() => world.Server.Session.IsFinished, Minute).ShouldBeTrue();
        world.Server.Session.NextDeadline.ShouldBe(Instant.Never);
    }

    private static World Up(ulong seed)
    {
        var world = new World(seed, Fate.Clean, new Scenario());
        world.RunUntil(() => HandshakeTests.BothActive(world), Minute).ShouldBeTrue();
        return world;
    }

    private static void ShouldCarryData(World world)
    {
        var before = world.Client.Echoed.Count;
        world.SendNumber();
        world.RunUntil(() => world.Client.Echoed.Count > before, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        world.Server.Ended.ShouldBeNull();
        world.Client.Ended.ShouldBeNull();
    }
}
