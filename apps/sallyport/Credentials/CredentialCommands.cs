using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Credentials;

internal static class CredentialCommands
{
    public static Command Build(Shell shell) => Shell.Noun("credential", "What proves an identity", List(shell), Revoke(shell));

    private static Command List(Shell shell)
    {
        var device = Flag.Text("--device", "Only of this device", "DEVICE");
        var site = Flag.Text("--site", "Only of this site", "SITE");
        var key = Flag.Number("--key", "Only those that came with this tls-crypt-v2 key (sallyport key list)", "ID");
        var revoked = Flag.Switch("--revoked", "Revoked ones, too");
        return shell.Verb(
            "list",
            "Credentials and until when they are valid",
            async c =>
            {
                var owner = c.Parse.GetValue(device) is { } d ? $"device:{d}" : c.Parse.GetValue(site) is { } s ? $"site:{s}" : null;
                c.Printer.Many(
                    await CommandContext.AllAsync(
                        null,
                        (limit, cursor) => c.Client.ListCredentialsAsync(owner, c.Parse.GetValue(key), c.Parse.GetValue(revoked), limit, cursor, c.Cancel)),
                    ApiJson.Default.CredentialInfo,
                    c.Empty("credentials"),
                    new("ID", x => $"{x.Id}") { Right = true },
                    new("OWNER", x => $"{x.OwnerKind}:{x.Owner}") { Network = x => x.Network },
                    new("NETWORK", x => x.Network) { Rank = 3 },
                    new("KIND", x => x.Kind),
                    new("PROTOCOL", x => x.Protocol) { Rank = 2 },
                    new("PEER ID", x => x.PeerId) { Rank = 2 },
                    new("UPLINK", x => x.Uplink > 1 ? $"{x.Uplink}" : null) { Rank = 3, Right = true },
                    new("WRAPPING", x => x.Wrapping) { Rank = 1 },
                    new("KEY", x => x.WrappingKey is { } number ? $"{number}" : null) { Rank = 2, Right = true },
                    new("VALID UNTIL", x => x.NotAfter is { } end ? Human.Time(end) : null),
                    new("FINGERPRINT", x => x.Fingerprint is { Length: > 16 } f ? f[..16] : x.Fingerprint) { Rank = 2 },
                    new("USERNAME", x => x.Username) { Rank = 1 },
                    new("REVOKED", x => x.RevokedAt is { } at ? $"{Human.Time(at)} {x.RevokeReason}".Trim() : null) { Wraps = true });
            },
            device, site, key, revoked);
    }

    private static Command Revoke(Shell shell)
    {
        var id = new Argument<int>("ID") { Description = "Number of the credential (sallyport credential list)" };
        var reason = Flag.Reason();
        return shell.Verb(
            "revoke",
            "End one credential and the tunnel that came with it",
            async c => CutText.Print(
                c.Printer, await c.Client.RevokeCredentialAsync(c.Parse.GetValue(id), c.Parse.GetValue(reason), c.Cancel), "revoked"),
            id, reason);
    }
}
