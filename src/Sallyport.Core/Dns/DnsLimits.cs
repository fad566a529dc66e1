namespace Sallyport.Core.Dns;

/// <summary>Every bound of what is read and written of DNS, with where it comes from.</summary>
public static class DnsLimits
{
    public const ushort Port = 53;

    /// <summary>RFC 1035 section 4.1.1.</summary>
    public const int HeaderLength = 12;

    /// <summary>Bytes of a label and of a name on the wire, the root's included (RFC 1035 section 2.3.4).</summary>
    public const int LabelMax = 63;

    public const int NameMax = 255;

    /// <summary>Characters of a name as text: each byte may have to be written as four.</summary>
    public const int NameTextMax = 4 * NameMax;

    /// <summary>Labels of a name; each may come after a jump of its own.</summary>
    public const int JumpsMax = 127;

    /// <summary>Answers to who says nothing of EDNS (RFC 1035 section 4.2.1).</summary>
    public const int PlainAnswerMax = 512;

    /// <summary>What passes every path unfragmented: IPv6's minimum MTU without its headers (DNS flag day 2020).</summary>
    public const int AnswerMax = 1232;

    /// <summary>A message over TCP has a length of 16 bits (RFC 1035 section 4.2.2).</summary>
    public const int MessageMax = 65_535;

    /// <summary>Records of one message that are looked at. The largest sets of addresses in use have some dozens.</summary>
    public const int RecordsMax = 256;

    /// <summary>Names that stand for each other, one behind the other: resolvers give up after 8 to 16.</summary>
    public const int ChainMax = 16;

    /// <summary>Our own records: a change of policy is seen after so many seconds at the latest, a name that was refused as soon.</summary>
    public const int OwnTtlSeconds = 30;

    public const int NegativeTtlSeconds = 5;
}
