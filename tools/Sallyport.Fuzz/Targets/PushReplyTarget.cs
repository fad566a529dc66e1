using System.Text;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>The configuration that our client role is given. Input: the text of its parts, each ending with NUL.</summary>
internal sealed class PushReplyTarget : FuzzTarget
{
    /// <summary>An option is a string, its words, and what is made of them: at most this for each of its bytes.</summary>
    private const int AllocationPerByte = 96;

    public override string Name => "push-reply";

    public override int InputMax => 4 * NegotiationLimits.PushPartMax;

    public override IReadOnlyList<byte[]> Words => WordsOf(
        "PUSH_REPLY,", "\0", ",", " ", "push-continuation 2", "push-continuation 1", "topology subnet", "topology net30", "route-gateway 10.8.0.1",
        "ifconfig 10.8.0.2 255.255.255.0", "ifconfig-ipv6 fd00::2/64 fd00::1", "route 10.0.0.0 255.0.0.0", "route 10.0.0.1", "route-ipv6 fd00::/8",
        "dhcp-option DNS 10.0.0.53", "dhcp-option DNS6 fd00::53", "tun-mtu 1400", "ping 10", "ping-restart 60", "peer-id 16777214", "peer-id 16777215",
        "cipher AES-128-CBC", "protocol-flags cc-exit tls-ekm dyn-tls-crypt aead-epoch", "key-derivation tls-ekm", "auth-token SESS_ID", "comp-lzo no", "compress",
        "compress stub-v2", "explicit-exit-notify 3", "255.255.255.0", "255.0.255.0", "::ffff:10.0.0.1", "fe80::1%1", "0x7f.1.1.1", "/128", "/129", "4294967296");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("small", Bytes(new PushOptions
        {
            TopologySubnet = true,
            Ifconfig = Ifconfig.Subnet(IpAddress.Parse("10.20.0.7"), 16),
            RouteGateway = IpAddress.Parse("10.20.0.1"),
            PingSeconds = 10,
            PingRestartSeconds = 60,
            PeerId = 5,
            Cipher = DataCipher.Aes256Gcm,
        }));
        yield return ("everything", Bytes(new PushOptions
        {
            TopologySubnet = true,
            RouteGateway = IpAddress.Parse("10.20.0.1"),
            Ifconfig = Ifconfig.Subnet(IpAddress.Parse("10.20.0.7"), 16),
            Ifconfig6 = new Ifconfig6(IpAddress.Parse("fd00:20::7"), 64, IpAddress.Parse("fd00:20::1")),
            TunMtu = 1400,
            Routes = [IpPrefix.Parse("192.168.50.0/24"), IpPrefix.Parse("fd00:50::/48"), IpPrefix.Parse("10.9.8.7/32"), IpPrefix.Parse("0.0.0.0/0")],
            DnsServers = [IpAddress.Parse("10.20.0.53"), IpAddress.Parse("fd00:20::53")],
            PingSeconds = 0,
            PingRestartSeconds = 43_200,
            PeerId = 0xff_fffe,
            Cipher = DataCipher.ChaCha20Poly1305,
            ProtocolFlags = ProtocolFlags.CcExit | ProtocolFlags.TlsEkm | ProtocolFlags.DynTlsCrypt,
            KeyDerivationTlsEkm = true,
            Compression = CompressionFraming.StubV2,
            ExplicitExitNotify = 3,
            AuthToken = "SESS_ID_AT_AAAA",
        }));
        yield return ("in-parts", Bytes(new PushOptions { Routes = [.. Enumerable.Range(0, 80).Select(i => IpPrefix.Parse($"10.{i}.0.0/16"))] }));
        yield return ("of-another-server", "PUSH_REPLY,redirect-gateway def1,dhcp-option DOMAIN example.test,route 10.0.0.0 255.0.0.0 vpn_gateway 5,topology net30,ifconfig 10.8.0.6 10.8.0.5\0"u8.ToArray());
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var reader = new PushReplyReader();
        var rest = input;
        var length = 0L;
        while (ControlMessage.TryTakeNext(ref rest, out var message))
        {
            if (message.Kind != ControlMessageKind.PushReply)
            {
                continue;
            }

            var meter = Probe.StartMeter();
            var status = reader.Add(message);
            length += message.Argument.Length;
            // Lists double: one part may pay for all before it.
            probe.AllocatedAtMost(meter, 1024 + (AllocationPerByte * length), "reading a push reply");
            probe.Reach((long)status);
            if (status != PushReadStatus.More)
            {
                break;
            }
        }

        var options = reader.Options;
        Note(options, probe);
        probe.That(options.Routes.Count + options.DnsServers.Count + options.Unknown.Count <= NegotiationLimits.PushOptionsMax, "options are bounded");
        if (options.AuthToken is null || (options.AuthToken.Length < 512 && options.AuthToken.All(char.IsAscii)))
        {
            CheckWriting(options, probe);
        }
    }

    private static void Note(PushOptions options, Probe probe)
    {
        probe.Reach((options.TopologySubnet ? 1 : 0) | (options.RouteGateway is null ? 0 : 2) | (options.Ifconfig is null ? 0 : 4) | (options.Ifconfig6 is null ? 0 : 8));
        probe.Reach((options.TunMtu is null ? 0 : 1) | (options.PingSeconds is null ? 0 : 2) | (options.PingRestartSeconds is null ? 0 : 4) | (options.PeerId is null ? 0 : 8));
        probe.Reach((options.KeyDerivationTlsEkm ? 1 : 0) | (options.ExplicitExitNotify is null ? 0 : 2) | (options.AuthToken is null ? 0 : 4));
        probe.Reach(options.Cipher is { } cipher ? (int)cipher : -1);
        probe.Reach((long)options.ProtocolFlags);
        probe.Reach((long)options.Compression);
        probe.Size(options.Routes.Count);
        probe.Size(options.DnsServers.Count);
        probe.Size(options.Unknown.Count);
    }

    private static void CheckWriting(PushOptions options, Probe probe)
    {
        var parts = PushReply.Write(options);
        var again = new PushReplyReader();
        for (var i = 0; i < parts.Count; i++)
        {
            ReadOnlySpan<byte> part = Encoding.UTF8.GetBytes(parts[i]);
            probe.That(part.Length < NegotiationLimits.PushPartMax, "a part fits an old client");
            probe.That(ControlMessage.TryTakeNext(ref part, out var message) && message.Kind == ControlMessageKind.PushReply, "a part is a push reply");
            var expected = i + 1 < parts.Count ? PushReadStatus.More : PushReadStatus.Complete;
            probe.That(again.Add(message) == expected || i >= NegotiationLimits.PushPartsMax, "parts say whether more follow");
        }

        var same = again.Options;
        probe.That(
            same with { Routes = [], DnsServers = [], Unknown = [] } == options with { Routes = [], DnsServers = [], Unknown = [] }
                && same.Routes.SequenceEqual(options.Routes) && same.DnsServers.SequenceEqual(options.DnsServers),
            "a configuration survives being written");
    }

    private static byte[] Bytes(PushOptions options) => [.. PushReply.Write(options).SelectMany(part => (byte[])[.. Encoding.ASCII.GetBytes(part), 0])];
}
