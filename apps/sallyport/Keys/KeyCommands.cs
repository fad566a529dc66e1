using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Keys;

internal static class KeyCommands
{
    public static Command Build(Shell shell) => Shell.Noun("key", "Keys of the installation itself", List(shell), Rotate(shell), Retire(shell));

    private static Command List(Shell shell) => shell.Verb(
        "list",
        "The tls-crypt-v2 server keys that the gateways accept",
        async c => c.Printer.Many(
            (await c.Client.ListKeysAsync(c.Cancel)).Items,
            ApiJson.Default.KeyInfo,
            "no keys",
            new("ID", k => $"{k.Id}") { Right = true },
            new("KEY", k => k.Name),
            new("STATE", k => k.State),
            new("CREDENTIALS", k => $"{k.Credentials}") { Right = true },
            new("CREATED", k => Human.Time(k.CreatedAt)) { Rank = 1 }));

    private static Command Rotate(Shell shell)
    {
        var name = Flag.Word("KEY", "master: seals every secret in the database. tls-crypt-v2: comes with new OpenVPN profiles; the old one stays accepted");
        var reason = Reason();
        return shell.Verb(
            "rotate",
            "Replace a key; nobody is disconnected",
            async c =>
            {
                var rotated = await c.Client.RotateKeyAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel);
                c.Printer.One(rotated, ApiJson.Default.KeyRotated, r => c.Printer.Line(r.Name == "master"
                    ? $"key {r.Name} rotated: {r.Resealed} secrets sealed anew. Back up the new master.key; backups of the database from before need the old one."
                    : $"key {r.Name} rotated: new OpenVPN profiles come with it. Old ones work until their key is retired: sallyport key list"));
            },
            name, reason);
    }

    private static Command Retire(Shell shell)
    {
        var id = new Argument<int>("ID") { Description = "Number of the tls-crypt-v2 key (sallyport key list)" };
        var force = Flag.Switch("--force", "Also where live credentials came with it (sallyport credential list --key ID): by OpenVPN they stay in the dark until they have a new profile");
        var reason = Reason();
        return shell.Verb(
            "retire",
            "End a tls-crypt-v2 key that new OpenVPN profiles no longer come with; IPsec has nothing to do with it",
            async c =>
            {
                var retired = await c.Client.RetireKeyAsync(c.Parse.GetValue(id), c.Parse.GetValue(force), c.Parse.GetValue(reason), c.Cancel);
                c.Printer.One(retired, ApiJson.Default.KeyInfo, k => c.Printer.Line($"key {k.Id} retired; {Human.Count(k.Credentials, "live credential")} came with it"));
            },
            id, force, reason);
    }

    private static Option<string?> Reason() => Flag.Text("--reason", "Why; goes to the audit", "TEXT");
}
