using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Devices;
using Sallyport.Api.Keys;
using Sallyport.Control.Users;

namespace Sallyport.Control.Keys;

internal static class KeyEndpoints
{
    public static void MapKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("/keys").WithTags("Keys");
        keys.MapPost("/{name}/rotate", Rotate).WithSummary("Replace a key of the installation");
    }

    private static KeyRotated Rotate(Actor actor, string name, ReasonRequest body, KeyCommands commands) => commands.Rotate(actor, name, body.Reason);
}
