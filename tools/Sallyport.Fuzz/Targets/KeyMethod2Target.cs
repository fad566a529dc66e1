using System.Text;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>What both sides say first inside TLS. Input: <c>side 1 | plaintext</c>; side even: a client's message, odd: a server's.</summary>
internal sealed class KeyMethod2Target : FuzzTarget
{
    /// <summary>Secrets and a password, an option string and peer info at their largest.</summary>
    private const int AllocationMax = 48 * 1024;

    /// <summary>A message that leaves out its last strings grows by their length fields when it is written.</summary>
    private const int WritableMax = NegotiationLimits.PlaintextMax - 8;

    public override string Name => "key-method-2";

    public override int InputMax => (2 * NegotiationLimits.PlaintextMax) + 1;

    public override IReadOnlyList<byte[]> Words => [.. WordsOf(NegotiationSeeds.PeerInfoWords), .. WordsOf(NegotiationSeeds.OptionWords), [0, 0], [0, 1, 0]];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var options = OptionString.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.Options26));
        var peerInfo = PeerInfo.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.PeerInfo26));
        yield return ("client", [0, .. Client(options, "", "", peerInfo)]);
        yield return ("client-with-password", [0, .. Client(options, "pump-17", "correct horse", peerInfo)]);
        yield return ("client-without-strings", [0, .. Client(options, "", "", PeerInfo.Empty)[..^6]]);
        using var server = KeyMethod2Server.Create(new Chance(9), options);
        var plaintext = new byte[NegotiationLimits.PlaintextMax];
        yield return ("server", [1, .. plaintext[..server.Write(plaintext)]]);
    }

    public static byte[] Client(OptionString options, string username, string password, PeerInfo peerInfo)
    {
        using var client = KeyMethod2Client.Create(new Chance(10), options, username, Encoding.UTF8.GetBytes(password), peerInfo);
        var plaintext = new byte[NegotiationLimits.PlaintextMax];
        return plaintext[..client.Write(plaintext)];
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        if (input[0] % 2 == 0)
        {
            RunClient(input[1..], probe);
        }
        else
        {
            RunServer(input[1..], probe);
        }
    }

    private static void RunClient(ReadOnlySpan<byte> plaintext, Probe probe)
    {
        var meter = Probe.StartMeter();
        var status = KeyMethod2Client.TryParse(plaintext, out var message);
        probe.AllocatedAtMost(meter, AllocationMax, "reading a client's message");
        probe.Reach((long)status);
        probe.That((message is null) == (status == KeyMethod2Status.Malformed), "a message that can be read is there");
        if (message is null)
        {
            return;
        }

        using var read = message;
        probe.Reach((read.Username.Length > 0 ? 1 : 0) | (read.Password.Length > 0 ? 2 : 0));
        probe.That(status == KeyMethod2Status.Complete || (read.Username.Length == 0 && read.Password.IsEmpty), "a refused credential is empty");
        probe.That(PrintableText.IsPrintable(read.Username), "a user name can be shown");
        probe.That(read.Password.Length <= NegotiationLimits.PasswordMax, "a password is bounded");
        PeerInfoTarget.Check(read.PeerInfo, probe);
        if (plaintext.Length > WritableMax)
        {
            return;
        }

        Span<byte> again = stackalloc byte[NegotiationLimits.PlaintextMax];
        var length = read.Write(again);
        var isSame = KeyMethod2Client.TryParse(again[..length], out var second) == KeyMethod2Status.Complete;
        using (second)
        {
            probe.That(
                isSame && second!.Username == read.Username && second.Password.SequenceEqual(read.Password) && second.PreMaster.SequenceEqual(read.PreMaster)
                    && second.Random2.SequenceEqual(read.Random2) && second.Options.Text == read.Options.Text
                    && second.PeerInfo.Lines.SequenceEqual(read.PeerInfo.Lines),
                "a client's message survives being written");
        }
    }

    private static void RunServer(ReadOnlySpan<byte> plaintext, Probe probe)
    {
        var meter = Probe.StartMeter();
        var status = KeyMethod2Server.TryParse(plaintext, out var message);
        probe.AllocatedAtMost(meter, AllocationMax, "reading a server's message");
        probe.Reach((long)status);
        probe.That((message is null) == (status == KeyMethod2Status.Malformed), "a message that can be read is there");
        if (message is null)
        {
            return;
        }

        using var read = message;
        probe.Size(read.Options.Text.Length);
        Span<byte> again = stackalloc byte[NegotiationLimits.PlaintextMax];
        var isSame = KeyMethod2Server.TryParse(again[..read.Write(again)], out var second) == KeyMethod2Status.Complete;
        using (second)
        {
            probe.That(
                isSame && second!.Random1.SequenceEqual(read.Random1) && second.Random2.SequenceEqual(read.Random2) && second.Options.Text == read.Options.Text,
                "a server's message survives being written");
        }
    }
}
