using Sallyport.Core.Crypto;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// What stands in an AUTH payload, and keys of exchanges. Input: <c>way 1 | bytes</c>. Way 0: an AlgorithmIdentifier. Way 1: an ECDSA signature in DER.
/// Way 2: one of fixed length. From way 3 on: the key of a peer for the exchange that the next byte chooses.
/// </summary>
internal sealed class SignatureTarget : FuzzTarget
{
    private static readonly KeyExchangeMethod[] Methods =
    [
        KeyExchangeMethod.Ecp256, KeyExchangeMethod.Ecp384, KeyExchangeMethod.Ecp521, KeyExchangeMethod.X25519, KeyExchangeMethod.Modp2048,
        KeyExchangeMethod.MlKem768, KeyExchangeMethod.None, (KeyExchangeMethod)1025,
    ];

    private static readonly KeyKind[] Curves = [KeyKind.EcP256, KeyKind.EcP384, KeyKind.EcP521];

    public override string Name => "signature";

    public override IReadOnlyList<byte[]> Words => [[0x30, 0x0d], [0x05, 0x00], [0x02, 0x00], [0x02, 0x01, 0x00], [0x02, 0x21, 0x00], [0xa3, 3, 2, 1, 1], [0x02, 0x81]];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        foreach (var scheme in Enum.GetValues<SignatureScheme>())
        {
            yield return ($"algorithm-{scheme}".ToLowerInvariant(), [0, .. SignatureAlgorithmIdentifiers.Of(scheme)]);
        }

        foreach (var kind in Curves)
        {
            var raw = new Chance((ulong)kind).Bytes(EcdsaEncoding.RawLength(kind));
            yield return ($"der-{kind}".ToLowerInvariant(), [1, .. EcdsaEncoding.ToDer(raw)]);
            yield return ($"raw-{kind}".ToLowerInvariant(), [2, .. raw]);
        }

        for (var i = 0; i < Methods.Length; i++)
        {
            yield return ($"key-{i}", [3, (byte)i, .. new Chance((ulong)i).Bytes(KeyExchange.InitiatorLength(Methods[i]))]);
        }

        yield return ("key-generator", [3, 4, .. new byte[255], 2]);
        yield return (
            "key-point",
            [
                3, 0, .. Convert.FromHexString(
                    "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF6356FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB"),
            ]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.Length < 2)
        {
            return;
        }

        var bytes = input[1..];
        switch (input[0])
        {
            case 0:
                var meter = Probe.StartMeter();
                var isKnown = SignatureAlgorithmIdentifiers.TryRead(bytes, out var scheme);
                probe.AllocatedAtMost(meter, 0, "reading an AlgorithmIdentifier");
                probe.Reach(isKnown ? (long)scheme : -1);
                probe.That(!isKnown || Math.Abs(bytes.Length - SignatureAlgorithmIdentifiers.Of(scheme).Length) is 0 or 2 or 5, "an identifier is one of a few");
                break;
            case 1:
                foreach (var kind in Curves)
                {
                    var isRead = EcdsaEncoding.TryToRaw(bytes, kind, out var raw);
                    probe.Reach(isRead ? (long)kind : -1);
                    probe.That(!isRead || raw!.Length == EcdsaEncoding.RawLength(kind), "a signature has the length of its curve");
                    probe.That(!isRead || EcdsaEncoding.TryToRaw(EcdsaEncoding.ToDer(raw), kind, out var again) && again.AsSpan().SequenceEqual(raw), "a signature survives being written");
                }

                break;
            case 2 when bytes.Length >= 2:
                probe.Size(EcdsaEncoding.ToDer(bytes[..(bytes.Length & ~1)]).Length);
                break;
            case 2:
                break;
            default:
                Exchange(Methods[bytes[0] % Methods.Length], bytes[1..], probe);
                break;
        }
    }

    private static void Exchange(KeyExchangeMethod method, ReadOnlySpan<byte> peer, Probe probe)
    {
        var isAgreed = KeyExchange.TryRespond(method, peer, out var own, out var secret);
        probe.Reach(((long)method << 1) + (isAgreed ? 1 : 0));
        probe.That(isAgreed == own is not null && isAgreed == secret is not null, "an exchange has all of its parts or none");
        probe.That(!isAgreed || (peer.Length == KeyExchange.InitiatorLength(method) && own!.Length == KeyExchange.ResponderLength(method)), "keys have their lengths");
        probe.That(secret is null || secret.Bytes.ContainsAnyExcept((byte)0), "no secret is nothing");
        secret?.Dispose();
    }
}
