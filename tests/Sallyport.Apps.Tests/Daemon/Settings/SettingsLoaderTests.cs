using System.Net;
using Sallyport.Daemon.Settings;

namespace Sallyport.Apps.Tests.Daemon.Settings;

public sealed class SettingsLoaderTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("sallyport settings ").FullName;
    private readonly Dictionary<string, string> environment = [];

    [Fact]
    public void Nothing_written_gives_the_defaults()
    {
        var settings = Load();

        settings.DataDirectory.ShouldBe(Path.Combine(directory, ".sallyport"));
        settings.Endpoint.ShouldBe("192.0.2.1");
        settings.OpenVpnUdp.ShouldBe([IPEndPoint.Parse("0.0.0.0:1194"), IPEndPoint.Parse("[::]:1194")]);
        settings.OpenVpnTcp.ShouldBe([IPEndPoint.Parse("0.0.0.0:1194"), IPEndPoint.Parse("[::]:1194")]);
        settings.Ike.ShouldBe([IPEndPoint.Parse("0.0.0.0:500"), IPEndPoint.Parse("[::]:500")]);
        settings.IkeNat.ShouldBe([IPEndPoint.Parse("0.0.0.0:4500"), IPEndPoint.Parse("[::]:4500")]);
        settings.EspRaw.ShouldBeTrue();
        settings.IkeThreads.ShouldBe(1);
        settings.IkeProbe.ShouldBe(TimeSpan.FromSeconds(30));
        settings.IkeDead.ShouldBe(TimeSpan.FromSeconds(120));
        settings.IkeRedirect.ShouldBeNull();
        settings.ApiHttps.ShouldBe([IPEndPoint.Parse("0.0.0.0:8443"), IPEndPoint.Parse("[::]:8443")]);
        settings.ApiSocket.ShouldBe(Path.Combine(directory, ".sallyport", "api.sock"));
        settings.Ping.ShouldBe(TimeSpan.FromSeconds(10));
        settings.FlowRetention.ShouldBe(TimeSpan.FromDays(30));
    }

    [Fact]
    public void The_documented_example_is_the_defaults()
    {
        var example = Path.Combine(Repository.Root, "docs", "sallyport.yaml");
        File.Copy(example, Path.Combine(directory, "sallyport.yaml"));
        var fromFile = Load();
        File.Delete(Path.Combine(directory, "sallyport.yaml"));
        var defaults = Load();

        (fromFile with { ConfigFile = null, OpenVpnUdp = [], OpenVpnTcp = [], Ike = [], IkeNat = [], ApiHttps = [] })
            .ShouldBe(defaults with { OpenVpnUdp = [], OpenVpnTcp = [], Ike = [], IkeNat = [], ApiHttps = [] });
        fromFile.IpsecIsSaid.ShouldBeFalse();
        fromFile.OpenVpnUdp.ShouldBe(defaults.OpenVpnUdp);
        fromFile.OpenVpnTcp.ShouldBe(defaults.OpenVpnTcp);
        fromFile.ApiHttps.ShouldBe(defaults.ApiHttps);
    }

    [Fact]
    public void The_documented_example_names_every_key()
    {
        var example = File.ReadAllText(Path.Combine(Repository.Root, "docs", "sallyport.yaml"));
        foreach (var key in SettingKey.All)
        {
            example.ShouldContain(
                $"{key.Path[(key.Path.LastIndexOf('.') + 1)..]}:", customMessage: $"docs/sallyport.yaml does not show {key.Path}");
        }
    }

    [Fact]
    public void A_variable_wins_over_the_file()
    {
        Write("endpoint: from.file\nopenvpn:\n  ping: 5\n  udp: [\"0.0.0.0:1000\"]\n");
        environment["SALLYPORT_ENDPOINT"] = "from.environment";
        environment["SALLYPORT_OPENVPN_UDP"] = "127.0.0.1:5001, [::1]:5002";

        var settings = Load();

        settings.Endpoint.ShouldBe("from.environment");
        settings.OpenVpnUdp.ShouldBe([IPEndPoint.Parse("127.0.0.1:5001"), IPEndPoint.Parse("[::1]:5002")]);
        settings.Ping.ShouldBe(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_relative_path_starts_at_the_file_that_names_it_and_a_variable_at_the_current_directory()
    {
        Write("data: here\n");
        Load().DataDirectory.ShouldBe(Path.Combine(directory, "here"));

        environment["SALLYPORT_DATA"] = "there/";
        Load().DataDirectory.ShouldBe(Path.Combine(directory, "there"));
    }

    [Fact]
    public void A_port_alone_listens_on_every_address_and_none_listens_nowhere()
    {
        environment["SALLYPORT_OPENVPN_UDP"] = "5001";
        environment["SALLYPORT_OPENVPN_TCP"] = "none";

        var settings = Load();

        settings.OpenVpnUdp.ShouldBe([IPEndPoint.Parse("0.0.0.0:5001"), IPEndPoint.Parse("[::]:5001")]);
        settings.OpenVpnTcp.ShouldBeEmpty();
    }

    [Fact]
    public void IPsec_can_be_placed_and_left_out()
    {
        Write("""
            ipsec: { ike: [], nat: 14500, raw: off, threads: 2, probe: 1m, dead: 5m, redirect: vpn2.example.com }
            """);
        var settings = Load();
        settings.Ike.ShouldBeEmpty();
        settings.IkeNat.ShouldBe([IPEndPoint.Parse("0.0.0.0:14500"), IPEndPoint.Parse("[::]:14500")]);
        settings.IpsecIsSaid.ShouldBeTrue();
        settings.EspRaw.ShouldBeFalse();
        settings.IkeThreads.ShouldBe(2);
        settings.IkeProbe.ShouldBe(TimeSpan.FromMinutes(1));
        settings.IkeDead.ShouldBe(TimeSpan.FromMinutes(5));
        settings.IkeRedirect.ShouldBe("vpn2.example.com");
    }

    [Theory]
    [InlineData("SALLYPORT_IPSEC_IKE", "4500", "\"ipsec.ike\" and \"ipsec.nat\" both want UDP port 4500")]
    [InlineData("SALLYPORT_IPSEC_NAT", "1194", "\"openvpn.udp\" and \"ipsec.nat\" both want UDP port 1194")]
    [InlineData("SALLYPORT_IPSEC_RAW", "yes", "\"ipsec.raw\" is \"yes\"")]
    [InlineData("SALLYPORT_IPSEC_THREADS", "0", "\"ipsec.threads\" is 0")]
    [InlineData("SALLYPORT_IPSEC_PROBE", "0", "\"ipsec.probe\" is 0")]
    [InlineData("SALLYPORT_IPSEC_DEAD", "1", "\"ipsec.dead\" is 1")]
    [InlineData("SALLYPORT_IPSEC_REDIRECT", "https://vpn2", "\"https://vpn2\" is neither a host name nor an address")]
    public void What_is_wrong_with_IPsec_is_said_where_it_was_written(string variable, string value, string what)
    {
        environment[variable] = value;
        var problem = Problems().ShouldHaveSingleItem();
        problem.Where.ShouldBe(variable);
        problem.What.ShouldBe(what);
    }

    [Fact]
    public void Every_problem_is_reported_at_once_with_its_line_and_column()
    {
        Write("""
            endpoint: "https://vpn.example.com"
            openvpm:
              udp: 5001
            openvpn:
              pingrestart: 5
              ping: fast
              tcp: ["1.2.3.4"]
            gateway:
              flow_table: 1
            """);

        var problems = Problems();

        problems.Select(p => p.Where[(p.Where.IndexOf("yaml:", StringComparison.Ordinal) + 5)..]).ShouldBe(
            ["2:1", "5:3", "7:8", "6:9", "9:15", "1:11"], ignoreOrder: true);
        problems.Single(p => p.Where.EndsWith(":2:1", StringComparison.Ordinal)).Fix.ShouldBe("Did you mean \"openvpn\"?");
        problems.Single(p => p.Where.EndsWith(":5:3", StringComparison.Ordinal)).Fix.ShouldBe("Did you mean \"openvpn.ping_restart\"?");
        problems.ShouldAllBe(p => p.Fix.Length > 0);
    }

    [Fact]
    public void A_key_in_the_wrong_group_is_found_where_it_belongs()
    {
        Write("ping: 5\n");
        Problems().ShouldHaveSingleItem().Fix.ShouldBe("Did you mean \"openvpn.ping\"?");
    }

    [Theory]
    [InlineData("openvpn: [1, 2")]
    [InlineData("endpoint: a\nendpoint: b\n")]
    [InlineData("- endpoint\n")]
    [InlineData("openvpn: 1194\n")]
    [InlineData("endpoint: {a: b}\n")]
    [InlineData("endpoint: [a]\n")]
    public void What_is_not_the_shape_of_the_settings_is_a_problem_and_no_exception(string text)
    {
        Write(text);
        Problems().ShouldNotBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("openvpn:\n")]
    [InlineData("endpoint:\n")]
    public void Empty_parts_are_the_defaults(string text)
    {
        Write(text);
        Load().Endpoint.ShouldBe("192.0.2.1");
    }

    [Theory]
    [InlineData("Sallyport")]
    [InlineData("vpn..example")]
    [InlineData(".")]
    [InlineData("-vpn.example")]
    [InlineData("vpn example")]
    [InlineData("a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.xy")]
    public void A_zone_is_a_domain_in_small_letters_with_room_for_names_in_front(string text)
    {
        environment["SALLYPORT_DNS_ZONE"] = text;
        Problems().ShouldHaveSingleItem().Where.ShouldBe("SALLYPORT_DNS_ZONE");
    }

    [Fact]
    public void A_zone_may_be_a_domain_of_ones_own()
    {
        Load().DnsZone.ShouldBe("sallyport");
        Write("dns:\n  zone: vpn.example.com\n");
        Load().DnsZone.ShouldBe("vpn.example.com");
    }

    [Theory]
    [InlineData("90", 90)]
    [InlineData("90s", 90)]
    [InlineData("2m", 120)]
    [InlineData("1h", 3600)]
    [InlineData("1 d", 86_400)]
    public void Durations_have_units(string text, int seconds)
    {
        environment["SALLYPORT_OPENVPN_RENEGOTIATE"] = text;
        Load().Renegotiate.TotalSeconds.ShouldBe(seconds);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("4")]
    [InlineData("8d")]
    [InlineData("1w")]
    [InlineData("99999999999999999999")]
    [InlineData("9223372036854775807")]
    [InlineData("h")]
    public void A_duration_outside_its_range_names_the_variable_and_the_range(string text)
    {
        environment["SALLYPORT_OPENVPN_RENEGOTIATE"] = text;
        Problems().ShouldHaveSingleItem().Where.ShouldBe("SALLYPORT_OPENVPN_RENEGOTIATE");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0.0.0.0:0")]
    [InlineData("65536")]
    [InlineData("1.2.3.4")]
    [InlineData("::1")]
    [InlineData("localhost:1194")]
    [InlineData("[::]:1194,[::]:1194")]
    public void A_listening_address_needs_an_address_and_a_port(string text)
    {
        environment["SALLYPORT_OPENVPN_UDP"] = text;
        Problems().ShouldHaveSingleItem().Where.ShouldBe("SALLYPORT_OPENVPN_UDP");
    }

    [Fact]
    public void Two_listeners_of_one_port_are_told_apart_before_anything_starts()
    {
        environment["SALLYPORT_OPENVPN_TCP"] = "8443";
        Problems().ShouldHaveSingleItem().What.ShouldContain("both want TCP port 8443");
    }

    [Fact]
    public void One_lost_ping_may_not_cut_a_device()
    {
        environment["SALLYPORT_OPENVPN_PING"] = "40";
        Problems().ShouldHaveSingleItem().What.ShouldContain("ping_restart");
    }

    [Theory]
    [InlineData("/", 94, true)]
    [InlineData("/", 95, false)]
    [InlineData("/é", 92, true)]
    [InlineData("/é", 93, false)]
    public void A_socket_path_may_be_as_long_as_the_kernel_takes_in_bytes(string start, int more, bool fits)
    {
        // "/gateway.sock" is the longest name in the data directory: 13 bytes of 107.
        environment["SALLYPORT_DATA"] = start + new string('d', more - 1);
        if (fits)
        {
            Load();
        }
        else
        {
            Problems().ShouldHaveSingleItem().Fix.ShouldContain("SALLYPORT_DATA");
        }
    }

    [Fact]
    public void A_configuration_file_that_is_not_there_is_a_problem()
    {
        environment["SALLYPORT_CONFIG"] = "missing.yaml";
        Problems().ShouldHaveSingleItem().What.ShouldContain(Path.Combine(directory, "missing.yaml"));
    }

    [Fact]
    public void A_mistyped_variable_is_a_warning_and_those_of_the_command_line_tool_are_not()
    {
        environment["SALLYPORT_ENDPIONT"] = "a";
        environment["SALLYPORT_OPENVPN_PNG"] = "5";
        environment["SALLYPORT_TOKEN"] = "b";
        environment["SALLYPORT_OUTPUT"] = "json";

        var loader = Loader();
        loader.Load().ShouldNotBeNull();
        loader.Warnings.ShouldBe(
        [
            "SALLYPORT_ENDPIONT is not a setting; did you mean SALLYPORT_ENDPOINT?",
            "SALLYPORT_OPENVPN_PNG is not a setting; did you mean SALLYPORT_OPENVPN_PING?",
        ]);
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    private void Write(string text) => File.WriteAllText(Path.Combine(directory, "sallyport.yaml"), text);

    private SettingsLoader Loader() => new(environment, directory, () => "192.0.2.1");

    private DaemonSettings Load()
    {
        var loader = Loader();
        var settings = loader.Load();
        loader.Problems.ShouldBeEmpty();
        return settings.ShouldNotBeNull();
    }

    private IReadOnlyList<SettingProblem> Problems()
    {
        var loader = Loader();
        loader.Load().ShouldBeNull();
        return loader.Problems;
    }
}
