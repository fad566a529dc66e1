using Sallyport.Api.Applications;
using Sallyport.Api.Dns;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Control.Identities;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using ApplicationKey = Sallyport.Control.FleetFiles.FileKey<Sallyport.Api.Applications.ApplicationCreate, Sallyport.Api.Applications.ApplicationInfo>;
using IdentityKey = Sallyport.Control.FleetFiles.FileKey<Sallyport.Control.Identities.IdentityInput, Sallyport.Control.Identities.IdentityRow>;
using NetworkKey = Sallyport.Control.FleetFiles.FileKey<Sallyport.Api.Networks.NetworkCreate, Sallyport.Control.Networks.NetworkRow>;
using RuleKey = Sallyport.Control.FleetFiles.FileKey<Sallyport.Api.Rules.RuleCreate, Sallyport.Api.Rules.RuleInfo>;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// Every key of a fleet file beside what it is in the API. What a command learns to take gets a line here, and with it is read, planned,
/// compared and exported.
/// </summary>
internal static class FileKeys
{
    public static readonly IReadOnlyList<NetworkKey> Network =
    [
        NetworkKey.List("prefixes", (to, list) => to with { Prefixes = list }, row => Column.List(row.PrefixesJson)),
        NetworkKey.List("ciphers", (to, list) => to with { Ciphers = list }, row => Unless(row.Ciphers, NetworkInput.DefaultCiphers)),
        NetworkKey.Text(
            "auth_digest", (to, text) => to with { AuthDigest = text }, row => Unless(row.AuthDigest, NetworkInput.DefaultDigest), "authDigest"),
        NetworkKey.Text(
            "authentication", (to, text) => to with { Authentication = text }, row => Unless(row.Authentication, NetworkInput.DefaultAuthentication)),
        NetworkKey.List("wrappings", (to, list) => to with { Wrappings = list }, row => Unless(row.Wrappings, NetworkInput.DefaultWrappings)),
        NetworkKey.Text(
            "tls_auth_direction", (to, text) => to with { TlsAuthDirection = text }, row => Unless(row.TlsAuthDirection, NetworkInput.DefaultDirection),
            "tlsAuthDirection"),
        NetworkKey.Text(
            "minimum_tls", (to, text) => to with { MinimumTls = text }, row => Unless(row.MinimumTls, NetworkInput.DefaultMinimumTls), "minimumTls"),
        NetworkKey.Text(
            "token_lifetime", (to, text) => to with { TokenLifetime = text },
            row => row.TokenSeconds == NetworkInput.DefaultTokenSeconds ? null : Span.Text(row.TokenSeconds), "tokenLifetime"),
        NetworkKey.ListOrNone(
            "service_ranges", (to, list) => to with { ServiceRanges = list },
            row => Unless(Column.List(row.ServiceRangesJson), EgressNetwork.Is(row) ? [] : NetworkInput.DefaultServiceRanges(row.Prefixes)), "serviceRanges"),
        NetworkKey.ListOrNone(
            "guest_pools", (to, list) => to with { GuestPools = list },
            row => Unless(Column.List(row.GuestPoolsJson), NetworkInput.DefaultGuestPools(row.Prefixes)), "guestPools"),
        NetworkKey.Text(
            "guests", (to, text) => to with { Guests = text },
            row => Unless(row.Guests, EgressNetwork.Is(row) ? NetworkInput.SharedGuests : NetworkInput.DefaultGuests)),
        new NetworkKey(
            "dns", "dns.serve", FileShape.Flag, (to, yes) => to with { Dns = (to.Dns ?? new NetworkDnsInput()) with { Serve = (bool)yes } },
            row => row.DnsServe ? null : false),
        NetworkKey.List(
            "dns_forward", (to, list) => to with { Dns = (to.Dns ?? new NetworkDnsInput()) with { Forward = list } },
            row => Column.List(row.DnsForwardJson), "dns.forward"),
        new NetworkKey(
            "ipsec", "ipsec.serve", FileShape.Flag, (to, yes) => to with { Ipsec = IpsecOf(to) with { Serve = (bool)yes } },
            row => row.Ipsec.Off && !EgressNetwork.Is(row) ? false : null),
        NetworkKey.List("ike", (to, list) => to with { Ipsec = IpsecOf(to) with { Ike = list } }, row => row.Ipsec.Ike, "ipsec.ike"),
        NetworkKey.List("esp", (to, list) => to with { Ipsec = IpsecOf(to) with { Esp = list } }, row => row.Ipsec.Esp, "ipsec.esp"),
        NetworkKey.List(
            "ipsec_auth", (to, list) => to with { Ipsec = IpsecOf(to) with { Authentication = list } }, row => row.Ipsec.Authentication, "ipsec.authentication"),
        NetworkKey.Text(
            "ike_lifetime", (to, text) => to with { Ipsec = IpsecOf(to) with { IkeLifetime = text } },
            row => row.Ipsec.IkeSeconds is { } seconds ? IpsecOptions.Lifetime(seconds) : null, "ipsec.ikeLifetime"),
        NetworkKey.Text(
            "child_lifetime", (to, text) => to with { Ipsec = IpsecOf(to) with { ChildLifetime = text } },
            row => row.Ipsec.ChildSeconds is { } seconds ? IpsecOptions.Lifetime(seconds) : null, "ipsec.childLifetime"),
        NetworkKey.Text(
            "child_volume", (to, text) => to with { Ipsec = IpsecOf(to) with { ChildVolume = text } },
            row => Unless(IpsecOptions.Volume(row.Ipsec.ChildBytes), IpsecOptions.None), "ipsec.childVolume"),
        NetworkKey.Number(
            "child_packets", (to, number) => to with { Ipsec = IpsecOf(to) with { ChildPackets = number } },
            row => row.Ipsec.ChildPackets == 0 ? null : row.Ipsec.ChildPackets, "ipsec.childPackets"),
        NetworkKey.Text(
            "reauthenticate", (to, text) => to with { Ipsec = IpsecOf(to) with { Reauthenticate = text } },
            row => Unless(IpsecOptions.Lifetime(row.Ipsec.ReauthenticateSeconds), IpsecOptions.None), "ipsec.reauthenticate"),
        NetworkKey.Flag("encapsulate", (to, yes) => to with { Ipsec = IpsecOf(to) with { Encapsulate = yes } }, row => row.Ipsec.Encapsulate, "ipsec.encapsulate"),
        NetworkKey.Flag("copy_dscp", (to, yes) => to with { Ipsec = IpsecOf(to) with { CopyDscp = yes } }, row => row.Ipsec.CopyDscp, "ipsec.copyDscp"),
        NetworkKey.Flag("ppk_required", (to, yes) => to with { Ipsec = IpsecOf(to) with { PpkRequired = yes } }, row => row.Ipsec.PpkRequired, "ipsec.ppkRequired"),
        NetworkKey.Flag("default_route", (to, yes) => to with { DefaultRoute = yes }, row => row.DefaultRoute, "defaultRoute"),
        NetworkKey.Text("topology", (to, text) => to with { Topology = text }, row => Unless(row.Topology, NetworkInput.DefaultTopology)),
    ];

