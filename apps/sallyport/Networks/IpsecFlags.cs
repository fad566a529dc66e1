using System.CommandLine;
using Sallyport.Api.Networks;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Networks;

/// <summary>What IKEv2 and ESP may be in a network.</summary>
internal sealed class IpsecFlags
{
    private readonly Option<string?> serve = Flag.Text("--ipsec", "on: devices and sites may come by IPsec (default); off", "STATE");
    private readonly Option<string[]> ike = Flag.List(
        "--ike", "Proposals for IKE in order of preference, with commas between, such as aes256gcm16-prfsha384-ecp256; \"default\" for ours", "PROPOSAL");

    private readonly Option<string[]> esp = Flag.List(
        "--esp", "Proposals for ESP in order of preference, with commas between, such as aes256gcm16-ecp256-none; \"default\" for ours", "PROPOSAL");

    private readonly Option<string[]> authentication = Flag.List(
        "--ipsec-auth", "certificate, psk, eap-tls (these by default) or eap-mschapv2, with commas between", "KIND");

    private readonly Option<string?> ikeLifetime = Flag.Text("--ike-lifetime", "New keys for IKE after this time: 4h (default), none", "TIME");
    private readonly Option<string?> childLifetime = Flag.Text("--child-lifetime", "New keys for ESP after this time: 1h (default), none", "TIME");
    private readonly Option<string?> childVolume = Flag.Text("--child-volume", "New keys for ESP after so much: 20GB, none (default)", "VOLUME");
    private readonly Option<int?> childPackets = Flag.Number("--child-packets", "New keys for ESP after so many packets; 0 for no such end (default)", "COUNT");
    private readonly Option<string?> reauthenticate = Flag.Text("--reauthenticate", "Peers prove who they are again after this time: 24h, none (default)", "TIME");
    private readonly Option<string?> encapsulate = Flag.YesNo("--encapsulate", "ESP goes in UDP even where no NAT is between");
    private readonly Option<string?> copyDscp = Flag.YesNo("--copy-dscp", "The DSCP of inner packets is shown outside");
    private readonly Option<string?> ppkRequired = Flag.YesNo("--ppk-required", "Nobody comes in without a post-quantum pre-shared key");

    public Symbol[] All =>
        [serve, ike, esp, authentication, ikeLifetime, childLifetime, childVolume, childPackets, reauthenticate, encapsulate, copyDscp, ppkRequired];

    /// <summary>Null where nothing is said.</summary>
    public NetworkIpsecInput? Of(ParseResult parse)
    {
        var input = new NetworkIpsecInput
        {
            Serve = parse.GetValue(serve) switch
            {
                null => null,
                "on" => true,
                "off" or "none" => false,
                var other => throw new CliException(ExitCodes.Usage, $"'{other}' is neither on nor off", "--ipsec", "Give --ipsec on or --ipsec off."),
            },
            Ike = ListOf(parse.GetValue(ike)),
            Esp = ListOf(parse.GetValue(esp)),
            Authentication = ListOf(parse.GetValue(authentication)),
            IkeLifetime = parse.GetValue(ikeLifetime),
            ChildLifetime = parse.GetValue(childLifetime),
            ChildVolume = parse.GetValue(childVolume),
            ChildPackets = parse.GetValue(childPackets),
            Reauthenticate = parse.GetValue(reauthenticate),
            Encapsulate = Flag.IsYes(parse, encapsulate),
            CopyDscp = Flag.IsYes(parse, copyDscp),
            PpkRequired = Flag.IsYes(parse, ppkRequired),
        };
        return input == new NetworkIpsecInput() ? null : input;
    }

    public static string Lifetimes(NetworkIpsec ipsec) => string.Join(", ", ((string?[])
    [
        $"IKE {After(ipsec.IkeLifetime)}",
        $"ESP {After(ipsec.ChildLifetime)}",
        ipsec.ChildVolume == "none" ? null : $"or {ipsec.ChildVolume}",
        ipsec.ChildPackets == 0 ? null : $"or {ipsec.ChildPackets} packets",
        ipsec.Reauthenticate == "none" ? null : $"proof {After(ipsec.Reauthenticate)}",
    ]).OfType<string>());

    private static string After(string lifetime) => lifetime == "none" ? "never" : "after " + lifetime;

    private static string[]? ListOf(string[]? given) => given switch
    {
        null or [] => null,
        ["default"] => [],
        _ => given,
    };
}
