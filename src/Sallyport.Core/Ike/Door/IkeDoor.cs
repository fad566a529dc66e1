using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Door;

/// <summary>What is done with a first message.</summary>
internal readonly record struct DoorAnswer
{
    /// <summary>None where it is answered or let in.</summary>
    public DropReason Reason { get; init; }

    /// <summary>A whole message, without a marker; null for none.</summary>
    public byte[]? Reply { get; init; }

    public IkeAdmission? Admission { get; init; }

    /// <summary>One line for operators; empty where there is nothing to tell.</summary>
    public string Detail { get; init; }

    public static DoorAnswer Drop(DropReason reason) => new() { Reason = reason, Detail = "" };

    public static DoorAnswer Send(byte[] reply, string detail = "") => new() { Reply = reply, Detail = detail };
}

/// <summary>A first message that deserves memory.</summary>
internal sealed record IkeAdmission
{
    public required byte[] Message { get; init; }

    public required IkeHeader Header { get; init; }

    public required IkePayloads Payloads { get; init; }

    /// <summary>Null where a ticket says what it was.</summary>
    public Proposal? Chosen { get; init; }

    public TicketContent? Ticket { get; init; }
}

/// <summary>
/// The first message of an initiator, without keeping anything of it: whether it is one, whether a cookie is wanted, whether there is an algorithm for it. Only
/// what it lets in costs memory and a key exchange. No answer is longer than what it answers.
/// </summary>
internal sealed class IkeDoor(IkeOptions options, TicketOffice tickets, CookieMint cookies)
{
    /// <param name="wantsCookie">There is so much under way, here or from there, that the peer has to show that it receives.</param>
    public DoorAnswer Handle(ReadOnlySpan<byte> message, in IkeHeader header, in IkePath path, bool wantsCookie, Instant now)
    {
        var answer = Judge(message, header, path, wantsCookie, now);
        return answer.Reply?.Length > message.Length ? DoorAnswer.Drop(DropReason.ControlMalformed) : answer;
    }

    private DoorAnswer Judge(ReadOnlySpan<byte> message, in IkeHeader header, in IkePath path, bool wantsCookie, Instant now)
    {
        if (message.Length > IkeLimits.DatagramMax || header.ResponderSpi != 0 || header.InitiatorSpi == 0 || header.MessageId != 0 || !header.IsFromInitiator || header.IsResponse
            || header.Exchange is not (ExchangeType.IkeSaInit or ExchangeType.IkeSessionResume))
        {
            return DoorAnswer.Drop(DropReason.UnknownPeer);
        }

        // Where nobody comes by IKE, nobody is told that it is spoken here.
        if (options.Proposals.Count == 0)
        {
            return DoorAnswer.Drop(DropReason.WrapNotAllowed);
        }

        var fault = IkePayloads.Read(header.NextPayload, message[IkeLimits.HeaderLength..], out var payloads);
        if (fault == PayloadFault.UnknownCritical)
        {
            return DoorAnswer.Send(Reply(header, NotifyType.UnsupportedCriticalPayload, [payloads.CriticalType]));
        }

        if (fault != PayloadFault.None || !payloads.HasNonce || (header.Exchange == ExchangeType.IkeSaInit && (!payloads.HasSa || payloads.Ke is null)))
        {
            return DoorAnswer.Drop(DropReason.ControlMalformed);
        }

        var nonce = payloads.Nonce.AsSpan();
        if (wantsCookie && !(payloads.Find(NotifyType.Cookie) is { } cookie && cookies.IsValid(cookie.Data.AsSpan(), nonce, path.Peer, header.InitiatorSpi, now)))
        {
            return DoorAnswer.Send(Reply(header, NotifyType.Cookie, cookies.Make(nonce, path.Peer, header.InitiatorSpi, now)));
        }

        if (options.Redirect is { } elsewhere && IkeSaInit.TakesRedirect(payloads))
        {
            return DoorAnswer.Send(Reply(header, NotifyType.Redirect, RedirectData(elsewhere, nonce)));
        }

        return header.Exchange == ExchangeType.IkeSessionResume
            ? Resume(message, header, payloads, now)
            : Choose(message, header, payloads);
    }

    /// <summary>RFC 5685 section 9.2: kind and length of the name, the name, the initiator's nonce.</summary>
    internal static byte[] RedirectData(string elsewhere, ReadOnlySpan<byte> nonce)
    {
        Span<byte> name = stackalloc byte[256];
        byte kind;
        int length;
        if (IpAddress.TryParse(elsewhere, out var address))
        {
            (kind, length) = (address.IsV4 ? (byte)1 : (byte)2, address.Write(name));
        }
        else
        {
            (kind, length) = (3, Encoding.ASCII.GetBytes(elsewhere, name));
        }

        return [kind, (byte)length, .. name[..length], .. nonce];
    }

    private static DoorAnswer Admit(ReadOnlySpan<byte> message, in IkeHeader header, IkePayloads payloads, Proposal? chosen, TicketContent? ticket) => new()
    {
        Detail = "",
        Admission = new IkeAdmission { Message = message.ToArray(), Header = header, Payloads = payloads, Chosen = chosen, Ticket = ticket },
    };

    private DoorAnswer Choose(ReadOnlySpan<byte> message, in IkeHeader header, IkePayloads payloads)
    {
        var value = payloads.Ke!;
        if (!ProposalChoice.TryChoose(payloads.Sa, options.Proposals, value.Method, out var chosen))
        {
            return DoorAnswer.Send(
                Reply(header, NotifyType.NoProposalChosen), "no IKE proposal matches: " + ProposalChoice.Explain(payloads.Sa, options.Proposals));
        }

        var suite = IkeSuite.Of(chosen);
        if (suite.Group != value.Method)
        {
            Span<byte> wanted = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(wanted, (ushort)suite.Group);
            return DoorAnswer.Send(Reply(header, NotifyType.InvalidKePayload, wanted));
        }

        if (value.Value.Length != KeyExchange.InitiatorLength(suite.Group)
            || (!suite.Additional.IsEmpty && !payloads.Has(NotifyType.IntermediateSupported)))
        {
            return DoorAnswer.Drop(DropReason.ControlMalformed);
        }

        return Admit(message, header, payloads, chosen, null);
    }

    private DoorAnswer Resume(ReadOnlySpan<byte> message, in IkeHeader header, IkePayloads payloads, Instant now) =>
        payloads.Find(NotifyType.TicketOpaque) is { } opaque && tickets.TryOpen(opaque.Data.AsSpan(), now, out var content)
            ? Admit(message, header, payloads, null, content)
            : DoorAnswer.Send(Reply(header, NotifyType.TicketNack), "a resumption ticket is not ours, or too old");

    private static byte[] Reply(in IkeHeader header, NotifyType type, ReadOnlySpan<byte> data = default)
    {
        Span<byte> room = stackalloc byte[IkeLimits.PayloadHeadLength + 4 + 256 + 2 + IkeLimits.NonceMax];
        var writer = new PayloadWriter(room);
        writer.Notify(type, data);
        var reply = new byte[IkeLimits.HeaderLength + writer.Length];
        (header with { NextPayload = writer.First, Flags = IkeFlags.Response, Length = reply.Length }).Write(reply);
        writer.Written.CopyTo(reply.AsSpan(IkeLimits.HeaderLength));
        return reply;
    }
}
