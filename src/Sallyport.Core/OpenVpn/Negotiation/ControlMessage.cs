using System.Globalization;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

public enum ControlMessageKind : byte
{
    /// <summary>Printable, but no message that we know.</summary>
    Unknown,

    /// <summary>Bytes that are not printable text: count it, show nothing of it (CVE-2024-5594).</summary>
    Unprintable,

    PushRequest,
    PushReply,
    PushUpdate,
    AuthFailed,
    AuthPending,
    Info,
    InfoPre,
    CrResponse,
    Exit,
    Restart,
    Halt,
}

/// <summary>
/// A text message on the control channel after key method 2: verb, and after a comma its argument. Ends with NUL on the wire, and
/// each of ours is one TLS record of its own: clients up to 2.5 take one record for one message.
/// </summary>
/// <param name="Argument">What follows the first comma; empty where none does. May hold secrets (PUSH_REPLY, CR_RESPONSE).</param>
public readonly record struct ControlMessage(ControlMessageKind Kind, string Argument)
{
    private static readonly (string Verb, ControlMessageKind Kind)[] Verbs =
    [
        ("PUSH_REQUEST", ControlMessageKind.PushRequest),
        (PushReply.Verb, ControlMessageKind.PushReply),
        ("PUSH_UPDATE", ControlMessageKind.PushUpdate),
        ("AUTH_FAILED", ControlMessageKind.AuthFailed),
        ("AUTH_PENDING", ControlMessageKind.AuthPending),
        ("INFO", ControlMessageKind.Info),
        ("INFO_PRE", ControlMessageKind.InfoPre),
        ("CR_RESPONSE", ControlMessageKind.CrResponse),
        ("EXIT", ControlMessageKind.Exit),
        ("RESTART", ControlMessageKind.Restart),
        ("HALT", ControlMessageKind.Halt),
    ];

    public static ControlMessage PushRequest => new(ControlMessageKind.PushRequest, "");

    /// <summary>The peer leaves; for peers with <see cref="ProtocolFlags.CcExit"/>.</summary>
    public static ControlMessage Exit => new(ControlMessageKind.Exit, "");

    /// <summary>Come back: the server restarts.</summary>
    public static ControlMessage Restart => new(ControlMessageKind.Restart, "");

    /// <summary>Do not come back.</summary>
    public static ControlMessage Halt => new(ControlMessageKind.Halt, "");

    /// <param name="reason">Shown to the user at the other end; cleaned and cut. Empty for none.</param>
    public static ControlMessage AuthFailed(string reason = "") =>
        new(ControlMessageKind.AuthFailed, PrintableText.Clean(reason, NegotiationLimits.ReasonMax));

    /// <summary>Refused for now; for clients with <see cref="IvProto.AuthFailTemp"/>, older ones give up on it.</summary>
    /// <param name="backoffSeconds">When to come back: spreads a crowd.</param>
    /// <param name="mayAdvance">Whether the client may try its next server instead.</param>
    public static ControlMessage AuthFailedTemporarily(int backoffSeconds, bool mayAdvance, string reason)
    {
        Invariant.Check(backoffSeconds >= 0, "a backoff is not negative");
        var flags = string.Create(CultureInfo.InvariantCulture, $"backoff {backoffSeconds}");
        return new(
            ControlMessageKind.AuthFailed,
            $"TEMP[{flags}{(mayAdvance ? "" : ",advance no")}]:{PrintableText.Clean(reason, NegotiationLimits.ReasonMax)}");
    }

    /// <summary>The token is no longer good: the client drops it and asks for the password.</summary>
    public static ControlMessage TokenExpired => new(ControlMessageKind.AuthFailed, "SESSION: token expired");

    /// <param name="timeoutSeconds">Only to clients with <see cref="IvProto.AuthPendingKw"/>.</param>
    public static ControlMessage AuthPending(int? timeoutSeconds) => new(
        ControlMessageKind.AuthPending,
        timeoutSeconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $"timeout {seconds}") : "");

    /// <summary>All parts of a push reply, in order.</summary>
    public static IReadOnlyList<ControlMessage> Push(PushOptions options)
    {
        var messages = new List<ControlMessage>();
        foreach (var part in PushReply.Write(options))
        {
            messages.Add(Parse(part));
        }

        return messages;
    }

    /// <summary>
    /// Takes the next message off a record's plaintext: up to NUL, or to the end. False once none is left.
    /// </summary>
    public static bool TryTakeNext(ref ReadOnlySpan<byte> record, out ControlMessage message)
    {
        message = default;
        record = record.TrimStart((byte)0);
        if (record.IsEmpty)
        {
            return false;
        }

        var end = record.IndexOf((byte)0);
        var bytes = end < 0 ? record : record[..end];
        record = end < 0 ? default : record[(end + 1)..];
        // Scripts of some servers end their lines.
        message = PrintableText.TryDecode(bytes.TrimEnd("\r\n"u8), out var text)
            ? Parse(text)
            : new ControlMessage(ControlMessageKind.Unprintable, "");
        return true;
    }

    /// <summary>Bytes that <see cref="Write"/> needs.</summary>
    public int WireLength => Encoding.UTF8.GetByteCount(Text) + 1;

    /// <summary>Writes the message with its NUL and returns the length.</summary>
    public int Write(Span<byte> plaintext)
    {
        var text = Text;
        Invariant.Check(PrintableText.IsPrintable(text), "a control message is printable");
        var length = Encoding.UTF8.GetBytes(text, plaintext);
        plaintext[length] = 0;
        return length + 1;
    }

    /// <summary>The kind alone: arguments may hold secrets.</summary>
    public override string ToString() => Kind.ToString();

    private string Text
    {
        get
        {
            foreach (var (verb, kind) in Verbs)
            {
                if (kind == Kind)
                {
                    return Argument.Length == 0 ? verb : verb + "," + Argument;
                }
            }

            throw new InvariantException("a control message to send has a verb");
        }
    }

    private static ControlMessage Parse(string text)
    {
        var comma = text.IndexOf(',', StringComparison.Ordinal);
        var head = comma < 0 ? text : text[..comma];
        var argument = comma < 0 ? "" : text[(comma + 1)..];
        foreach (var (verb, kind) in Verbs)
        {
            if (head == verb)
            {
                return new ControlMessage(kind, argument);
            }
        }

        return new ControlMessage(ControlMessageKind.Unknown, text);
    }
}
