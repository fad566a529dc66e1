using Sallyport.Core.Dns;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>Takes a question for other servers; false where too many wait.</summary>
internal delegate bool AskUpstream(UpstreamQuestion question);

/// <summary>Answers questions for names in the place where they come out of a tunnel. One shard's, one thread.</summary>
internal sealed class NameService(int shard, AskUpstream ask)
{
    private readonly IdentityShares<NameShare> _shares = new();

    public QueryLog Log { get; } = new();

    /// <summary>
    /// Writes the packet that answers one which <see cref="ForwardKind.Resolve"/> is for. <paramref name="length"/> is 0 where there is none, or not yet.
    /// </summary>
    /// <param name="answer">Room for <see cref="DnsLimits.AnswerMax"/> and headers.</param>
    public DropReason Handle(FleetModel model, int identityId, in Situation situation, ReadOnlySpan<byte> packet, Instant now, Span<byte> answer, out int length)
    {
        length = 0;
        if (model.Identity(identityId) is not { } asker || InnerPacket.Read(packet, out var read) != DropReason.None
            || !UdpView.TryCreate(packet[read.TransportOffset..read.Length], isFragment: false, out var datagram))
        {
            return DropReason.DnsMalformed;
        }

        ref var share = ref _shares[identityId];
        if (!share.Queries.TryTake(DnsServiceLimits.QueryBurst, DnsServiceLimits.QueryInterval, now))
        {
            return DropReason.DnsRateLimited;
        }

        var message = datagram.Payload;
        var reply = UdpReply.Of(read);
        var resolution = Resolver.Resolve(model, asker, situation, message, answer[reply.HeadLength..]);
        switch (resolution.Kind)
        {
            case ResolveKind.Answer:
                length = reply.WriteHead(answer, resolution.Length);
                IpAddress[] addresses = [.. new[] { resolution.V4, resolution.V6 }.OfType<IpAddress>()];
                Note(asker, resolution.Query, resolution.Rcode, addresses, now, ref share);
                return DropReason.None;
            case ResolveKind.Forward:
                var question = new UpstreamQuestion(
                    identityId, asker.NetworkId, shard, message[..resolution.Query.QuestionEnd].ToArray(), resolution.Query, reply, resolution.Forward!,
                    IsTied: model.Egress is not null);
                return ask(question) ? DropReason.None : DropReason.DnsQueueFull;
            case ResolveKind.Ignore:
            default:
                return DropReason.DnsMalformed;
        }
    }

    /// <summary>
    /// Writes the packet that brings back what another server answered; 0 where the asker is not whom it was for any more, or the network
    /// asks nobody any more.
    /// </summary>
    /// <param name="innerMax">Longest packet of the tunnel.</param>
    public int Handle(FleetModel model, in Situation situation, DeliverAnswer delivery, Instant now, int innerMax, Span<byte> answer)
    {
        var question = delivery.Question;
        if (model.Identity(question.IdentityId) is not { Active: true } asker || asker.NetworkId != question.NetworkId
            || !model.Owns(asker.Id, question.Reply.To) || Resolver.FindForward(model, asker, situation, question.Query.Name) is null)
        {
            return 0;
        }

        var body = answer[question.Reply.HeadLength..];
        var limit = Math.Max(DnsLimits.PlainAnswerMax, innerMax - question.Reply.HeadLength);
        var (length, rcode, addresses) = (0, DnsRcode.ServFail, Array.Empty<IpAddress>());
        if (delivery.Answer is { } upstream)
        {
            length = DnsRelay.WriteAnswer(upstream.Message, upstream.Head, question.Message, question.Query, limit, body);
            (rcode, addresses) = length > 0 ? (upstream.Head.Rcode, upstream.Addresses) : (rcode, addresses);
        }

        if (length == 0)
        {
            length = Resolver.Plain(question.Message, question.Query, rcode, body).Length;
        }

        Note(asker, question.Query, rcode, addresses, now, ref _shares[asker.Id]);
        return question.Reply.WriteHead(answer, length);
    }

    private void Note(Identity asker, in DnsQuery query, DnsRcode rcode, IpAddress[] addresses, Instant now, ref NameShare share) =>
        Log.Note(new QueryKey(asker.Id, query.Name, query.Type, rcode), asker.NetworkId, addresses, now, ref share.Lines);
}
