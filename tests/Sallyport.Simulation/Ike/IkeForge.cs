using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

internal delegate void WritePayloads(ref PayloadWriter to);

/// <summary>Makes messages that no honest end would make: in the clear, or sealed with the keys of an end that has some.</summary>
internal static class IkeForge
{
    private static readonly SeededEntropy Entropy = new(77);
    private static ulong _counter = 1ul << 40;

    public static readonly byte[] Nonce = [.. Enumerable.Repeat((byte)7, 32)];

    public static byte[] Clear(ulong initiator, ulong responder, ExchangeType exchange, uint id, IkeFlags flags, WritePayloads payloads)
    {
        var room = new byte[32_000];
        var writer = new PayloadWriter(room.AsSpan(IkeLimits.HeaderLength));
        payloads(ref writer);
        var length = IkeLimits.HeaderLength + writer.Length;
        new IkeHeader
        {
            InitiatorSpi = initiator, ResponderSpi = responder, NextPayload = writer.First, Exchange = exchange, Flags = flags, MessageId = id, Length = length,
        }.Write(room);
        return room[..length];
    }

    /// <summary>A first message, as any stranger can make it.</summary>
    public static byte[] First(ulong spi, string proposal = "aes256gcm16-prfsha256-x25519", KeyExchangeMethod method = KeyExchangeMethod.X25519, byte[]? value = null, WritePayloads? more = null) =>
        Clear(spi, 0, ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, (ref PayloadWriter to) =>
        {
            to.Sa(IkeEnd.Ike(proposal));
            to.Ke(method, value ?? Public(method));
            to.Nonce(Nonce);
            more?.Invoke(ref to);
        });

    /// <summary>From the end whose SA it is.</summary>
    public static byte[] Sealed(IkeSa sa, ExchangeType exchange, uint id, WritePayloads payloads, bool isResponse = false)
    {
        var room = new byte[32_000];
        var writer = new PayloadWriter(room);
        payloads(ref writer);
        return Sealed(sa, exchange, id, writer.First, writer.Written, isResponse);
    }

    public static byte[] Sealed(IkeSa sa, ExchangeType exchange, uint id, PayloadType first, ReadOnlySpan<byte> payloads, bool isResponse = false)
    {
        var datagram = new byte[payloads.Length + 200];
        return datagram[..MessageCipher.Seal(sa.Keys!, sa.Header(exchange, id, isResponse), first, payloads, _counter++, Entropy, datagram)];
    }

    public static byte[] Part(IkeSa sa, ExchangeType exchange, uint id, PayloadType first, ReadOnlySpan<byte> part, int number, int total)
    {
        var datagram = new byte[part.Length + 200];
        return datagram[..MessageCipher.SealFragment(sa.Keys!, sa.Header(exchange, id, false), first, part, number, total, _counter++, Entropy, datagram)];
    }

    private static byte[] Public(KeyExchangeMethod method)
    {
        using var exchange = KeyExchange.Start(method);
        return exchange.Public;
    }
}
