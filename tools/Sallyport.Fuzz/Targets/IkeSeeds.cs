using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Fuzz.Targets;

internal delegate void WriteIkePayloads(ref PayloadWriter to);

/// <summary>Payloads of the exchanges of IKE, the same at every call.</summary>
internal static class IkeSeeds
{
    public const string DeviceName = "pump-17.plant-a.sallyport";

    public static readonly IReadOnlyList<Proposal> Ike = [Parse(ProposalText.TryParseIke, "aes256gcm16-prfsha256-x25519"), Parse(ProposalText.TryParseIke, "aes256-sha256-ecp256"), Parse(ProposalText.TryParseIke, "aes256gcm16-prfsha256-x25519-ke1_x25519")];
    public static readonly IReadOnlyList<Proposal> Esp = [Parse(ProposalText.TryParseEsp, "aes256gcm16-x25519-none-noesn"), Parse(ProposalText.TryParseEsp, "aes128-sha256-esn-noesn"), Parse(ProposalText.TryParseEsp, "aes128gcm16-x25519-ke1_x25519-noesn")];

    /// <summary>RFC 7748 section 6.1.</summary>
    public static readonly byte[] Value = Convert.FromHexString("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");

    /// <summary>Stands for the link that an end gave last (RFC 9370): it is another in each session.</summary>
    public static readonly byte[] Link = [.. Enumerable.Repeat((byte)0xee, 8)];

    private static readonly byte[] Nonce = new Engine.Chance(11).Bytes(32);

    public static ImmutableArray<TrafficSelector> Selectors { get; } =
        [TrafficSelector.Of(IpPrefix.Parse("10.20.0.0/16")), TrafficSelector.Of(IpPrefix.Parse("fd00:1::/64")), new(17, 53, 53, IpAddress.Parse("192.168.50.1"), IpAddress.Parse("192.168.50.9"))];

    private delegate bool TryParse(string text, out Proposal? proposal, out string error);

    public static (PayloadType First, byte[] Bytes) Payloads(WriteIkePayloads payloads)
    {
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        payloads(ref writer);
        return (writer.First, writer.Written.ToArray());
    }

    public static void First(ref PayloadWriter to)
    {
        to.Sa(Ike);
        to.Ke(KeyExchangeMethod.X25519, Value);
        to.Nonce(Nonce);
        to.Notify(NotifyType.NatDetectionSourceIp, new byte[20]);
        to.Notify(NotifyType.NatDetectionDestinationIp, new byte[20]);
        to.Notify(NotifyType.FragmentationSupported);
        to.Notify(NotifyType.SignatureHashAlgorithms, [0, 2, 0, 5]);
        to.Notify(NotifyType.RedirectSupported);
    }

    public static void Auth(ref PayloadWriter to)
    {
        to.Identity(PayloadType.IdInitiator, IkeIdentity.Fqdn(DeviceName));
        to.Certificate(new byte[40]);
        to.CertificateRequest(new byte[20]);
        to.Auth(AuthMethod.PreSharedKey, new byte[32]);
        to.Configuration(new CpPayload(CpType.Request, [CpAttribute.Ask(CpAttributeType.Ip4Address), CpAttribute.Ask(CpAttributeType.Ip6Dns)]));
        CreateChildSa(ref to);
        to.Notify(NotifyType.MobikeSupported);
        to.Notify(NotifyType.TicketRequest);
        to.Notify(NotifyType.SetWindowSize, [0, 0, 0, 4]);
    }

    public static void AuthAnswer(ref PayloadWriter to)
    {
        to.Identity(PayloadType.IdResponder, IkeIdentity.Of(IpAddress.Parse("2001:db8::1")));
        to.Auth(AuthMethod.DigitalSignature, [10, 0x30, 8, .. new byte[40]]);
        to.Configuration(new CpPayload(CpType.Reply, [CpAttribute.Of(IpAddress.Parse("10.20.0.2")), CpAttribute.Dns(IpAddress.Parse("10.20.0.1")), CpAttribute.Domain("plant-a")]));
        to.Notify(NotifyType.TicketLifetimeOpaque, [0, 0, 14, 16, .. new byte[60]]);
        to.Notify(NotifyType.AuthLifetime, [0, 0, 14, 16]);
    }

    public static void CreateChild(ref PayloadWriter to)
    {
        to.Notify(NotifyType.RekeySa, IpsecProtocol.Esp, 1);
        CreateChildSa(ref to);
        to.Nonce(Nonce);
        to.Ke(KeyExchangeMethod.X25519, Value);
    }

    public static void RekeyIke(ref PayloadWriter to)
    {
        to.Sa([.. Ike.Select(proposal => proposal with { Spi = 4711 })]);
        to.Nonce(Nonce);
        to.Ke(KeyExchangeMethod.X25519, Value);
    }

    /// <summary>With an additional key exchange, which an IKE_FOLLOWUP_KE brings.</summary>
    public static void RekeyIkeWithMore(ref PayloadWriter to)
    {
        to.Sa([Ike[^1] with { Spi = 4711 }]);
        to.Nonce(Nonce);
        to.Ke(KeyExchangeMethod.X25519, Value);
    }

    public static void CreateChildWithMore(ref PayloadWriter to)
    {
        to.Sa([Esp[^1] with { Spi = 4712 }]);
        to.Selectors(PayloadType.TsInitiator, [TrafficSelector.Of(IpAddress.Parse("10.20.0.2"))]);
        to.Selectors(PayloadType.TsResponder, Selectors);
        to.Nonce(Nonce);
        to.Ke(KeyExchangeMethod.X25519, Value);
    }

    /// <summary>Of the third proposal that the device makes.</summary>
    public static void CreateChildAnswerWithMore(ref PayloadWriter to)
    {
        to.Sa([Esp[^1] with { Spi = 4713, Number = 3 }]);
        to.Selectors(PayloadType.TsInitiator, [TrafficSelector.Of(IpAddress.Parse("10.20.0.2"))]);
        to.Selectors(PayloadType.TsResponder, [Selectors[0]]);
        to.Nonce(Nonce);
        to.Ke(KeyExchangeMethod.X25519, Value);
        to.Notify(NotifyType.AdditionalKeyExchange, Link);
    }

    public static void FollowupKe(ref PayloadWriter to)
    {
        to.Ke(KeyExchangeMethod.X25519, Value);
        to.Notify(NotifyType.AdditionalKeyExchange, Link);
    }

    public static void Delete(ref PayloadWriter to) => to.DeleteEsp([0x2001, 4711]);

    public static void Move(ref PayloadWriter to)
    {
        to.Notify(NotifyType.UpdateSaAddresses);
        to.Notify(NotifyType.NatDetectionSourceIp, new byte[20]);
        to.Notify(NotifyType.NatDetectionDestinationIp, new byte[20]);
        to.Notify(NotifyType.NoNatsAllowed, [10, 0, 0, 1, 10, 0, 0, 2, 1, 244, 1, 244]);
        to.Notify(NotifyType.Cookie2, new byte[16]);
        to.Notify(NotifyType.Redirect, [3, 4, .. "gw-2"u8]);
    }

    private static void CreateChildSa(ref PayloadWriter to)
    {
        to.Sa([.. Esp.Select(proposal => proposal with { Spi = 4711 })]);
        to.Selectors(PayloadType.TsInitiator, [TrafficSelector.Of(IpAddress.Parse("10.20.0.2"))]);
        to.Selectors(PayloadType.TsResponder, Selectors);
    }

    private static Proposal Parse(TryParse parse, string text) => parse(text, out var proposal, out var error) ? proposal! : throw new FormatException(error);
}
