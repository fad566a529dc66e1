using System.Diagnostics;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Host;

/// <summary>What could not be set up on the gateway host, in words for its operator.</summary>
internal sealed class HostSetupException(string message) : Exception(message);

/// <summary>
/// The table of nftables for what passes the gateway host's device from and to beyond: guests are masqueraded, only their conversations
/// come back, and nothing of theirs is for the host itself. Written whole, in one transaction.
/// </summary>
internal sealed class NftTable(string device)
{
    /// <summary>A chain without rules, so that the gateway after this one knows it, too, if this one dies.</summary>
    private const string WasOff = "forwarding_was_off";

    private static readonly string[] Places = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name { get; } = "sallyport_egress_" + string.Concat(device.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    /// <summary>Null where there is none.</summary>
    public static string? Program => Array.Find(Places, File.Exists);

    /// <summary>Whether one is there, and whether whoever wrote it turned forwarding on.</summary>
    public bool IsThere(out bool forwardingWasOff)
    {
        var listed = Run(["list", "table", "ip", Name], null);
        forwardingWasOff = listed.Output.Contains(WasOff, StringComparison.Ordinal);
        return listed.Succeeded;
    }

    /// <exception cref="HostSetupException">It cannot be written.</exception>
    public void Write(IReadOnlyList<IpPrefix> pools, bool forwardingWasOff)
    {
        var written = Run(["-f", "-"], Text(pools, forwardingWasOff));
        if (!written.Succeeded)
        {
            throw new HostSetupException($"nft does not take table {Name}: {written.Output.Trim()}");
        }
    }

    public void Delete() => _ = Run(["delete", "table", "ip", Name], null);

    /// <summary>As <c>nft -f</c> takes it: what was there goes.</summary>
    public string Text(IReadOnlyList<IpPrefix> pools, bool forwardingWasOff)
    {
        var guests = $"{{ {string.Join(", ", pools)} }}";

        // A machine that was no router is none for others, either.
        var marker = forwardingWasOff ? $"\n    chain {WasOff} {{ }}" : "";
        var others = forwardingWasOff ? $"\n        iifname != \"{device}\" oifname != \"{device}\" drop" : "";
        return $$"""
            add table ip {{Name}}
            delete table ip {{Name}}
            table ip {{Name}} {{{marker}}
                chain input {
                    type filter hook input priority -10; policy accept;
                    iifname "{{device}}" reject with icmp type admin-prohibited
                }
                chain forward {
                    type filter hook forward priority -10; policy accept;
                    iifname "{{device}}" oifname "{{device}}" drop
                    iifname "{{device}}" ip saddr != {{guests}} drop
                    oifname "{{device}}" ct state != { established, related } drop{{others}}
                }
                chain postrouting {
                    type nat hook postrouting priority 100; policy accept;
                    ip saddr {{guests}} oifname != "{{device}}" masquerade
                }
            }

            """;
    }

    private static (bool Succeeded, string Output) Run(IReadOnlyList<string> arguments, string? input)
    {
        if (Program is not { } program)
        {
            throw new HostSetupException("nftables is not installed (the program nft)");
        }

        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            if (!process.WaitForExit(Patience))
            {
                process.Kill();
                return (false, "nft does not end");
            }

            return (process.ExitCode == 0, output + errors.Result);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            throw new HostSetupException($"{program} cannot be run: {e.Message}");
        }
    }
}
