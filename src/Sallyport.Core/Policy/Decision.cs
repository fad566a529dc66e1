using Sallyport.Core.Gateway;

namespace Sallyport.Core.Policy;

/// <summary>May one identity open a flow. Ids are 0 where no rule decided or the destination is no application.</summary>
public readonly record struct Decision(bool Allowed, int RuleId, int ApplicationId, DropReason Reason)
{
    public static Decision Deny(DropReason reason, int applicationId = 0) => new(false, 0, applicationId, reason);

    public static Decision Allow(int ruleId, int applicationId) => new(true, ruleId, applicationId, DropReason.None);
}
