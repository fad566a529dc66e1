using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Keys;

internal static class KeyCommands
{
    public static Command Build(Shell shell) => Shell.Noun("key", "Keys of the installation itself", Rotate(shell));

    private static Command Rotate(Shell shell)
    {
        var name = new Argument<string>("KEY") { Description = "master: the key under which every secret in the database is sealed" };
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "rotate",
            "Replace a key; nobody is disconnected",
            async c =>
            {
                var rotated = await c.Client.RotateKeyAsync(c.Parse.GetValue(name)!, c.Parse.GetValue(reason), c.Cancel);
                c.Printer.One(rotated, ApiJson.Default.KeyRotated, r => c.Printer.Line(
                    $"key {r.Name} rotated: {r.Resealed} secrets sealed anew. Back up the new master.key; backups of the database from before need the old one."));
            },
            name, reason);
    }
}
