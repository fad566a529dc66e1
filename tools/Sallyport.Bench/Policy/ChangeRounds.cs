using Sallyport.Api.Nodes;
using Sallyport.Bench.Measures;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Model;

namespace Sallyport.Bench.Policy;

/// <summary>What it costs that one rule is added: the next model, what a gateway makes of the change as it comes, and its flows judged again.</summary>
/// <param name="With">The next fleet model.</param>
/// <param name="Apply">The gateway's next model from what control sends. That is a part of it, and yet dearer alone: it comes first, with cold caches.</param>
/// <param name="Adopt">A packet thread with its live flows goes over to it.</param>
internal sealed record ChangeRounds(double With, double Apply, double Adopt)
{
    private const int Changes = 200;
    private const int WarmUp = 50;

    /// <summary>Medians of two hundred rules, one after the other, in microseconds of processor time.</summary>
    public static ChangeRounds Run(GatewayModel model, int rules, int devices, LiveFlows flows)
    {
        var (with, apply, adopt) = (new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < WarmUp + Changes; i++)
        {
            // Of another network than the other rule, so that neither finds in a cache what the other has just used.
            var alone = PolicyFleet.OneMore(rules + 1, device: ((i * 7_919) + 1) % devices);
            var change = new FleetChange { Rules = [new Rule(alone.Id, new Subject(SubjectKind.Device, alone.SubjectId, ""), alone.ApplicationId)] };
            with.Add(Time(() => _ = model.Fleet.With(change)));
            var rule = PolicyFleet.OneMore(rules + 1 + i, device: i * 7_919 % devices);
            var delta = new Delta { Version = model.Version + 1, CommittedAt = 0, Rules = [rule] };
            var next = model;
            apply.Add(Time(() => next = ModelMapper.Apply(model, delta, PolicyFleet.Now, out _)));
            model = next;
            adopt.Add(Time(() => flows.Forwarder.Adopt(model.Fleet, PolicyFleet.Now)));
        }

        return new ChangeRounds(Usual(with), Usual(apply), Usual(adopt));
    }

    private static double Usual(List<double> times) => Median.Of(times.Skip(WarmUp));

    private static double Time(Action act)
    {
        var cpu = new ThreadCpu();
        cpu.Start();
        act();
        cpu.Stop();
        return cpu.Seconds * 1e6;
    }
}
