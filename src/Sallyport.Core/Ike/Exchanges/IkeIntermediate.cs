using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>
/// IKE_INTERMEDIATE (RFC 9242) with an additional key exchange in it (RFC 9370 section 2.2.2): what is too long for a first message, such as ML-KEM, travels here,
/// in fragments where it must.
/// </summary>
internal sealed class IkeIntermediate : Exchange
{
    private KeyExchange? _exchange;

    public override ExchangeType Type => ExchangeType.IkeIntermediate;

    public override bool IsAlone => true;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        _exchange = KeyExchange.Start(session.Handshake!.Additional.Peek());
        to.Ke(_exchange.Method, _exchange.Public);
        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (response.Ke is not { } value || value.Method != _exchange!.Method || !_exchange.TryFinish(value.Value.AsSpan(), out var secret))
        {
            Abandon(session);
            session.End(IkeEnd.Malformed, "the answer to IKE_INTERMEDIATE has no key exchange of ours", now);
            return;
        }

        _exchange.Dispose();

        Strengthen(session, sa, secret);
        session.Enqueue(sa, session.Phase == IkePhase.Authenticating ? new IkeAuth() : new IkeIntermediate());
    }

    public override void Abandon(IkeSession session) => _exchange?.Dispose();

    /// <param name="octets">The request as AUTH will cover it.</param>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, byte[] octets, Instant now)
    {
        var handshake = session.Handshake!;
        if (request.Ke is not { } value || value.Method != handshake.Additional.Peek()
            || !KeyExchange.TryRespond(value.Method, value.Value.AsSpan(), out var own, out var secret))
        {
            session.RefuseMalformed(sa, header, "IKE_INTERMEDIATE came without the key exchange that is next", now);
            return;
        }

        handshake.AddIntermediate(sa.Keys!, ofInitiator: true, octets);
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Ke(value.Method, own);
        var transcript = new IntermediateTranscript(sa.Header(ExchangeType.IkeIntermediate, header.MessageId, isResponse: true), writer.First);
        handshake.AddIntermediate(sa.Keys!, ofInitiator: false, transcript.Write(writer.Written));
        session.Answer(sa, header, ref writer, now);

        // The answer went under the keys so far.
        Strengthen(session, sa, secret);
    }

    private static void Strengthen(IkeSession session, IkeSa sa, SecretBytes secret)
    {
        var handshake = session.Handshake!;
        using (secret)
        {
            sa.StrengthenKeys(sa.Keys!.Strengthen(new IkeNonces(handshake.InitiatorNonce, handshake.ResponderNonce, sa.InitiatorSpi, sa.ResponderSpi), secret.Bytes));
        }

        _ = handshake.Additional.Dequeue();
        handshake.FirstAuthId++;
        session.Phase = handshake.Additional.Count == 0 ? IkePhase.Authenticating : IkePhase.Intermediate;
    }
}
