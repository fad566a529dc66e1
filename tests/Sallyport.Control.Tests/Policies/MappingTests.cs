using System.Collections;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Tests.FleetFiles;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping;

namespace Sallyport.Control.Tests.Policies;

/// <summary>What control asks its questions of is what gateways make of what they are sent.</summary>
public sealed class MappingTests
{
    [Fact]
    public async Task Model_of_the_questions_is_the_one_that_a_gateway_makes_of_its_snapshot_and_deltas()
    {
        await using var world = await FleetFileWorld.StartAsync();
        var text = await File.ReadAllTextAsync(Path.Combine(FleetFileWorld.Examples, "every-key.yaml"));
        await world.ApplyAsync(text);
        using var gateway = await FakeGateway.ConnectAsync(world);
        var snapshot = await gateway.ReceiveAsync<Snapshot>();
        var everything = FleetMapping.Everything(snapshot.Model, snapshot.Version);
        var tables = FleetTables.Empty.With(everything.Zones, everything.Countries);
        var decides = FleetModel.Empty.With(FleetMapping.Change(everything, tables, null), Instant.FromUnixSeconds(0));
        Same(decides, world);
        (decides.Rules.Count(), decides.Applications.Count(), decides.Networks.Count()).ShouldBe((6, 4, 3));

        var applying = world.ApplyAsync(text.Replace("firmware>=2.4.1", "firmware>=2.5", StringComparison.Ordinal).Replace("countries: [AT]", "countries: [AT, DE]", StringComparison.Ordinal)
            .Replace("Europe/Vienna", "America/Lima", StringComparison.Ordinal).Replace("hall: north }, groups", "hall: south }, groups", StringComparison.Ordinal));
        var delta = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
        (await applying).Changes.Select(change => change.Action).Order().ShouldBe(["add", "change", "remove"]);
        Same(decides.With(FleetMapping.Change(delta, tables.With(delta.Zones, delta.Countries), null)), world);
    }

    [Theory]
    [InlineData("maybe", "group", "pumps", null)]
    [InlineData("allow", "everybody", "", null)]
    [InlineData("allow", "group", "pumps", "day")]
    public void Control_is_as_strict_as_a_gateway(string effect, string kind, string subject, string? window)
    {
        var rule = new RuleModel { Id = 1, SubjectKind = kind, SubjectId = 0, Subject = subject, ApplicationId = 1, Effect = effect, Windows = window is null ? [] : [window] };
        Should.Throw<FormatException>(() => NetworkPolicy.Rule(rule, CountryTable.Empty));
    }

    private static void Same(FleetModel decides, ControlWorld world)
    {
        var asks = NetworkPolicy.Of(world.Control.Feed.State, world.App.Services.GetRequiredService<CountryTable>());
        Picture(asks.Networks).ShouldBe(Picture(decides.Networks));
        Picture(asks.Identities).ShouldBe(Picture(decides.Identities));
        Picture(asks.Applications).ShouldBe(Picture(decides.Applications));
        Picture(asks.Appearances).ShouldBe(Picture(decides.Appearances));
        Picture(asks.Rules).ShouldBe(Picture(decides.Rules));
        // A clock does not show its offsets: it is compared by what it does.
        Picture(asks.Rules.Select(Moments)).ShouldBe(Picture(decides.Rules.Select(Moments)));
    }

    private static IEnumerable<Instant> Moments(Rule rule)
    {
        for (var at = Instant.FromUnixSeconds(1_767_225_600); at != Instant.Never && at < Instant.FromUnixSeconds(1_783_000_000); at = rule.Time.NextChange(at))
        {
            yield return at;
        }
    }

    /// <summary>All public properties, in depth.</summary>
    private static string Picture(object? value) => value switch
    {
        null => "none",
        string text => $"'{text}'",
        IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Picture))}]",
        IpAddress or IpPrefix or Instant or ValueType { } and (IConvertible or TimeSpan) => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        _ => $"{value.GetType().Name}({string.Join(", ", value.GetType().GetProperties().Where(property => property.GetIndexParameters().Length == 0)
            .Select(property => $"{property.Name}: {Picture(property.GetValue(value))}"))})",
    };
}
