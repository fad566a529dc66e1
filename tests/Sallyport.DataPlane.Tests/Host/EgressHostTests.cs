using System.Diagnostics;
using Sallyport.Api.Nodes;
using Sallyport.Core.Flows;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Host;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Host;

/// <summary>What is set up on the gateway host for guests, with an nft that hangs, refuses or works as the test says. No kernel is touched.</summary>
public sealed class EgressHostTests : IDisposable
{
    private const string Pool = "198.19.0.0/16";

    /// <summary>Longer than any test waits, shorter than it would stay behind.</summary>
    private const string Hang = "sleep 60";

    private readonly string _folder = Directory.CreateTempSubdirectory("sp-nft-").FullName;
    private readonly TestFleet _fleet = new();
    private readonly StringWriter _text = new();
    private readonly TextWriter _log;
    private readonly Uplink _uplink = new(new Clock(TimeProvider.System));
    private readonly Mailbox _shard = new();
    private readonly Routes _device = new();
    private readonly EgressHost _host;
    private int _version;
    private IReadOnlyList<int> _listening = [1194, 443];

    public EgressHostTests()
    {
        _log = TextWriter.Synchronized(_text);
        File.WriteAllText(Forwarding, "0\n");
        File.WriteAllText(ConnectionsMax, "65536\n");
        Behave("");
        File.WriteAllText(Nft, $"#!/bin/sh\necho \"$@\" >> {_folder}/calls\n[ \"$1\" = list ] || cat >> {_folder}/calls\n. {_folder}/behaviour\n");
        File.SetUnixFileMode(Nft, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _host = new EgressHost(
            new Clock(TimeProvider.System), _uplink, new GatewayLog(_log, TimeProvider.System), new NftProgram(Nft, TimeSpan.FromSeconds(2)), Forwarding,
            ConnectionsMax, TimeSpan.FromMilliseconds(100));
    }

    private string Nft => Path.Combine(_folder, "nft");

    private string Forwarding => Path.Combine(_folder, "ip_forward");

    private string ConnectionsMax => Path.Combine(_folder, "nf_conntrack_max");

    private string Calls => File.Exists(Path.Combine(_folder, "calls")) ? File.ReadAllText(Path.Combine(_folder, "calls")) : "";

    [Fact]
    public void It_opens_when_the_table_is_there_and_all_of_it_goes_with_the_last_application()
    {
        Follow(isThere: true);
        Until(() => Orders().Contains(true), "open");
        Calls.ShouldContain("table ip sallyport_egress_tun9 {");
        _device.Now.ShouldBe([Pool]);
        File.ReadAllText(Forwarding).ShouldBe("1");

        Follow(isThere: false);
        Until(() => Orders().Contains(false), "closed");
        Until(() => Calls.EndsWith("add table ip sallyport_egress_tun9\ndelete table ip sallyport_egress_tun9\n", StringComparison.Ordinal), "deleted");
        _device.Now.ShouldBeEmpty();
        File.ReadAllText(Forwarding).ShouldBe("0");
    }

    [Fact]
    public void No_guest_is_given_a_port_that_is_bound_now_whatever_the_settings_say()
    {
        _listening = [40_000, 443];
        Follow(isThere: true);
        Until(() => Orders().Contains(true), "open");
        Calls.ShouldContain("masquerade to :10240-32767 fully-random");
    }

    [Theory]
    [InlineData("1194,443", "32768-60999")]
    [InlineData("32768", "10240-32767")]
    [InlineData("32768,32767", "61000-65535")]
    [InlineData("32768,32767,65535", "32769-65534")]
    [InlineData("10240,50000,61000", "10241-49999")]
    [InlineData("20000,40000,65535,20000", "40001-65534")]
    public void Where_each_range_has_a_listener_guests_get_the_widest_gap_between_them(string listening, string ports) =>
        new NftTable("tun9", new NftProgram(Nft), [.. listening.Split(',').Select(int.Parse)]).Text([IpPrefix.Parse(Pool)], forwardingWasOff: false)
            .ShouldContain($" masquerade to :{ports} fully-random");

    [Fact]
    public void Guests_get_half_of_the_connections_that_the_kernel_remembers_and_it_remembers_them_no_longer_than_we()
    {
        Follow(isThere: true, shards: 4);
        Until(() => Orders().Contains(true), "open");
        _flowsMax.ShouldBe(65_536 / 2 / 4);
        var limits = new FlowLimits();
        Calls.ShouldContain($"established: {(int)limits.TcpEstablished.TotalSeconds}, ");
        Calls.ShouldContain($"time_wait: {(int)limits.TcpClosed.TotalSeconds}, ");
        Calls.ShouldContain("iifname \"tun9\" meta l4proto tcp ct timeout set \"guests_tcp\"");
        Log().ShouldNotContain("egress.no-times");
    }

    [Fact]
    public void A_kernel_without_times_of_ours_is_told_of_and_used_all_the_same()
    {
        Behave("[ \"$1\" = list ] && exit 1; tail -n 60 \"${0%/*}/calls\" | tac | sed '/^add table/q' | grep -q 'ct timeout' && echo 'Error: No such file or directory' >&2 && exit 1; exit 0");
        Follow(isThere: true);
        Until(() => Orders().Contains(true), "open");
        Log().ShouldContain("egress.no-times");
        Calls[Calls.LastIndexOf("add table", StringComparison.Ordinal)..].ShouldNotContain("ct timeout");
    }

    [Fact]
    public void A_model_does_not_wait_for_an_nft_that_hangs_which_is_told_and_tried_again()
    {
        Behave(Hang);
        var clock = Stopwatch.StartNew();
        Follow(isThere: true);
        Follow(isThere: true);
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(2));

        // Only its patience later it is known.
        Until(() => Log().Contains("egress.unavailable", StringComparison.Ordinal), "told");
        Log().ShouldContain("does not end within 2 s");
        _uplink.Take().OfType<EventReport>().ShouldHaveSingleItem().Events.ShouldHaveSingleItem().Kind.ShouldBe("egress.unavailable");
        Orders().ShouldNotContain(true);
        File.ReadAllText(Forwarding).ShouldBe("0\n", "nothing is forwarded without the table");

        Behave("");
        Until(() => Orders().Contains(true), "tried again without another model");
        _device.Now.ShouldBe([Pool]);
    }

