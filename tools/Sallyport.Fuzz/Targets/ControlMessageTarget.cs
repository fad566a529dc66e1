using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Text messages inside TLS. Input: a record's plaintext.</summary>
internal sealed class ControlMessageTarget : FuzzTarget
{
    public override string Name => "control-message";

    public override IReadOnlyList<byte[]> Words => WordsOf(
        "PUSH_REQUEST", "PUSH_REPLY,", "PUSH_UPDATE,", "AUTH_FAILED", "AUTH_FAILED,TEMP[backoff 5,advance no]:", "TEMP[", "]", "backoff ", ",advance addr",
        "AUTH_FAILED,SESSION:", "AUTH_FAILED,CRV1:R,E:", "AUTH_PENDING,timeout 60", "INFO,", "INFO_PRE,WEB_AUTH::", "CR_RESPONSE,", "EXIT", "RESTART,[P,", "HALT", "\0", "\r\n",
        ",", "\u202e", "\u00e9", "\ud83d\ude00", "\u0085", "\u00ad");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var seeds = new List<(string, byte[])>();
        foreach (var (name, message) in (ReadOnlySpan<(string, ControlMessage)>)
        [
            ("push-request", ControlMessage.PushRequest), ("exit", ControlMessage.Exit), ("restart", ControlMessage.Restart), ("halt", ControlMessage.Halt),
            ("auth-failed", ControlMessage.AuthFailed("no such device")), ("auth-failed-temp", ControlMessage.AuthFailedTemporarily(17, mayAdvance: false, "busy")),
            ("token-expired", ControlMessage.TokenExpired), ("auth-pending", ControlMessage.AuthPending(30)),
        ])
        {
            seeds.Add((name, Bytes(message)));
        }

        return [.. seeds, ("two", "INFO,one\0INFO_PRE,two\0"u8.ToArray()), ("unprintable", [0x49, 0x4e, 0x46, 0x4f, 0x2c, 0x1b, 0x5b, 0x32, 0x4a, 0])];
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var rest = input;
        var left = input.Length + 1;
        while (true)
        {
            var meter = Probe.StartMeter();
            var before = rest.Length;
            if (!ControlMessage.TryTakeNext(ref rest, out var message))
            {
                break;
            }

            // The text, its verb and its argument, two bytes a character.
            probe.AllocatedAtMost(meter, 256 + (6 * before), "reading a control message");
            probe.That(rest.Length < left, "every message takes something");
            left = rest.Length;
            Check(message, probe);
        }

        probe.That(rest.IsEmpty, "a record is read to its end");
    }

    private static void Check(ControlMessage message, Probe probe)
    {
        probe.Reach((long)message.Kind);
        probe.Reach(message.Argument.Length == 0 ? 0 : 1);
        probe.That(PrintableText.IsPrintable(message.Argument), "an argument can be shown");
        probe.That(message.Kind != ControlMessageKind.Unprintable || message.Argument.Length == 0, "nothing is shown of what cannot be");
        if (message.Kind == ControlMessageKind.AuthFailed)
        {
            var failure = AuthFailure.Parse(message.Argument);
            probe.Reach((long)failure.Kind);
            probe.Reach((failure.Backoff is null ? 0 : 1) | (failure.MayAdvance ? 2 : 0));
            probe.That(failure.Backoff is null or >= 0, "a backoff is not negative");
            probe.That(PrintableText.IsPrintable(failure.Reason), "a reason can be shown");
        }

        if (message.Kind is ControlMessageKind.Unknown or ControlMessageKind.Unprintable)
        {
            return;
        }

        ReadOnlySpan<byte> again = Bytes(message);
        Invariant.Check(again[^1] == 0, "a message ends with NUL");
        probe.That(ControlMessage.TryTakeNext(ref again, out var same) && same == message && again.IsEmpty, "a message survives being written");
    }

    private static byte[] Bytes(ControlMessage message)
    {
        var bytes = new byte[message.WireLength];
        return bytes[..message.Write(bytes)];
    }
}