    public static readonly IReadOnlyList<IdentityKey> Device =
    [
        IdentityKey.Text("network", (to, text) => to with { Network = text }, row => row.Network),
        IdentityKey.List("addresses", (to, list) => to with { Addresses = list }, row => AddressesOf(row)),
        IdentityKey.Labels("labels", (to, labels) => to with { Labels = labels }, row => Column.Labels(row.LabelsJson)),
        IdentityKey.List("groups", (to, list) => to with { Groups = list }, row => GroupsOf(row)),
        .. Limits<IdentityInput, IdentityRow>(input => input.Limit, (to, limit) => to with { Limit = limit }, row => LimitReading.ToInfo(row.Limit, null)),
    ];

    public static readonly IReadOnlyList<IdentityKey> Site =
    [
        IdentityKey.Text("network", (to, text) => to with { Network = text }, row => row.Network),
        IdentityKey.List("subnets", (to, list) => to with { Subnets = list }, row => Column.List(row.SubnetsJson)),
        .. Device.Skip(1),
        IdentityKey.List(
            "remotes", (to, list) => to with { Ipsec = PeerOf(to) with { Remotes = list } }, row => row.Ipsec is { } peer ? PeerInput.Shown(peer) : null, "ipsec.remotes"),
        IdentityKey.Text("mode", (to, text) => to with { Ipsec = PeerOf(to) with { Mode = text } }, row => row.Ipsec is { Mode: not "tunnel" and var mode } ? mode : null, "ipsec.mode"),
        IdentityKey.Flag("single_pairs", (to, yes) => to with { Ipsec = PeerOf(to) with { SinglePairs = yes } }, row => row.Ipsec?.SinglePairs ?? false, "ipsec.singlePairs"),
    ];

