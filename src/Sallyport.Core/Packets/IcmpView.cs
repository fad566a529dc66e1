using System.Buffers.Binary;

namespace Sallyport.Core.Packets;

/// <summary>What an ICMP message is to a gateway.</summary>
public enum IcmpMeaning : byte
{
    EchoRequest,
    EchoReply,

    /// <summary>Tells the sender of the quoted packet what became of it.</summary>
    Error,

    /// <summary>Redirects, router and neighbour discovery, timestamps, …: of no use across a tunnel, and some of harm.</summary>
    Other,
}

/// <summary>An ICMP (RFC 792) or ICMPv6 (RFC 4443) message. Getters cannot fail.</summary>
public readonly ref struct IcmpView
{
    public const int HeaderLength = 8;

    private readonly ReadOnlySpan<byte> _message;
    private readonly bool _isV6;

    private IcmpView(ReadOnlySpan<byte> message, bool isV6)
    {
        _message = message;
        _isV6 = isV6;
    }

    public byte Type => _message[0];

    public byte Code => _message[1];

    /// <summary>Meaningful for echo only.</summary>
    public ushort Identifier => BinaryPrimitives.ReadUInt16BigEndian(_message[4..]);

    /// <summary>The beginning of the packet that an error speaks of.</summary>
    public ReadOnlySpan<byte> Quoted => _message[HeaderLength..];

    public IcmpMeaning Meaning =>
        _isV6
            ? Type switch
            {
                128 => IcmpMeaning.EchoRequest,
                129 => IcmpMeaning.EchoReply,
                // Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443 section 3).
                >= 1 and <= 4 => IcmpMeaning.Error,
                _ => IcmpMeaning.Other,
            }
            : Type switch
            {
                8 => IcmpMeaning.EchoRequest,
                0 => IcmpMeaning.EchoReply,
                // Destination unreachable, time exceeded, parameter problem. Source quench is obsolete (RFC 6633), redirects are refused.
                3 or 11 or 12 => IcmpMeaning.Error,
                _ => IcmpMeaning.Other,
            };

    /// <summary>True for every message that must not be answered with an error (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e).</summary>
    public bool IsAnyError => _isV6 ? Type < 128 || Type == 137 : Type is 3 or 4 or 5 or 11 or 12;

    public static bool TryCreate(ReadOnlySpan<byte> message, bool isV6, out IcmpView view)
    {
        view = default;
        if (message.Length < HeaderLength)
        {
            return false;
        }

        view = new IcmpView(message, isV6);
        return true;
    }
}
