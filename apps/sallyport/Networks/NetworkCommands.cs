using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Dns;
using Sallyport.Api.Networks;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Networks;

internal static class NetworkCommands
{
    public static Command Build(Shell shell) =>
        Shell.Noun("network", "Isolated address spaces", Add(shell), List(shell), Show(shell), Update(shell), Remove(shell));

    private static Command Add(Shell shell)
    {
        var name = Flag.Name("Name, a DNS label such as plant-a");
        var prefixes = Flag.List("--prefix", "Address range such as 10.20.0.0/16 or fd12:3456:789a::/64", "PREFIX", required: true);
        var shape = new Shape();
        var ipsec = new IpsecFlags();
        return shell.Verb(
            "add",
            "Make a network",
            async c =>
            {
                var network = await c.Client.AddNetworkAsync(
                    new NetworkCreate
                    {
                        Name = c.Parse.GetValue(name),
                        Prefixes = c.Parse.GetValue(prefixes),
                        Ciphers = shape.CiphersOf(c.Parse),
                        AuthDigest = c.Parse.GetValue(shape.AuthDigest),
                        Authentication = c.Parse.GetValue(shape.Authentication),
                        Wrappings = shape.WrappingsOf(c.Parse),
                        TlsAuthDirection = c.Parse.GetValue(shape.TlsAuthDirection),
                        MinimumTls = c.Parse.GetValue(shape.MinimumTls),
                        TokenLifetime = c.Parse.GetValue(shape.TokenLifetime),
                        ServiceRanges = shape.ServiceRangesOf(c.Parse),
                        GuestPools = shape.GuestPoolsOf(c.Parse),
                        Guests = c.Parse.GetValue(shape.Guests),
                        Topology = c.Parse.GetValue(shape.Topology),
                        DefaultRoute = shape.DefaultRouteOf(c.Parse),
                        Dns = shape.DnsOf(c.Parse),
                        Ipsec = ipsec.Of(c.Parse),
                    },
                    c.Cancel);
                c.Printer.One(
                    network,
                    ApiJson.Default.NetworkInfo,
                    n => c.Printer.Line($"network {n.Name} added: {string.Join(", ", n.Prefixes)}"));
            },
            [name, prefixes, .. shape.All, .. ipsec.All]);
    }

    private static Command List(Shell shell) => shell.Verb("list", "All networks", async c =>
    {
        var networks = await CommandContext.AllAsync(null, (limit, cursor) => c.Client.ListNetworksAsync(limit, cursor, c.Cancel));
        c.Printer.Many(
            networks,
            ApiJson.Default.NetworkInfo,
            c.Empty("networks", "make one: sallyport network add plant-a --prefix 10.20.0.0/16"),
            new("NAME", n => n.Name),
            new("PREFIXES", n => string.Join(", ", n.Prefixes)) { Wraps = true },
            new("DEVICES", n => $"{n.Devices}") { Right = true },
            new("SITES", n => $"{n.Sites}") { Right = true },
            new("AUTHENTICATION", n => n.Authentication) { Rank = 1 },
            new("WRAPPINGS", n => string.Join(", ", n.Wrappings)) { Rank = 2, Wraps = true },
            new("CIPHERS", n => string.Join(", ", n.Ciphers)) { Rank = 3, Wraps = true });
    });

    private static Command Show(Shell shell)
    {
        var name = Flag.Name("Name of the network");
        return shell.Verb(
            "show",
            "One network",
            async c => Print(c, await c.Client.GetNetworkAsync(c.Parse.GetValue(name)!, c.Cancel)),
            name);
    }

