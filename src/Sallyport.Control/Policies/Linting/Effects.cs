using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Linting;

/// <summary>
/// Whether a rule changes anything: decides for everybody of whom it speaks, every part of its application and every moment of the coming week
/// with the rule and without it. Locks and quarantines are taken away before, since they end, and so are rules with conditions: when they hold nobody knows
/// beforehand, so that they stand for no other rule. One that is asked about itself counts as if its conditions held. For one thread.
/// </summary>
internal sealed class Effects
{
    private readonly ReachMap map;
    private readonly ReachQuestions questions;
    private readonly CountryTable countries;
    private readonly Instant now;
    private FleetChange taken = new();

    /// <param name="fleet">As it would be without locks and quarantines, see <see cref="Unhindered.Of"/>.</param>
    public Effects(FleetState fleet, CountryTable countries, Instant now)
    {
        var model = NetworkPolicy.Of(fleet, countries);
        map = new ReachMap(model);
        var conditioned = new FleetChange { RemovedRules = [.. model.Rules.Where(rule => rule.Conditions != RuleConditions.None).Select(rule => rule.Id)] };
        questions = new ReachQuestions(model.With(conditioned), map, _ => default);
        this.countries = countries;
        this.now = now;
    }

    public ReachMap Map => map;

    /// <summary>
    /// The rules that decide in its place; null where it decides something. Empty where its application is nowhere. What decides nothing counts as removed
    /// from then on: of two rules that stand for each other one stays.
    /// </summary>
    public IReadOnlyCollection<int>? DecidedBy(RuleModel rule, IEnumerable<int> subjects)
    {
        var others = new SortedSet<int>();
        var without = taken with { RemovedRules = taken.RemovedRules.Add(rule.Id) };
        var with = RuleConditionInput.IsConditioned(rule) ? taken with { Rules = [NetworkPolicy.Rule(rule with { Conditions = null }, countries)] } : taken;
        foreach (var application in NetworkPolicy.Targets(rule).Select(questions.At(now).Application).OfType<Application>())
        {
            foreach (var moment in questions.MomentsOf(application, now))
            {
                var model = questions.At(moment);
                if (Differ(model.With(with), model.With(without), application, subjects, others))
                {
                    return null;
                }
            }
        }

        taken = without;
        return others;
    }

    private bool Differ(FleetModel with, FleetModel without, Application application, IEnumerable<int> subjects, SortedSet<int> others)
    {
        foreach (var from in subjects.Select(with.Identity).OfType<Identity>())
        {
            foreach (var cell in map.CellsOf(application))
            {
                var decision = ReachQuestions.Decide(without, from, default, application, cell);
                var before = ReachQuestions.Decide(with, from, default, application, cell);
                // A limit is that of one rule: another one with the same numbers counts for itself.
                if (decision.Allowed != before.Allowed || (decision.RuleId != before.RuleId && (HasLimit(with, before) || HasLimit(without, decision))))
                {
                    return true;
                }

                if (decision.RuleId != 0)
                {
                    others.Add(decision.RuleId);
                }
            }
        }

        return false;
    }

    private static bool HasLimit(FleetModel model, in Decision decision) => decision.Allowed && model.Rule(decision.RuleId)?.Limit is not null;
}
