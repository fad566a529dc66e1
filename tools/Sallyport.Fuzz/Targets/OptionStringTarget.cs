using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>A client's option string, its answer and what is chosen by it. Input: <c>knobs 1 | text</c>; the knobs are our own settings.</summary>
internal sealed class OptionStringTarget : FuzzTarget
{
    /// <summary>256 items of one character are the worst: an object of 24 bytes and a place in the list each.</summary>
    private const int AllocationMax = 20 * 1024;

    private static readonly DataCipher[] AllCiphers =
        [DataCipher.Aes256Gcm, DataCipher.Aes128Gcm, DataCipher.ChaCha20Poly1305, DataCipher.Aes256Cbc, DataCipher.Aes128Cbc];

    public override string Name => "option-string";

    public override int InputMax => 1024;

    public override IReadOnlyList<byte[]> Words => WordsOf(NegotiationSeeds.OptionWords);

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("2.6", [0, .. Encoding.ASCII.GetBytes(NegotiationSeeds.Options26)]);
        yield return ("router", [3, .. Encoding.ASCII.GetBytes(NegotiationSeeds.OptionsRouter)]);
        yield return ("undef", [4, .. "V0 UNDEF"u8]);
        var ours = new OptionSettings(DataCipher.Aes128Cbc, HashKind.Sha512, HasCompression: true, IsTcp: true, TunMtu: 1400, TlsAuth: true, KeyDirection: 0);
        yield return ("ours", [1, .. Encoding.ASCII.GetBytes(OptionString.Create(ours, isServer: false).Text)]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var meter = Probe.StartMeter();
        var options = OptionString.Parse(input[1..]);
        probe.AllocatedAtMost(meter, AllocationMax, "reading an option string");
        probe.Reach(options.IsV4 ? 1 : 0);
        probe.Reach(options.Auth is { } auth ? (int)auth : -1);
        probe.Reach((options.HasCompression ? 1 : 0) | (options.HasFragment ? 2 : 0) | (options.HasTlsAuth ? 4 : 0));
        probe.Reach(options.KeyDirection switch { null => -1, 0 => 0, 1 => 1, _ => 2 });
        probe.Reach((options.TunMtu is null ? 0 : 1) | (options.DevType is null ? 0 : 2) | (options.CipherName is null ? 0 : 4));
        probe.That(OptionString.Parse(Encoding.ASCII.GetBytes(options.Text)).Text == options.Text, "options survive being written");
        probe.That(PrintableText.IsPrintable(options.Text), "options can be shown");

        var settings = new OptionSettings(
            AllCiphers[input[0] % 5], (HashKind)((input[0] >> 3) % 4), (input[0] & 0x20) != 0, (input[0] & 0x40) != 0, 1500, false, null);
        var answer = options.Answer(settings, pushesTunMtu: (input[0] & 0x80) != 0);
        probe.That(PrintableText.IsPrintable(answer.Text), "an answer can be shown");
        using var message = KeyMethod2Server.Create(new Chance(1), answer);
        Span<byte> plaintext = stackalloc byte[NegotiationLimits.PlaintextMax];
        probe.Size(message.Write(plaintext));

        var decision = CipherNegotiation.Choose(AllCiphers, PeerInfo.Empty, options, DataCipher.Aes128Cbc);
        probe.Reach(((long)decision.Origin << 8) | (long)decision.Cipher);
        probe.Reach((long)CompressionNegotiation.Choose(PeerInfo.Empty, options));
    }
}
