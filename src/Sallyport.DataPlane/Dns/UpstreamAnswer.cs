using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>What another server answered, read once, by the thread that asked.</summary>
internal sealed class UpstreamAnswer
{
    /// <param name="message">In which <paramref name="head"/> was read.</param>
    public UpstreamAnswer(byte[] message, in DnsAnswer head)
    {
        List<DnsFact> facts = [];
        IsWhole = DnsAnswer.TryReadFacts(message, head.QuestionEnd, facts);
        (Message, Head, Facts) = (message, head, facts);
        Addresses = [.. facts.Where(fact => fact.Type != DnsType.Cname).Select(fact => fact.Address).Take(DnsServiceLimits.LogAddressesMax)];
    }

    public byte[] Message { get; }

    public DnsAnswer Head { get; }

    /// <summary>Of a broken message nothing is believed.</summary>
    public bool IsWhole { get; }

    /// <summary>All that it says of names.</summary>
    public IReadOnlyList<DnsFact> Facts { get; }

    /// <summary>Some of those in it, for the log.</summary>
    public IpAddress[] Addresses { get; }
}