    private static Command Update(Shell shell)
    {
        var name = Flag.Name("Name of the network");
        var prefixes = Flag.List("--prefix", "All address ranges, old and new", "PREFIX");
        var shape = new Shape();
        var ipsec = new IpsecFlags();
        return shell.Verb(
            "update",
            "Change what is given, leave the rest",
            async c =>
            {
                var update = new NetworkUpdate
                {
                    Prefixes = c.Parse.GetValue(prefixes) is { Length: > 0 } given ? given : null,
                    Ciphers = shape.CiphersOf(c.Parse),
                    AuthDigest = c.Parse.GetValue(shape.AuthDigest),
                    Authentication = c.Parse.GetValue(shape.Authentication),
                    Wrappings = shape.WrappingsOf(c.Parse),
                    TlsAuthDirection = c.Parse.GetValue(shape.TlsAuthDirection),
                    MinimumTls = c.Parse.GetValue(shape.MinimumTls),
                    TokenLifetime = c.Parse.GetValue(shape.TokenLifetime),
                    ServiceRanges = shape.ServiceRangesOf(c.Parse),
                    GuestPools = shape.GuestPoolsOf(c.Parse),
                    Guests = c.Parse.GetValue(shape.Guests),
                    Topology = c.Parse.GetValue(shape.Topology),
                    DefaultRoute = shape.DefaultRouteOf(c.Parse),
                    Dns = shape.DnsOf(c.Parse),
                    Ipsec = ipsec.Of(c.Parse),
                };
                var network = await c.Client.UpdateNetworkAsync(c.Parse.GetValue(name)!, update, cancel: c.Cancel);
                Print(c, network);
                CutText.PrintReconnecting(c.Printer, network.TunnelsReconnecting);
                CutText.PrintFollowing(c.Printer, network.IpsecFollowing);
                return CutText.PrintSideEffect(c.Printer, network.Cut);
            },
            [name, prefixes, .. shape.All, .. ipsec.All]);
    }

    private static Command Remove(Shell shell)
    {
        var name = Flag.Name("Name of the network");
        return shell.Verb(
            "remove",
            "Remove a network that nothing belongs to any more",
            async c =>
            {
                await c.Client.DeleteNetworkAsync(c.Parse.GetValue(name)!, c.Cancel);
                c.Printer.Line($"network {c.Parse.GetValue(name)} removed");
            },
            name);
    }

    private static void Print(CommandContext c, NetworkInfo network) =>
        c.Printer.One(network, ApiJson.Default.NetworkInfo, n => c.Printer.Facts(
        ("name", n.Name),
        ("prefixes", string.Join(", ", n.Prefixes)),
        ("devices", $"{n.Devices}"),
        ("sites", $"{n.Sites}"),
        ("authentication", n.Authentication),
        ("wrappings", string.Join(", ", n.Wrappings)),
        ("tls-auth direction", n.Wrappings.Contains("tls-auth") ? n.TlsAuthDirection : null),
        ("ciphers", string.Join(", ", n.Ciphers)),
        ("digest", n.AuthDigest),
        ("minimum TLS", n.MinimumTls),
        ("token lifetime", n.Authentication == "certificate" ? null : n.TokenLifetime),
        ("service ranges", n.ServiceRanges.Count == 0 ? "none" : string.Join(", ", n.ServiceRanges)),
        ("guest pools", n.GuestPools.Count == 0 ? "none" : string.Join(", ", n.GuestPools)),
        ("topology", n.Topology),
        ("default route", n.DefaultRoute ? "devices send everything into the tunnel" : null),
        ("guests", n.Guests == "shared" ? "share one address"
            : n.GuestsSharing.Count == 0 ? "have an address each"
            : $"have an address each, but those of {string.Join(", ", n.GuestsSharing)} share one: the guest pools have no room for more"),
        ("names", n.Dns.Serve ? $"*.{n.Dns.Suffix}" : "not answered"),
        ("other names", n.Dns.Serve ? n.Dns.Forward.Count == 0 ? "refused" : string.Join(", ", n.Dns.Forward) : null),
        ("IPsec", n.Ipsec.Serve ? string.Join(", ", n.Ipsec.Authentication) : "off"),
        ("  IKE", n.Ipsec.Serve ? string.Join(", ", n.Ipsec.Ike) : null),
        ("  ESP", n.Ipsec.Serve ? string.Join(", ", n.Ipsec.Esp) : null),
        ("  new keys", n.Ipsec.Serve ? IpsecFlags.Lifetimes(n.Ipsec) : null),
        ("  besides", n.Ipsec.Serve && (n.Ipsec.Encapsulate || n.Ipsec.CopyDscp || n.Ipsec.PpkRequired)
            ? string.Join(", ", ((string?[])
            [
                n.Ipsec.Encapsulate ? "ESP always in UDP" : null,
                n.Ipsec.CopyDscp ? "DSCP is shown outside" : null,
                n.Ipsec.PpkRequired ? "a post-quantum key is required" : null,
            ]).OfType<string>()) : null),
        ("created", Human.Time(n.CreatedAt))));

