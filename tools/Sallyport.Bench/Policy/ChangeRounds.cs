using System.Diagnostics;
using Sallyport.Api.Nodes;
using Sallyport.Bench.Measures;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Model;

namespace Sallyport.Bench.Policy;

/// <summary>What it costs that one rule is added: the next model, what a gateway makes of the change as it comes, and its flows judged again.</summary>
/// <param name="With">The next fleet model.</param>
/// <param name="Apply">The gateway's next model, of which that is a part.</param>
/// <param name="Adopt">A packet thread with its live flows goes over to it.</param>
internal sealed record ChangeRounds(double With, double Apply, double Adopt)
{
    private const int Changes = 200;
    private const int WarmUp = 50;

    /// <summary>Medians of two hundred rules, one after the other, in microseconds.</summary>
    public static ChangeRounds Run(GatewayModel model, int rules, int devices, LiveFlows flows)
    {
        var (with, apply, adopt) = (new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < WarmUp + Changes; i++)
        {
            var rule = PolicyFleet.OneMore(rules + 1 + i, device: i * 7_919 % devices);
            var delta = new Delta { Version = model.Version + 1, CommittedAt = 0, Rules = [rule] };
            var change = new FleetChange { Rules = [new Rule(rule.Id, new Subject(SubjectKind.Device, rule.SubjectId, ""), rule.ApplicationId)] };
            with.Add(Time(() => _ = model.Fleet.With(change)));
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
        var began = Stopwatch.GetTimestamp();
        act();
        return Stopwatch.GetElapsedTime(began).TotalMicroseconds;
    }
}
