using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli;

/// <summary>IPsec as one meets it on the command line.</summary>
[Collection("console")]
public sealed class IpsecTests : IAsyncLifetime
{
    private ControlServer server = null!;
    private string before = "";

    public async Task InitializeAsync()
    {
        server = await ControlServer.StartAsync();
        before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = server.Directory;
        await server.RunAsync("network", "add", "plant-a", "--prefix", "10.20.0.0/16");
    }

    public async Task DisposeAsync()
    {
        Environment.CurrentDirectory = before;
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_profile_is_a_private_directory_that_two_commands_install()
    {
        var (code, output, remarks) = await RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec");
        code.ShouldBe(ExitCodes.Ok, remarks);
        output.ShouldContain("device pump-17 added to plant-a");
        remarks.ShouldContain("strongSwan: cp -r pump-17.ipsec/swanctl/. /etc/swanctl/ && swanctl --load-all; anything else: pump-17.ipsec/sheet.txt");
        var place = Path.Combine(server.Directory, "pump-17.ipsec");
        File.GetUnixFileMode(place).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var files = Directory.GetFiles(place, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(place, file)).Order(StringComparer.Ordinal).ToList();
        files.Select(file => Regex.Replace(file, "-[0-9a-f]{8}\\.pem$", "-ID.pem")).ShouldBe(
        [
            "ca.pem", "pump-17.p12", "sheet.txt", "swanctl/conf.d/pump-17.conf", "swanctl/private/pump-17.plant-a.pem", "swanctl/x509/pump-17.plant-a.pem",
            "swanctl/x509ca/sallyport-issuing-ID.pem", "swanctl/x509ca/sallyport-root-ID.pem",
        ]);
        var root = Path.GetFileName(files.Single(file => file.Contains("root", StringComparison.Ordinal)));
        File.ReadAllText(Path.Combine(place, "swanctl", "conf.d", "pump-17.conf")).ShouldContain($"            cacerts = {root}\n");
        foreach (var file in files)
        {
            File.GetUnixFileMode(Path.Combine(place, file)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
        }

        Directory.GetDirectories(server.Directory, "*.part").ShouldBeEmpty();
    }

    [Fact]
    public async Task What_exists_is_refused_before_anything_is_created_and_only_a_profile_is_replaced()
    {
        Directory.CreateDirectory(Path.Combine(server.Directory, "etc"));
        File.WriteAllText(Path.Combine(server.Directory, "etc", "passwd"), "root");
        var (code, _, remarks) = await RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec", "--profile", "etc", "--force");
        code.ShouldBe(ExitCodes.Refused);
        remarks.ShouldContain("exists already and is no profile; nothing was created");
        File.ReadAllText(Path.Combine(server.Directory, "etc", "passwd")).ShouldBe("root");
        (await server.RunAsync("device", "list")).ShouldNotContain("pump-17");

        await server.RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec", "--auth", "psk");
        (await RunAsync("device", "profile", "pump-17", "--protocol", "ipsec")).Remarks.ShouldContain("--force");
        await server.RunAsync("device", "profile", "pump-17", "--protocol", "ipsec", "--force");
        Directory.GetFileSystemEntries(server.Directory, "pump-17*").ShouldHaveSingleItem();
        File.Exists(Path.Combine(server.Directory, "pump-17.ipsec", "pump-17.p12")).ShouldBeTrue();
        (await RunAsync("device", "add", "pump-18", "--network", "plant-a", "--protocol", "ipsec", "--profile", "no/where")).Remarks.ShouldContain("there is no such file or directory; nothing was created");
    }

    [Fact]
    public async Task A_key_is_in_the_private_files_and_on_no_terminal_and_never_in_JSON()
    {
        var (_, _, remarks) = await RunAsync("site", "add", "dc", "--network", "plant-a", "--subnet", "192.168.50.0/24", "--protocol", "ipsec", "--auth", "psk", "--uplinks", "2",
            "--remote", "203.0.113.5", "--remote", "any", "--single-pairs", "yes", "--peer-id", "203.0.113.5");
        remarks.ShouldContain("pre-shared key of 203.0.113.5: in dc.ipsec/sheet.txt\n");
        remarks.ShouldContain("pre-shared key of 2.dc.plant-a.sallyport: in dc.ipsec/sheet.txt\n");
        foreach (var name in (string[])["dc", "dc-2"])
        {
            var key = File.ReadAllText(Path.Combine(server.Directory, "dc.ipsec", "swanctl", "conf.d", $"{name}.conf")).Split("secret = \"")[1].Split('"')[0];
            remarks.ShouldNotContain(key);
            File.ReadAllText(Path.Combine(server.Directory, "dc.ipsec", "sheet.txt")).ShouldContain(key);
        }

        (await server.RunAsync("site", "show", "dc")).ShouldContain("the gateway begins to 203.0.113.5, any, one pair of subnets for each SA");
        var list = await server.RunAsync("credential", "list", "--site", "dc");
        list.ShouldContain("2.dc.plant-a.sallyport");
        list.ShouldContain("psk");

        var json = await server.RunAsync("site", "profile", "dc", "--protocol", "ipsec", "--auth", "psk", "--ppk", "yes", "--profile", "other", "-o", "json");
        var secret = File.ReadAllText(Path.Combine(server.Directory, "other", "swanctl", "conf.d", "dc.conf")).Split("secret = \"")[1].Split('"')[0];
        json.ShouldNotContain(secret);
        JsonNode.Parse(json)!["files"]!.AsArray().Select(file => (string)file!).ShouldContain("swanctl/conf.d/dc.conf");
        JsonNode.Parse(json)!["keys"].ShouldBeNull();
        await server.RunAsync("site", "update", "dc", "--remote", "none", "--mode", "transport");
        (await server.RunAsync("site", "show", "dc")).ShouldContain("mode transport, one pair");
    }

    [Fact]
    public async Task A_key_that_is_there_already_comes_from_a_file_and_is_not_shown()
    {
        const string key = "9c1f0e7d5b3a48266f4e0d2c1b9a8877aa55ee0112cd34ef5678ab90cdef1234";
        File.WriteAllText(Path.Combine(server.Directory, "both.key"), key + "\n");
        string[] words = ["site", "add", "dc", "--network", "plant-a", "--subnet", "192.168.50.0/24", "--protocol", "ipsec", "--auth", "psk", "--psk-file"];
        (await RunAsync([.. words, "nowhere.key"])).Remarks.ShouldContain("--psk-file");
        File.WriteAllText(Path.Combine(server.Directory, "weak.key"), "secret\n");
        var (_, _, weak) = await RunAsync([.. words, "weak.key", "--force"]);
        weak.ShouldContain("--psk-file");
        weak.ShouldContain("openssl rand -hex 32");
        var (_, _, remarks) = await RunAsync([.. words, "both.key", "--force"]);
        remarks.ShouldNotContain(key);
        File.ReadAllText(Path.Combine(server.Directory, "dc.ipsec", "swanctl", "conf.d", "dc.conf")).ShouldContain($"secret = \"{key}\"");
    }

    [Fact]
    public async Task Standard_output_has_all_of_it_with_the_name_of_each_file()
    {
        var output = await server.RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec", "--profile", "-");
        output.ShouldContain("# ===== swanctl/conf.d/pump-17.conf =====\n");
        output.ShouldContain("# ===== swanctl/private/pump-17.plant-a.pem =====\n-----BEGIN PRIVATE KEY-----");
        Directory.GetFileSystemEntries(server.Directory, "pump-17*").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_secret_that_is_in_no_private_file_is_shown()
    {
        await server.RunAsync("network", "update", "plant-a", "--ipsec-auth", "eap-mschapv2", "--ipsec-auth", "psk");
        var (_, output, remarks) = await RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec", "--auth", "psk", "--profile", "-");
        var key = Regex.Match(remarks, @"pre-shared key of pump-17\.plant-a\.sallyport: (\w+) \(shown only now\)").Groups[1].Value;
        key.Length.ShouldBe(43);
        output.ShouldContain(key);
        remarks = (await RunAsync("device", "add", "pump-18", "--network", "plant-a", "--protocol", "ipsec", "--auth", "eap-mschapv2")).Remarks;
        remarks.ShouldContain("password in pump-18.ipsec/sheet.txt\n");
    }

    [Fact]
    public async Task Ports_are_told_by_their_names() => (await RunAsync("status")).Output.ShouldMatch(@"ports: +openvpn \d+, ike \d+");

    [Fact]
    public async Task What_is_of_IPsec_says_so_where_the_protocol_was_forgotten()
    {
        foreach (var flag in (string[][])[["--auth", "psk"], ["--uplinks", "2"], ["--peer-id", "hq@example.com"], ["--ppk", "yes"]])
        {
            string[] add = ["device", "add", "pump-17", "--network", "plant-a", .. flag];
            var (code, _, remarks) = await RunAsync(add);
            (code, remarks.Contains("add --protocol ipsec", StringComparison.OrdinalIgnoreCase)).ShouldBe((ExitCodes.Usage, true), remarks);
            (await RunAsync([.. add, "--profile", "pump.ovpn"])).Remarks.ShouldContain($"{flag[0]} is of IPsec, and a profile is for OpenVPN unless it is said");
        }

        await server.RunAsync("device", "add", "pump-17", "--network", "plant-a");
        (await RunAsync("device", "profile", "pump-17", "--auth", "psk")).Remarks.ShouldContain("Add --protocol ipsec");
        (await server.RunAsync("device", "add", "--help")).ShouldContain("default with --protocol: NAME.ovpn");
    }

    [Fact]
    public async Task What_is_wrong_is_told_by_the_flag_that_said_it()
    {
        (await RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec", "--auth", "psk", "--peer-id", "a b")).Remarks.ShouldContain("--peer-id");
        (await RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsek")).Remarks.ShouldContain("--protocol");
        (await RunAsync("device", "add", "pump-17", "--network", "plant-a", "--protocol", "ipsec", "--uplinks", "2")).Remarks.ShouldContain("--uplinks");
        (await RunAsync("site", "add", "dc", "--network", "plant-a", "--subnet", "192.168.50.0/24", "--remote", "224.0.0.1")).Remarks.ShouldContain("--remote");
        (await RunAsync("network", "update", "plant-a", "--ike", "3des-md5")).Remarks.ShouldContain("--ike");
        (await RunAsync("network", "update", "plant-a", "--ipsec", "maybe")).Remarks.ShouldContain("--ipsec on");
        (await RunAsync("network", "update", "plant-a", "--child-volume", "much")).Remarks.ShouldContain("--child-volume");
        Directory.GetFileSystemEntries(server.Directory, "*.part").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_network_shows_its_IPsec_and_takes_all_of_it()
    {
        (await server.RunAsync("network", "show", "plant-a")).ShouldContain("certificate, psk, eap-tls");
        var shown = await server.RunAsync(
            "network", "update", "plant-a", "--ike", "aes256-sha1-modp2048", "--esp", "aes256-sha1", "--ipsec-auth", "psk", "--ike-lifetime", "8h", "--child-lifetime", "none",
            "--child-volume", "20GB", "--child-packets", "1000000", "--reauthenticate", "24h", "--encapsulate", "yes", "--copy-dscp", "yes", "--ppk-required", "yes");
        foreach (var part in (string[])["aes256-sha1-modp2048", "IKE after 8h, ESP never, or 20GB, or 1000000 packets, proof after 24h", "ESP always in UDP, DSCP is shown outside, a post-quantum key is required"])
        {
            shown.ShouldContain(part);
        }

        (await server.RunAsync("network", "update", "plant-a", "--ike", "default")).ShouldContain("aes256gcm16-aes128gcm16-chacha20poly1305");
        (await server.RunAsync("network", "update", "plant-a", "--ipsec", "none")).ShouldNotContain("aes256gcm16");
    }

    [Fact]
    public async Task What_a_network_shows_of_its_IPsec_it_takes_again()
    {
        string[] words = ["--ike", "aes256gcm16-prfsha384-ecp384,aes256-sha256-modp2048", "--ike", "aes128-sha256-modp2048", "--esp", "aes256gcm16, aes128gcm16", "--ipsec-auth", "certificate,psk"];
        var shown = await server.RunAsync(["network", "update", "plant-a", .. words]);
        shown.ShouldContain("aes256gcm16-prfsha384-ecp384, aes256-sha256-modp2048, aes128-sha256-modp2048");
        string Line(string name) => Regex.Match(shown, $"^ *{name}:? +(.+)$", RegexOptions.Multiline).Groups[1].Value.TrimEnd();
        await server.RunAsync(["network", "add", "plant-b", "--prefix", "10.30.0.0/16", "--ike", Line("IKE"), "--esp", Line("ESP"), "--ipsec-auth", Line("IPsec")]);
        string[] Of(string text) => [.. text.Split('\n').Where(line => Regex.IsMatch(line, "^ *(IKE|ESP|IPsec)"))];
        Of(await server.RunAsync("network", "show", "plant-b")).ShouldBe(Of(shown));
    }

    [Fact]
    public async Task Files_from_before_a_change_are_told_with_what_to_do()
    {
        await server.RunAsync("site", "add", "dc", "--network", "plant-a", "--subnet", "192.168.50.0/24", "--protocol", "ipsec", "--auth", "psk");
        (await RunAsync("site", "add", "hq", "--network", "plant-a", "--subnet", "192.168.60.0/24")).Remarks.ShouldContain(
            "the IPsec files of site dc are from before this: write it into the router's configuration by hand, or make a new profile. "
            + "That revokes the one before at once, unless with --keep-old (pre-shared keys: and with another --peer-id):\n"
            + "  sallyport site profile dc.plant-a --protocol ipsec --auth psk\n");
        (await RunAsync("site", "update", "dc", "--single-pairs", "yes")).Remarks.ShouldContain("the IPsec files of site dc are from before this");
        (await RunAsync("site", "update", "dc", "--remote", "203.0.113.5")).Remarks.ShouldNotContain("files");
        for (var i = 0; i < 3; i++)
        {
            await server.RunAsync("site", "add", $"lab-{i}", "--network", "plant-a", "--subnet", $"192.168.7{i}.0/24", "--protocol", "ipsec");
        }

        (await RunAsync("site", "update", "hq", "--subnet", "192.168.61.0/24")).Remarks.ShouldContain(
            "  sallyport site profile lab-1.plant-a --protocol ipsec\n  and so for each of them, by what it has: sallyport credential list --site NAME\n");
    }

    [Fact]
    public async Task The_command_for_a_new_profile_makes_one_like_the_one_before()
    {
        await server.RunAsync("network", "update", "plant-a", "--ipsec-auth", "eap-mschapv2", "--ipsec-auth", "psk", "--ipsec-auth", "certificate", "--ipsec-auth", "eap-tls");
        await server.RunAsync("site", "add", "hq", "--network", "plant-a", "--subnet", "192.168.60.0/24");
        string[][] kinds =
        [
            ["--auth", "psk", "--peer-id", "203.0.113.5"],
            ["--auth", "psk", "--peer-id", "2.by-hand.example", "--peer-id", "keyid:4711", "--uplinks", "3", "--ppk", "yes"],
            ["--auth", "eap-mschapv2"],
            ["--uplinks", "2"],
            ["--auth", "eap-tls"],
        ];
        for (var i = 0; i < kinds.Length; i++)
        {
            await server.RunAsync(["site", "add", "dc", "--network", "plant-a", "--subnet", "192.168.50.0/24", "--protocol", "ipsec", "--force", .. kinds[i]]);
            if (kinds[i].Contains("eap-tls"))
            {
                await server.RunAsync("network", "update", "plant-a", "--ipsec-auth", "eap-tls");
            }

            var before = await CredentialsAsync();
            var remarks = (await RunAsync("site", "update", "hq", "--subnet", $"192.168.6{i + 1}.0/24")).Remarks;
            var command = remarks.Split('\n').Single(line => line.StartsWith("  sallyport", StringComparison.Ordinal)).Trim();
            command.ShouldBe($"sallyport site profile dc.plant-a --protocol ipsec{string.Concat(kinds[i].Select(word => " " + word))}");
            await server.RunAsync(command.Split(' ')[1..]);
            (await CredentialsAsync()).ShouldBe(before);
            await server.RunAsync("site", "remove", "dc");
            Directory.Delete(Path.Combine(server.Directory, "dc.plant-a.ipsec"), recursive: true);
        }

        async Task<IReadOnlyList<string>> CredentialsAsync() =>
        [
            .. JsonNode.Parse(await server.RunAsync("credential", "list", "--site", "dc", "-o", "json"))!.AsArray()
                .Select(one => $"{one!["kind"]} {one["peerId"]} {one["uplink"]} {one["ppk"]}"),
        ];
    }

    private Task<(int Code, string Output, string Remarks)> RunAsync(params string[] arguments) => CannedServer.RunOnAsync(server.Directory, arguments);
}
