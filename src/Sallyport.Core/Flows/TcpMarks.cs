using Sallyport.Core.Packets;

namespace Sallyport.Core.Flows;

/// <summary>What has been seen of a TCP connection. Sequence numbers are the business of its ends: both are known by their tunnels, nobody else can send. But see <see cref="BeyondNumbers"/>.</summary>
[Flags]
internal enum TcpMarks : byte
{
    None = 0,

    /// <summary>The replying side has sent SYN and ACK.</summary>
    SynAck = 1,

    /// <summary>The opener has acknowledged since.</summary>
    Confirmed = 2,
    FinOut = 4,
    FinBack = 8,

    /// <summary>The last that was heard is a reset. Its receiver may have ignored it (RFC 5961): then they go on speaking.</summary>
    Reset = 16,

    /// <summary>Its beginning was not seen.</summary>
    Adopted = 32,

    /// <summary>Each side has sent something.</summary>
    Out = 64,
    Back = 128,
}

internal static class TcpTracking
{
    private const TcpFlags Deciding = TcpFlags.Syn | TcpFlags.Rst | TcpFlags.Fin | TcpFlags.Ack;

    /// <summary>RFC 9293 section 3.10.7: beyond the first SYN and resets, everything acknowledges; scanners send the rest.</summary>
    public static bool IsPossible(TcpFlags flags) =>
        (flags & Deciding) is TcpFlags.Syn or (TcpFlags.Syn | TcpFlags.Ack) or TcpFlags.Rst or (TcpFlags.Rst | TcpFlags.Ack)
            or TcpFlags.Ack or (TcpFlags.Fin | TcpFlags.Ack);

    public static bool IsOpening(TcpFlags flags) => (flags & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn;

    public static bool IsClosed(TcpMarks marks) =>
        (marks & TcpMarks.Reset) != 0 || (marks & (TcpMarks.FinOut | TcpMarks.FinBack)) == (TcpMarks.FinOut | TcpMarks.FinBack);

    public static bool IsEstablished(TcpMarks marks) =>
        (marks & (TcpMarks.FinOut | TcpMarks.FinBack | TcpMarks.Reset)) == 0
        && ((marks & TcpMarks.Confirmed) != 0
            || (marks & (TcpMarks.Adopted | TcpMarks.Out | TcpMarks.Back)) == (TcpMarks.Adopted | TcpMarks.Out | TcpMarks.Back));

    public static TcpMarks Next(TcpMarks marks, bool fromOpener, TcpFlags flags)
    {
        marks |= fromOpener ? TcpMarks.Out : TcpMarks.Back;
        if ((flags & TcpFlags.Rst) != 0)
        {
            return marks | TcpMarks.Reset;
        }

        marks &= ~TcpMarks.Reset;
        if ((flags & TcpFlags.Fin) != 0)
        {
            marks |= fromOpener ? TcpMarks.FinOut : TcpMarks.FinBack;
        }

        if (!fromOpener && (flags & TcpFlags.Syn) != 0)
        {
            return marks | TcpMarks.SynAck;
        }

        return fromOpener && (marks & TcpMarks.SynAck) != 0 && (flags & TcpFlags.Ack) != 0 ? marks | TcpMarks.Confirmed : marks;
    }
}
