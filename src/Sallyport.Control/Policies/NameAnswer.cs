using System.Globalization;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies;

/// <summary>What is decided of a flow beyond the gateway host if its sender was told the address for some name. For which it was the gateway alone knows.</summary>
/// <param name="Names">As applications have them; the same is decided for all of these.</param>
internal sealed record NameAnswer(IReadOnlyList<string> Names, Explanation Why)
{
    private const int NamesMax = 1_000; // that are asked about

    private const int SaidMax = 5;

    /// <summary>"a.example, *.b.example and 3 more".</summary>
    public string Said => string.Join(", ", Names.Take(SaidMax))
        + (Names.Count > SaidMax ? string.Create(CultureInfo.InvariantCulture, $" and {Names.Count - SaidMax} more") : "");

    /// <summary>For each decision the names with which it is made.</summary>
    /// <param name="why">The same flow without any name.</param>
    /// <param name="applicationId">Whose names alone are meant; 0 for those of all.</param>
    public static IReadOnlyList<NameAnswer> Of(FleetModel model, Explanation why, Situation situation, int applicationId)
    {
        if (why is not { From: { Active: true } from, To: { Active: true, IsEgress: true } to })
        {
            return [];
        }

        // A pattern is a name that it means itself.
        var names = model.Applications
            .Where(application => application.OwnerId == to.Id && (applicationId == 0 || application.Id == applicationId)
                && application.Services.Any(service => service.Protocol == why.Protocol && why.Port >= service.FromPort && why.Port <= service.ToPort))
            .SelectMany(application => application.Names).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(NamesMax);
        return
        [
            .. names.Select(name => (Name: name, Why: model.Explain(from.Id, situation, why.Destination, why.Protocol, why.Port, new TiedNames(null, model.AsOf, name))))
                .GroupBy(told => told.Why.Decision)
                .Select(alike => new NameAnswer([.. alike.Select(told => told.Name)], alike.First().Why)),
        ];
    }
}
