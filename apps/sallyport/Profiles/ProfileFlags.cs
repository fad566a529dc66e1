using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sallyport.Api;
using Sallyport.Api.Credentials;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Profiles;

/// <summary>What a profile carries and where it goes; the same for devices and sites, on "add" and on "profile".</summary>
internal sealed class ProfileFlags
{
    private const string Ipsec = "ipsec";
    private const string OpenVpn = "openvpn";

    /// <summary>More is no key.</summary>
    private const int KeyFileMax = 4096;

    private readonly Option<string?> profile;
    private readonly Option<string?> protocol = Flag.Text(
        "--protocol", "openvpn (default): one file; ipsec: a directory with files for strongSwan, libreswan and phones, and a sheet for web forms", "PROTOCOL");

    private readonly Option<bool> force = Flag.Switch("--force", "Replace the file, or the directory of an IPsec profile, if it exists");
    private readonly Option<string?> endpoint = Flag.Text(
        "--endpoint", "Host name or address that the profile dials; default: the installation's", "HOST");

    private readonly Option<string?> transport = Flag.Text("--transport", "With openvpn: udp+tcp (default), udp or tcp", "TRANSPORT");
    private readonly Option<string?> wrapping = Flag.Text("--wrapping", "With openvpn: one of the network's wrappings; default: its first", "WRAPPING");
    private readonly Option<int?> validDays = Flag.Number("--valid-days", "Days that the certificate is valid", "DAYS");
    private readonly Option<string?> auth = Flag.Text("--auth", "With ipsec: certificate (default), psk, eap-tls or eap-mschapv2", "KIND");
    private readonly Option<string[]> peerIds = Flag.List(
        "--peer-id", "With ipsec: who it says it is, where that is not its name: 203.0.113.5, hq@example.com, @router-7.example, keyid:4711; one for each uplink", "ID");

    private readonly Option<int?> uplinks = Flag.Number("--uplinks", "With ipsec: ways by which a site comes, each with a credential of its own; default: 1", "COUNT");
    private readonly Option<string?> ppk = Flag.YesNo("--ppk", "With ipsec: a post-quantum pre-shared key as well (RFC 8784)");

    private readonly Option<string?> pskFile = Flag.Text(
        "--psk-file", "With ipsec and psk: the pre-shared key that the other end has already, in a file; - is standard input; default: one is made", "FILE");

    public ProfileFlags(string help) => profile = Flag.Text("--profile", help, "FILE");

    private Option[] Shape => [force, protocol, endpoint, transport, wrapping, validDays, auth, peerIds, uplinks, ppk, pskFile];

    public void AddTo(Command command)
    {
        command.Add(profile);
        foreach (var option in Shape)
        {
            command.Add(option);
        }
    }

    /// <summary>Null where no profile is asked for.</summary>
    /// <param name="name">What the profile is called where nobody says.</param>
    /// <param name="isWanted">Without being asked for, too. Who names a protocol asks for it.</param>
    public ProfileFile? Reserve(ParseResult parse, string name, bool isWanted = false)
    {
        var isDirectory = IsIpsec(parse);
        var usual = isWanted || IsSaid(parse, protocol) ? $"{name}.{(isDirectory ? "ipsec" : "ovpn")}" : null;
        return (parse.GetValue(profile) ?? usual) is { } path ? ProfileFile.Reserve(path, parse.GetValue(force), isDirectory) : null;
    }

    /// <summary>Each protocol has flags of its own.</summary>
    public void CheckProtocol(ParseResult parse)
    {
        var foreign = ((Option[])[auth, peerIds, uplinks, ppk, pskFile]).Where(option => IsSaid(parse, option)).Select(option => option.Name).ToList();
        if (foreign.Count > 0 && (parse.GetValue(protocol) is null || string.Equals(parse.GetValue(protocol), OpenVpn, StringComparison.OrdinalIgnoreCase)))
        {
            throw new CliException(
                ExitCodes.Usage, $"{string.Join(" and ", foreign)} {(foreign.Count == 1 ? "is" : "are")} of IPsec, and a profile is for OpenVPN unless it is said",
                string.Join(", ", foreign), "Add --protocol ipsec, or leave it out.");
        }
    }

    /// <summary>A flag that says what the profile is like, where none is made, would be without effect.</summary>
    public void CheckAskedFor(ParseResult parse)
    {
        CheckProtocol(parse);
        // A variable such as SALLYPORT_ENDPOINT may be meant for other commands.
        var idle = Shape.Where(option => IsSaid(parse, option)).Select(option => option.Name).ToList();
        if (parse.GetValue(profile) is null && !IsSaid(parse, protocol) && idle.Count > 0)
        {
            throw new CliException(
                ExitCodes.Usage,
                $"{string.Join(" and ", idle)} say{(idle.Count == 1 ? "s" : "")} what a profile is like, but none is asked for",
                string.Join(", ", idle),
                "Add --profile FILE, or leave it out here and give it to the verb profile.");
        }
    }

