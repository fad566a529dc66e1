using Microsoft.AspNetCore.Http;
using Sallyport.Control.Http;

namespace Sallyport.Control.Users;

internal enum Role : byte
{
    /// <summary>May do everything in its scope.</summary>
    Administrator,

    /// <summary>Sallyport itself.</summary>
    System,
}

internal enum Right : byte
{
    See,
    Change,
}

/// <summary>Who acts: a role, and the network that it is limited to (null: all).</summary>
internal sealed record Actor(string Name, Role Role, int? NetworkId = null)
{
    private const string Item = "sallyport.actor";

    public static readonly Actor System = new("system", Role.System);

    /// <summary>Refuses where the right is missing; <paramref name="networkId"/> null stands for what belongs to no single network.</summary>
    public void Require(Right right, int? networkId = null)
    {
        if (!May(right, networkId))
        {
            throw new ProblemException(Refusal.Forbidden(this, right));
        }
    }

    /// <summary>Refuses where the right is missing in all of them: what is a matter of two networks is seen from either.</summary>
    public void RequireAny(Right right, params ReadOnlySpan<int?> networkIds)
    {
        foreach (var networkId in networkIds)
        {
            if (May(right, networkId))
            {
                return;
            }
        }

        throw new ProblemException(Refusal.Forbidden(this, right));
    }

    public bool May(Right right, int? networkId) => Role switch
    {
        Role.Administrator => NetworkId is null || NetworkId == networkId,
        Role.System => true,
        _ => false,
    };

    public static ValueTask<Actor?> BindAsync(HttpContext context) => ValueTask.FromResult(context.Items[Item] as Actor);

    public void Attach(HttpContext context) => context.Items[Item] = this;

    public override string ToString() => Name;
}
