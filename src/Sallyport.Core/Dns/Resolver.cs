using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Dns;

public enum ResolveKind : byte
{
    /// <summary>No query: no answer.</summary>
    Ignore,

    /// <summary>The answer is written.</summary>
    Answer,

    /// <summary>To be asked of <see cref="Resolution.Forward"/>.</summary>
    Forward,
}

/// <summary>What becomes of one question.</summary>
/// <param name="Length">Of the answer.</param>
/// <param name="V4">Addresses in the answer, for the log.</param>
public readonly record struct Resolution(
    ResolveKind Kind, DnsQuery Query, int Length = 0, DnsRcode Rcode = DnsRcode.NoError, IpAddress? V4 = null, IpAddress? V6 = null, DnsForward? Forward = null);

/// <summary>Answers one question as one identity may hear it. Nothing is remembered: the model decides, anew each time.</summary>
public static class Resolver
{
    /// <summary>Whoever the gateway host itself asks.</summary>
    public static readonly DnsForward OfHost = new("", []);

    /// <summary>Types from here on, but for "any", are of messages and zone transfers, not of records (RFC 6895 section 3.1).</summary>
    private const ushort FirstMetaType = 128;

    /// <param name="message">As it came.</param>
    /// <param name="answer">At least <see cref="DnsLimits.PlainAnswerMax"/> bytes.</param>
    public static Resolution Resolve(FleetModel model, Identity asker, in Situation situation, ReadOnlySpan<byte> message, Span<byte> answer)
    {
        switch (DnsQuery.Read(message, out var query))
        {
            case DnsReadResult.NotAQuery:
                return new Resolution(ResolveKind.Ignore, query);
            case DnsReadResult.Malformed:
                return Plain(message, query, DnsRcode.FormErr, answer);
            case DnsReadResult.NotImplemented:
                return Plain(message, query, DnsRcode.NotImp, answer);
            default:
                break;
        }

        if (query.EdnsVersion > 0)
        {
            return Plain(message, query, DnsRcode.NoError, answer);
        }

        if (query.Class != DnsClass.In || ((ushort)query.Type is >= FirstMetaType and < 256 && query.Type != DnsType.Any))
        {
            return Plain(message, query, DnsRcode.NotImp, answer);
        }

        var meaning = NetworkNames.Find(model, asker, situation, query.Name);
        if (meaning.Kind != NameKind.Elsewhere)
        {
            return Own(message, query, meaning, answer);
        }

        return FindForward(model, asker, situation, query.Name) is { } forward
            ? new Resolution(ResolveKind.Forward, query, Forward: forward)
            : Plain(message, query, DnsRcode.Refused, answer);
    }

    /// <summary>
    /// Who is asked for a name outside of our zone. Where the network asks nobody, a name beyond the gateway host that a rule lets the asker
    /// reach is asked of whom the network of those names has, or of whom the host asks (<see cref="OfHost"/>). For who is shut out from
    /// others nobody is asked but for names of what is left to it: a name carries data out, whoever answers.
    /// </summary>
    public static DnsForward? FindForward(FleetModel model, Identity asker, in Situation situation, string name)
    {
        if (!asker.IsShutOut && FindForward(model, asker.NetworkId, name) is { } forward)
        {
            return forward;
        }

        return model.Egress is { Active: true } egress && model.EgressFor(asker, situation, name) is not null
            ? FindForward(model, asker.NetworkId, name) ?? FindForward(model, egress.NetworkId, name) ?? OfHost
            : null;
    }

    /// <summary>Of those whom a network asks: of the longest domain that it lies in. Null for nobody.</summary>
    public static DnsForward? FindForward(FleetModel model, int networkId, string name)
    {
        foreach (var forward in model.Network(networkId)?.Dns?.Forwards ?? [])
        {
            if (DnsName.IsWithin(name, forward.Domain))
            {
                return forward;
            }
        }

        return null;
    }

    /// <summary>An answer that is only a code.</summary>
    /// <param name="answer">At least <see cref="DnsLimits.PlainAnswerMax"/> bytes.</param>
    public static Resolution Plain(ReadOnlySpan<byte> message, in DnsQuery query, DnsRcode rcode, Span<byte> answer)
    {
        var response = new DnsResponse(message, query, answer);
        return new Resolution(ResolveKind.Answer, query, response.Finish(rcode, isAuthoritative: false), rcode);
    }

    private static Resolution Own(ReadOnlySpan<byte> message, in DnsQuery query, in NameMeaning meaning, Span<byte> answer)
    {
        var response = new DnsResponse(message, query, answer);
        if (meaning.Kind == NameKind.Unknown)
        {
            response.Authority(meaning.Zone, isAnswer: false);
            return new Resolution(ResolveKind.Answer, query, response.Finish(DnsRcode.NxDomain, isAuthoritative: true), DnsRcode.NxDomain);
        }

        var isAny = query.Type == DnsType.Any;
        var v4 = isAny || query.Type == DnsType.A ? meaning.V4 : null;
        var v6 = isAny || query.Type == DnsType.Aaaa ? meaning.V6 : null;
        var isEmpty = true;
        foreach (var address in (ReadOnlySpan<IpAddress?>)[v4, v6])
        {
            if (address is { } one)
            {
                response.Address(one);
                isEmpty = false;
            }
        }

        if (meaning.Target is { } target && (isAny || query.Type == DnsType.Ptr))
        {
            response.Pointer(target);
            isEmpty = false;
        }

        if (isEmpty)
        {
            response.Authority(meaning.Zone, isAnswer: query.Type == DnsType.Soa && query.Name == meaning.Zone);
        }

        return new Resolution(ResolveKind.Answer, query, response.Finish(DnsRcode.NoError, isAuthoritative: true), DnsRcode.NoError, v4, v6);
    }
}