    public ProfileRequest Request(ParseResult parse, bool keepOld = false) => new()
    {
        KeepOld = keepOld,
        Protocol = parse.GetValue(protocol),
        Endpoint = parse.GetValue(endpoint),
        Transport = parse.GetValue(transport),
        Wrapping = parse.GetValue(wrapping),
        ValidDays = parse.GetValue(validDays),
        Auth = parse.GetValue(auth),
        PeerIds = parse.GetValue(peerIds) is { Length: > 0 } ids ? ids : null,
        Uplinks = parse.GetValue(uplinks),
        Ppk = Flag.IsYes(parse, ppk),
        Psk = parse.GetValue(pskFile) is { } path ? ReadKey(path) : null,
    };

    /// <summary>A key on a command line would be there for everybody to read.</summary>
    private static string ReadKey(string path)
    {
        try
        {
            using var source = path == ProfileFile.StandardOutput ? Console.In : File.OpenText(path);
            var buffer = new char[KeyFileMax];
            var length = source.ReadBlock(buffer);
            return new string(buffer, 0, length).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CliException.OfFile(path, "--psk-file", error);
        }
    }

    /// <summary>Writes the file and says so. The profile itself never goes into JSON or YAML: those end in logs.</summary>
    public static JsonObject Deliver(ProfileFile file, ProfileIssued issued, Printer printer)
    {
        file.Commit(issued, printer.Raw);
        if (printer.Format == OutputFormat.Table || file.IsStandardOutput)
        {
            var where = file.IsStandardOutput ? "" : $" in {file.Path}";
            printer.Remark($"profile{where}{(issued.NotAfter is { } end ? $", valid until {Human.Time(end)}" : "")}; it holds {Held(issued)} that exists nowhere else");
            Install(file, issued, printer);
            Secrets(file, issued, printer);

            if (issued.Revoked.Count > 0)
            {
                printer.Remark($"{Human.Count(issued.Revoked.Count, "credential")} before it revoked: a client that runs with the old profile is cut, and is back "
                    + "only with the new one (OpenVPN exits and is started again; IPsec is refused until it is loaded)");
            }
        }

        var facts = JsonSerializer.SerializeToNode(issued, ApiJson.Default.ProfileIssued)!.AsObject();
        foreach (var secret in (string[])["text", "files", "keys"])
        {
            facts.Remove(secret);
        }

        if (issued.Protocol == Ipsec)
        {
            facts.Remove("password");
            facts["files"] = new JsonArray([.. issued.Files.Select(part => (JsonNode)part.Name)]);
        }

        facts["file"] = file.Path;
        return facts;
    }

    /// <summary>What is in a private file is not for the scrollback of a terminal as well.</summary>
    private static void Secrets(ProfileFile file, ProfileIssued issued, Printer printer)
    {
        var isKept = issued.Protocol == Ipsec && !file.IsStandardOutput;
        string Shown(string secret) => isKept ? $"in {file.Path}/{ProfileFile.Sheet}" : $"{secret} (shown only now)";
        if (issued.Username is not null && issued.Password is not null)
        {
            printer.Remark($"username {issued.Username}, password {Shown(issued.Password)}");
        }

        foreach (var key in issued.Keys)
        {
            printer.Remark($"{(key.Kind == "psk" ? "pre-shared key" : "post-quantum key")} of {key.Id}: {Shown(key.Secret)}");
        }
    }

    private static string Held(ProfileIssued issued) => issued.Fingerprint is not null ? "a private key" : issued.Keys.Count > 0 ? "a pre-shared key" : "a password";

    private static void Install(ProfileFile file, ProfileIssued issued, Printer printer)
    {
        if (issued.Protocol == Ipsec && !file.IsStandardOutput)
        {
            printer.Remark($"strongSwan: cp -r {file.Path}/swanctl/. /etc/swanctl/ && swanctl --load-all; anything else: {file.Path}/{ProfileFile.Sheet}");
        }
    }

    private bool IsIpsec(ParseResult parse) => string.Equals(parse.GetValue(protocol), Ipsec, StringComparison.OrdinalIgnoreCase);

    private static bool IsSaid(ParseResult parse, Option option) => parse.GetResult(option) is { Implicit: false };
}
