using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Devices;
using Sallyport.Api.Keys;
using Sallyport.Api.Paging;
using Sallyport.Control.Users;

namespace Sallyport.Control.Keys;

internal static class KeyEndpoints
{
    public static void MapKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("/keys").WithTags("Keys");
        keys.MapGet("", List).WithSummary("List the tls-crypt-v2 server keys that the gateways accept");
        keys.MapPost("/tls-crypt-v2/{id:int}/retire", Retire).WithSummary("End a tls-crypt-v2 server key; profiles that came with it no longer open the door");
        keys.MapPost("/{name}/rotate", Rotate).WithSummary("Replace a key of the installation");
    }

    private static Page<KeyInfo> List(Actor actor, KeyCommands commands) => commands.List(actor);

    private static KeyInfo Retire(Actor actor, int id, KeyRetire body, KeyCommands commands) => commands.Retire(actor, id, body.Force, body.Reason);

    private static KeyRotated Rotate(Actor actor, string name, ReasonRequest body, KeyCommands commands) => commands.Rotate(actor, name, body.Reason);
}
