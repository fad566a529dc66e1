using Sallyport.Bench.Measures;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Bench.Policy;

/// <summary>What the first packets of a million flows ask, each of another device, so that no cache has it.</summary>
internal sealed class DecisionRounds
{
    private const int Questions = 1_000_000;

    private static readonly Situation Tunnel = new(TunnelProtocol.OpenVpnUdp, TunnelCipher.Aes256Gcm, IpAddress.Parse("198.51.100.7"));

    private readonly Question[] questions = new Question[Questions];

    /// <param name="isCommonOnly">Only of devices of which none but the common rules speak, to applications to which these lead.</param>
    public DecisionRounds(int devices, bool isCommonOnly)
    {
        var dice = new Dice();
        for (var i = 0; i < questions.Length; i++)
        {
            int device;
            do
            {
                device = dice.Throw(devices);
            }
            while (isCommonOnly && PolicyFleet.IsOdd(device));

            questions[i] = Ask(device, isCommonOnly ? PolicyFleet.CommonApplications : PolicyFleet.Applications, ref dice);
        }
    }

    /// <summary>Microseconds of processor time of one decision: who sends, whom the address means, and whether he may.</summary>
    public double Run(FleetModel model, out int allowed)
    {
        allowed = 0;
        var cpu = new ThreadCpu();
        cpu.Start();
        foreach (ref readonly var question in questions.AsSpan())
        {
            var from = model.Identity(question.From)!;
            var (to, inside) = model.Resolve(from.NetworkId, question.Destination);
            allowed += model.Decide(from, to, inside, question.Protocol, question.Port, Tunnel).Allowed ? 1 : 0;
        }

        cpu.Stop();
        return cpu.Seconds * 1e6 / questions.Length;
    }

    public static double Percent(int allowed) => 100.0 * allowed / Questions;

    /// <summary>Seven in ten to an application of the own network, one to another network's, one to another port, one to nobody.</summary>
    private static Question Ask(int device, int applications, ref Dice dice)
    {
        var application = dice.Throw(applications);
        var (destination, port) = dice.Throw(10) switch
        {
            < 7 => (PolicyFleet.Target(application), PolicyFleet.Port(application)),
            7 => (PolicyFleet.TargetElsewhere(application), PolicyFleet.Port(application)),
            8 => (PolicyFleet.Target(application), (ushort)(1 + dice.Throw(8_000))),
            _ => (PolicyFleet.AddressOf(dice.Throw(4_000_000)), PolicyFleet.Port(application)),
        };
        return new Question(PolicyFleet.DeviceId(device), destination, port, dice.Throw(2) == 0 ? IpProtocol.Udp : IpProtocol.Tcp);
    }

    /// <summary>The same numbers at every run: Knuth's linear congruential generator.</summary>
    private struct Dice()
    {
        private ulong state = 7;

        public int Throw(int sides)
        {
            state = (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            return (int)((state >> 33) % (ulong)sides);
        }
    }

    private readonly record struct Question(int From, IpAddress Destination, ushort Port, IpProtocol Protocol);
}
