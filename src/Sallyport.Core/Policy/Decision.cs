using Sallyport.Core.Gateway;

namespace Sallyport.Core.Policy;

/// <summary>May one identity open a flow. Ids are 0 where no rule decided or the destination is no application.</summary>
public readonly record struct Decision(bool Allowed, int RuleId, int ApplicationId, DropReason Reason)
{
    /// <param name="ruleId">The one that denies it outright.</param>
    public static Decision Deny(DropReason reason, int applicationId = 0, int ruleId = 0) => new(false, ruleId, applicationId, reason);

    public static Decision Allow(int ruleId, int applicationId) => new(true, ruleId, applicationId, DropReason.None);
}