    /// <summary>How devices of the network come in.</summary>
    private sealed class Shape
    {
        private readonly Option<string[]> ciphers = Flag.List(
            "--cipher", "Data cipher in order of preference, such as AES-256-GCM", "CIPHER");
        private readonly Option<string[]> wrappings = Flag.List("--wrapping", "tls-crypt-v2, tls-crypt, tls-auth or none", "WRAPPING");

        public Option<string?> AuthDigest { get; } = Flag.Text(
            "--auth-digest", "SHA1, SHA256 or SHA512, for CBC ciphers and tls-auth", "DIGEST");

        public Option<string?> Authentication { get; } = Flag.Text(
            "--authentication", "certificate, certificate+password or password", "KIND");

        public Option<string?> TlsAuthDirection { get; } = Flag.Text(
            "--tls-auth-direction", "The client's key-direction: 0, 1 or none", "DIRECTION");

        public Option<string?> MinimumTls { get; } = Flag.Text("--minimum-tls", "1.2 or 1.3", "VERSION");

        public Option<string?> TokenLifetime { get; } = Flag.Text(
            "--token-lifetime", "How long a token stands for a password, counted from the password: 90m, 24h, 7d", "TIME");

        private readonly Option<string[]> serviceRanges = Flag.List(
            "--service-range", "Where applications of other networks appear in this one; \"none\" for nowhere", "PREFIX");

        private readonly Option<string[]> guestPools = Flag.List(
            "--guest-pool", "Where members of other networks appear to applications of this one; \"none\" for nowhere", "PREFIX");

        private readonly Option<string?> defaultRoute = Flag.Text(
            "--default-route", "on: devices send everything into the tunnel, not only what has a route; off (default)", "STATE");

        private readonly Option<string?> dns = Flag.Text("--dns", "on: the gateway answers names in the network (default); off", "STATE");

        private readonly Option<string[]> dnsForward = Flag.List(
            "--dns-forward", "Who is asked for other names: corp.example=10.0.0.53, .=9.9.9.9; none: nobody", "DOMAIN=SERVER");

        public Option<string?> Guests { get; } = Flag.Text("--guests", "Guests have an address each, or one that is shared", "each|shared");

        public Option<string?> Topology { get; } = Flag.Text(
            "--topology", "OpenVPN interfaces in the network's subnet, or point to point where a device's LAN has the same addresses", "subnet|p2p");

        public Symbol[] All =>
        [
            ciphers, wrappings, AuthDigest, Authentication, TlsAuthDirection, MinimumTls, TokenLifetime, serviceRanges, guestPools, Guests, Topology, dns,
            dnsForward, defaultRoute,
        ];

        public IReadOnlyList<string>? ServiceRangesOf(ParseResult parse) => RangesOf(parse.GetValue(serviceRanges));

        public IReadOnlyList<string>? GuestPoolsOf(ParseResult parse) => RangesOf(parse.GetValue(guestPools));

        private static string[]? RangesOf(string[]? given) => given switch
        {
            { Length: > 0 } and not ["none"] => given,
            ["none"] => [],
            _ => null,
        };

        public bool? DefaultRouteOf(ParseResult parse) => OnOff(parse.GetValue(defaultRoute), "--default-route");

        private static bool? OnOff(string? text, string flag) => text switch
        {
            null => null,
            "on" => true,
            "off" => false,
            var other => throw new CliException(ExitCodes.Usage, $"'{other}' is neither on nor off", flag, $"Give {flag} on or {flag} off."),
        };

        public NetworkDnsInput? DnsOf(ParseResult parse)
        {
            var serve = OnOff(parse.GetValue(dns), "--dns");
            IReadOnlyList<string>? forward = parse.GetValue(dnsForward) switch
            {
                null or [] => null,
                ["none"] => [],
                var given => given,
            };
            return serve is null && forward is null ? null : new NetworkDnsInput { Serve = serve, Forward = forward };
        }

        public IReadOnlyList<string>? CiphersOf(ParseResult parse) => parse.GetValue(ciphers) is { Length: > 0 } given ? given : null;

        public IReadOnlyList<string>? WrappingsOf(ParseResult parse) => parse.GetValue(wrappings) is { Length: > 0 } given ? given : null;
    }
}
