using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

/// <summary>Alone: it looks at the memory of the whole process.</summary>
[CollectionDefinition(nameof(IkeFloodTests), DisableParallelization = true)]
[Collection(nameof(IkeFloodTests))]
public class IkeFloodTests
{
    [Fact]
    public void Strangers_cost_no_memory_beyond_the_first_few()
    {
        using var world = IkeAbuseTests.Quiet(29, out var answers);
        var messages = Enumerable.Range(1, 500).Select(i => IkeForge.First((ulong)i)).ToList();
        void Flood(int from, int count)
        {
            for (var i = 0; i < count; i++)
            {
                var at = new OuterAddress(new IpAddress((UInt128)(0xC0000200u + (uint)((from + i) / 50_000)) | ((UInt128)0xffff << 32)), (ushort)(1 + ((from + i) % 50_000)));
                var message = messages[i % messages.Count];
                BitConverter.TryWriteBytes(message, (long)(from + i + 1));
                var before = world.Gateway.Endpoint.Sessions;
                world.Inject(End.Server, message, at);
                if (world.Gateway.Endpoint.Sessions == before)
                {
                    answers[^1].Length.ShouldBeLessThanOrEqualTo(message.Length);
                    IkeAbuseTests.Notified(answers[^1]).ShouldBe(NotifyType.Cookie);
                }

                answers.Clear();
            }
        }

        Flood(0, 1_000);
        var sessions = world.Gateway.Endpoint.Sessions;
        sessions.ShouldBeLessThanOrEqualTo(65);
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        Flood(1_000, 20_000);
        world.Gateway.Endpoint.Sessions.ShouldBe(sessions);
        (GC.GetTotalMemory(forceFullCollection: true) - memory).ShouldBeLessThan(2_000_000);

        // Who is honest gets in all the same.
        world.Passes = (_, _) => true;
        world.Up(TimeSpan.FromSeconds(2));
        world.ShouldAgree();
    }
}
