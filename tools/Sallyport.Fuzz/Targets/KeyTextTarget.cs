using System.Text;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Key files of all three kinds. Input: the text.</summary>
internal sealed class KeyTextTarget : FuzzTarget
{
    public override string Name => "key-text";

    public override IReadOnlyList<byte[]> Words => WordsOf(
        "-----BEGIN OpenVPN Static key V1-----\n", "-----END OpenVPN Static key V1-----\n", "-----BEGIN OpenVPN tls-crypt-v2 client key-----\n",
        "-----END OpenVPN tls-crypt-v2 client key-----\n", "-----BEGIN OpenVPN tls-crypt-v2 server key-----\n",
        "-----END OpenVPN tls-crypt-v2 server key-----\n", "#\n", "\r\n", "=", "==", "\u2028", "\u0660");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("static", Encoding.ASCII.GetBytes(Keys.Static.ToPem()));
        yield return ("server", Encoding.ASCII.GetBytes(Keys.Server.ToPem()));
        yield return ("client", Encoding.ASCII.GetBytes(Keys.Client.ToPem()));
        yield return ("no-end", Encoding.ASCII.GetBytes(Keys.Static.ToPem()[..300]));
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var text = Encoding.UTF8.GetString(input);
        var meter = Probe.StartMeter();
        var isStatic = StaticKey.TryParsePem(text, out var staticKey);
        var isServer = TlsCryptV2ServerKey.TryParsePem(text, out var serverKey);
        var isClient = TlsCryptV2ClientKey.TryParsePem(text, out var clientKey);
        probe.AllocatedAtMost(meter, 4096, "reading key files");
        probe.Reach((isStatic ? 1 : 0) | (isServer ? 2 : 0) | (isClient ? 4 : 0));
        if (staticKey is not null)
        {
            probe.That(StaticKey.TryParsePem(staticKey.ToPem(), out var again) && again.Bytes.SequenceEqual(staticKey.Bytes), "a static key survives its text");
        }

        if (serverKey is not null)
        {
            probe.That(
                TlsCryptV2ServerKey.TryParsePem(serverKey.ToPem(), out var again) && again.Bytes.SequenceEqual(serverKey.Bytes),
                "a server key survives its text");
        }

        if (clientKey is not null)
        {
            probe.That(
                TlsCryptV2ClientKey.TryParsePem(clientKey.ToPem(), out var again)
                    && again.Key256.SequenceEqual(clientKey.Key256) && again.Wkc.SequenceEqual(clientKey.Wkc),
                "a client key survives its text");
        }
    }
}
