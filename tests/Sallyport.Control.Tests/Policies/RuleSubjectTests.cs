using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tests.Policies;

public sealed class RuleSubjectTests
{
    private static readonly string[] Keys = ["model", "region"];
    private static readonly string[] Values = ["a", "b", "a,b"];

    /// <summary>Whom a rule speaks of is said in control as the engine of the gateways decides it.</summary>
    [Fact]
    public void A_subject_speaks_of_whom_the_engine_lets_through()
    {
        var random = new Dice(20261126);
        var spoken = 0;
        for (var round = 0; round < 400; round++)
        {
            var identities = Enumerable.Range(1, 6).Select(id => Member(id, random)).ToList();
            var rule = RuleOf(random, identities);
            var owner = new IdentityModel { Id = 9, NetworkId = 1, Kind = "device", Name = "owner", Active = true, AddressV4 = "10.1.0.99" };
            var model = ModelOf([.. identities, owner], rule);
            var subject = RuleSubject.Of(rule, 1);
            // An application of another network is reached where it appears, which is not what this is about.
            foreach (var identity in identities.Where(identity => identity.NetworkId == 1))
            {
                var decision = model.Decide(model.Identity(identity.Id)!, model.Identity(9), IpAddress.Parse("10.1.0.99"), IpProtocol.Tcp, 1, default);
                subject.Speaks(identity).ShouldBe(decision.Allowed, $"{rule.SubjectKind} {rule.Subject} #{rule.SubjectId} network {rule.NetworkId}: {identity}");
                spoken += decision.Allowed ? 1 : 0;
            }

            identities.Where(identity => identity.NetworkId != subject.NetworkId && identity.Id != rule.SubjectId).ShouldAllBe(identity => !subject.Speaks(identity));
        }

        spoken.ShouldBeGreaterThan(100);
    }

    private static IdentityModel Member(int id, Dice random) => new()
    {
        Id = id,
        NetworkId = random.Next(1, 3),
        Kind = random.Next(5) switch { 0 => "site", 1 => "host", _ => "device" },
        Name = $"d{id}",
        Active = true,
        AddressV4 = $"10.1.0.{id}",
        Groups = random.Next(2) == 0 ? ["pumps"] : [],
        Labels = Keys.Where(_ => random.Next(3) > 0).ToDictionary(key => key, _ => Values[random.Next(Values.Length)]),
    };

    private static RuleModel RuleOf(Dice random, IReadOnlyList<IdentityModel> identities)
    {
        var kind = random.Next(8) switch { 0 => "device", 1 => "site", 2 => "host", 3 => "group", 4 => "network", _ => "label" };
        return new RuleModel
        {
            Id = 1,
            SubjectKind = kind,
            NetworkId = kind is "device" or "site" or "host" ? 0 : random.Next(0, 3),
            SubjectId = kind is "device" or "site" or "host" ? identities[random.Next(identities.Count)].Id : 0,
            Subject = kind == "group" ? "pumps"
                : kind == "label" ? string.Join(',', Keys.Where((_, i) => i == 0 || random.Next(2) == 0).Select(key => $"{key}={Values[random.Next(Values.Length)]}"))
                : "",
            ApplicationId = 1,
        };
    }

    private static FleetModel ModelOf(IReadOnlyList<IdentityModel> identities, RuleModel rule)
    {
        var application = new ApplicationModel { Id = 1, NetworkId = 1, Name = "app", OwnerId = 9, Target = "10.1.0.99", Services = ["tcp/1"] };
        var fleet = new FleetState(
            1, ImmutableDictionary<int, NetworkModel>.Empty, identities.ToImmutableDictionary(identity => identity.Id),
            ImmutableDictionary<int, ApplicationModel>.Empty.Add(1, application), ImmutableDictionary<int, RuleModel>.Empty.Add(1, rule),
            ImmutableDictionary<int, AppearanceModel>.Empty);
        return NetworkPolicy.Of(fleet, CountryTable.Empty);
    }

    /// <summary>Falls the same way every time.</summary>
    private sealed class Dice(ulong seed)
    {
        private ulong state = seed;

        public int Next(int max) => Next(0, max);

        public int Next(int min, int max)
        {
            state = (state * 6364136223846793005) + 1442695040888963407;
            return min + (int)((state >> 33) % (ulong)(max - min));
        }
    }
}