    public static readonly IReadOnlyList<ApplicationKey> Application =
    [
        ApplicationKey.Text("site", (to, text) => to with { Site = text }, info => OwnerOf(info, "site")),
        ApplicationKey.Text("device", (to, text) => to with { Device = text }, info => OwnerOf(info, "device")),
        ApplicationKey.Text("host", (to, text) => to with { Host = text }, info => OwnerOf(info, HostIdentity.Kind)),
        ApplicationKey.Text("target", (to, text) => to with { Target = text }, info => info.Target),
        ApplicationKey.List("names", (to, list) => to with { Names = list }, info => info.Names.Count == 0 ? null : info.Names),
        ApplicationKey.List("groups", (to, list) => to with { Groups = list }, info => info.Groups),
        ApplicationKey.Flag("management", (to, yes) => to with { Management = yes }, info => info.Management),
        ApplicationKey.List("services", (to, list) => to with { Services = list }, info => info.Services),
    ];

    public static readonly IReadOnlyList<RuleKey> Rule =
    [
        RuleKey.Flag("deny", (to, yes) => to with { Effect = yes ? "deny" : null }, info => info.Effect == "deny", "effect"),
        RuleKey.Text("from", (to, text) => to with { From = text }, info => info.From),
        RuleKey.Text("from_network", (to, text) => to with { FromNetwork = text }, FromNetworkOf, "fromNetwork"),
        RuleKey.Text("to", (to, text) => to with { To = text }, info => info.To),
        RuleKey.Time("until", (to, at) => to with { Until = at }, info => info.Until),
        RuleKey.List("hours", (to, list) => to with { Windows = list }, info => info.Windows, "windows"),
        Condition("sources", (to, list) => to with { Sources = list }, info => info.Sources),
        Condition("countries", (to, list) => to with { Countries = list }, info => info.Countries),
        Condition("over", (to, list) => to with { Protocols = list }, info => info.Protocols, "protocols"),
        Condition("ciphers", (to, list) => to with { Ciphers = list }, info => info.Ciphers),
        Condition("states", (to, list) => to with { States = list }, info => info.States),
        Condition("posture", (to, list) => to with { Posture = list }, info => info.Posture),
        RuleKey.Text(
            "posture_age", (to, text) => to with { Conditions = (to.Conditions ?? new ConditionInput()) with { PostureAge = text } },
            info => info.Conditions.PostureAge, "conditions.postureAge"),
        .. Limits<RuleCreate, RuleInfo>(input => input.Limit, (to, limit) => to with { Limit = limit }, info => info.Limit),
    ];

    private static SiteIpsecInput PeerOf(IdentityInput wanted) => wanted.Ipsec ?? new SiteIpsecInput();

    private static NetworkIpsecInput IpsecOf(NetworkCreate wanted) => wanted.Ipsec ?? new NetworkIpsecInput();

    private static RuleKey Condition(
        string name, Func<ConditionInput, IReadOnlyList<string>, ConditionInput> put, Func<ConditionInfo, IReadOnlyList<string>> get, string? field = null) =>
        RuleKey.List(
            name, (to, list) => to with { Conditions = put(to.Conditions ?? new ConditionInput(), list) }, info => get(info.Conditions), $"conditions.{field ?? name}");