    [Fact]
    public void What_nft_says_is_read_however_much_it_is()
    {
        Behave("i=0; while [ $i -lt 4000 ]; do echo 'Error: this table is not to my liking, and I say so' >&2; echo noise noise noise noise; i=$((i+1)); done; exit 1");
        Follow(isThere: true);
        Until(() => Log().Contains("egress.unavailable", StringComparison.Ordinal), "told");
        Log().ShouldContain("does not take table");
        Log().ShouldNotContain("does not end");
    }

    [Fact]
    public void At_the_end_the_table_goes_even_where_forwarding_cannot_be_turned_off()
    {
        Follow(isThere: true);
        Until(() => Orders().Contains(true), "open");
        File.Delete(Forwarding);
        Directory.CreateDirectory(Forwarding);
        _host.Dispose();
        Calls.ShouldEndWith("add table ip sallyport_egress_tun9\ndelete table ip sallyport_egress_tun9\n");
        Log().ShouldContain("egress.not-cleared");
        Log().ShouldContain(Forwarding);
    }

    [Fact]
    public void An_end_in_the_middle_of_setting_up_interrupts_nft_and_takes_away_what_it_may_have_done()
    {
        Behave("case \"$1\" in list) exit 1;; esac\nif [ -e $0.stopping ]; then exit 0; fi\n" + Hang);
        Follow(isThere: true);
        Until(() => Calls.Contains("chain forward", StringComparison.Ordinal), "it writes");
        File.WriteAllText(Nft + ".stopping", "");
        var clock = Stopwatch.StartNew();
        _host.Dispose();
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(2));
        Calls.ShouldEndWith("delete table ip sallyport_egress_tun9\n");
        Log().ShouldNotContain("egress.not-cleared");
    }

    [Fact]
    public void What_a_gateway_that_was_killed_left_is_cleared_and_forwarding_is_as_it_was()
    {
        File.WriteAllText(Forwarding, "1");
        Behave("[ \"$1\" = list ] && echo 'chain forwarding_was_off { }'; exit 0");
        Follow(isThere: false);
        Until(() => Calls.Contains("delete table", StringComparison.Ordinal), "cleared");
        Until(() => File.ReadAllText(Forwarding) == "0", "as before");
    }

    public void Dispose()
    {
        _host.Dispose();
        _shard.Dispose();
        _fleet.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>In one piece: it may be read at any moment.</summary>
    private void Behave(string script)
    {
        File.WriteAllText(Path.Combine(_folder, "next"), script + "\n");
        File.Move(Path.Combine(_folder, "next"), Path.Combine(_folder, "behaviour"), overwrite: true);
    }

    private void Follow(bool isThere, int shards = 1)
    {
        var model = _fleet.Model();
        var network = new NetworkModel { Id = 9, Name = "internet", Prefixes = [], Ciphers = [], Wrappings = [], Elsewhere = [Pool] };
        var egress = new IdentityModel { Id = 9, NetworkId = 9, Kind = "host", Name = "internet", Active = true, Subnets = ["0.0.0.0/0"] };
        model = model with
        {
            Settings = model.Settings with { Tun = "tun9" },
            Networks = isThere ? [.. model.Networks, network] : model.Networks,
            Identities = isThere ? [.. model.Identities, egress] : model.Identities,
        };
        _host.Follow(ModelMapper.FromSnapshot(new Snapshot(++_version, model), TestFleet.Now), isThere ? _device : null, [.. Enumerable.Repeat(_shard, shards)], _listening);
    }

    private readonly List<bool> _orders = [];
    private int _flowsMax;

    private List<bool> Orders()
    {
        while (_shard.TryTake(out var command))
        {
            _orders.Add(((OpenEgress)command!).IsOpen);
            _flowsMax = ((OpenEgress)command).FlowsMax;
        }

        return _orders;
    }

    private string Log()
    {
        lock (_log)
        {
            return _text.ToString();
        }
    }

    private void Until(Func<bool> condition, string what) =>
        SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)).ShouldBeTrue($"{what}\n{Log()}\n{Calls}");

    private sealed class Routes : IGuestRoutes
    {
        private readonly List<IpPrefix> _routes = [];

        public string Name => "tun9";

        public IReadOnlyList<string> Now
        {
            get
            {
                lock (_routes)
                {
                    return [.. _routes.Select(route => route.ToString())];
                }
            }
        }

        public void AddRoute(IpPrefix prefix)
        {
            lock (_routes)
            {
                _routes.Add(prefix);
            }
        }

        public void RemoveRoute(IpPrefix prefix)
        {
            lock (_routes)
            {
                _routes.Remove(prefix);
            }
        }
    }
}