    private static IEnumerable<FileKey<TInput, TState>> Limits<TInput, TState>(
        Func<TInput, LimitInput?> of, Func<TInput, LimitInput, TInput> put, Func<TState, LimitInfo?> get) =>
    [
        FileKey<TInput, TState>.Text(
            "rate", (to, text) => put(to, (of(to) ?? new LimitInput()) with { Rate = text }), state => get(state)?.Rate, "limit.rate"),
        FileKey<TInput, TState>.Number(
            "packets", (to, number) => put(to, (of(to) ?? new LimitInput()) with { PacketsPerSecond = number }), state => get(state)?.PacketsPerSecond,
            "limit.packetsPerSecond"),
        FileKey<TInput, TState>.Text(
            "volume", (to, text) => put(to, (of(to) ?? new LimitInput()) with { Volume = text }), state => get(state)?.Volume, "limit.volume"),
    ];

    /// <summary>A network keeps what the file does not speak of.</summary>
    public static NetworkUpdate Change(NetworkCreate wanted) => new()
    {
        Prefixes = wanted.Prefixes,
        Ciphers = wanted.Ciphers,
        AuthDigest = wanted.AuthDigest,
        Authentication = wanted.Authentication,
        Wrappings = wanted.Wrappings,
        TlsAuthDirection = wanted.TlsAuthDirection,
        MinimumTls = wanted.MinimumTls,
        TokenLifetime = wanted.TokenLifetime,
        ServiceRanges = wanted.ServiceRanges,
        GuestPools = wanted.GuestPools,
        Guests = wanted.Guests,
        Topology = wanted.Topology,
        DefaultRoute = wanted.DefaultRoute,
        Dns = wanted.Dns,
        Ipsec = wanted.Ipsec,
    };

    public static ApplicationUpdate Change(ApplicationCreate wanted) =>
        new() { Target = wanted.Target, Names = wanted.Names, Services = wanted.Services, Groups = wanted.Groups, Management = wanted.Management };

    /// <summary>A rule is what the file says and nothing else: a condition that was taken out of the file is no condition any more.</summary>
    public static RuleUpdate Change(RuleCreate wanted) => new()
    {
        Until = wanted.Until,
        NoEnd = wanted.Until is null ? true : null,
        Windows = wanted.Windows ?? [],
        Conditions = new ConditionInput
        {
            Sources = wanted.Conditions?.Sources ?? [],
            Countries = wanted.Conditions?.Countries ?? [],
            Protocols = wanted.Conditions?.Protocols ?? [],
            Ciphers = wanted.Conditions?.Ciphers ?? [],
            States = wanted.Conditions?.States ?? [],
            Posture = wanted.Conditions?.Posture ?? [],
            PostureAge = wanted.Conditions?.PostureAge ?? (wanted.Conditions?.Posture is { Count: > 0 } ? "any" : null),
        },
        Limit = wanted.Effect == "deny" ? null : new LimitInput
        {
            Rate = wanted.Limit?.Rate ?? "none",
            PacketsPerSecond = wanted.Limit?.PacketsPerSecond ?? 0,
            Volume = wanted.Limit?.Volume ?? "none",
        },
    };

    public static IReadOnlyList<string> AddressesOf(IdentityRow row) =>
        [.. new[] { row.AddressV4, row.AddressV6 }.Where(address => address is not null).Select(address => address!.Value.ToString())];

    public static IReadOnlyList<string> GroupsOf(IdentityRow row) => [.. Column.List(row.GroupsJson).Order(StringComparer.Ordinal)];

    /// <summary>Of a group or a label that means another network's than the application's; other subjects say themselves where they are.</summary>
    private static string? FromNetworkOf(RuleInfo info) =>
        info.FromNetwork != info.Network && (info.From.StartsWith("group:", StringComparison.Ordinal) || info.From.StartsWith("label:", StringComparison.Ordinal))
            ? info.FromNetwork : null;

    private static string? OwnerOf(ApplicationInfo info, string kind) => info.OwnerKind == kind ? info.Owner : null;

    private static string? Unless(string text, string usual) => text == usual ? null : text;

    private static IReadOnlyList<string>? Unless(IReadOnlyList<string> list, IReadOnlyList<string> usual) => list.SequenceEqual(usual) ? null : list;
}
