using System.Net;
using System.Net.Sockets;
using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

public sealed class IkeCrowdTests
{
    private const string Suite = "aes256gcm16-prfsha256-x25519";
    private const int CookieAt = IkeLimits.HeaderLength + 8;

    [Fact]
    public void Handshakes_of_IKE_that_make_room_are_counted_with_the_reason()
    {
        using var fleet = new TestFleet();
        fleet.Settings = fleet.Settings with { Ike = ["127.0.0.1:0"], IkeThreads = 1 };
        fleet.Network = fleet.Network with { Ipsec = new IpsecModel { Ike = [Suite], Esp = ["aes256gcm16"], Authentication = ["psk"] } };
        using var gateway = new RunningGateway(fleet);
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
        peer.Connect(IPEndPoint.Parse(gateway.Listening.First(text => text.StartsWith("ike 127.0.0.1:", StringComparison.Ordinal)).Split(' ')[1]));
        for (var i = 0; i < new IkeEndpointLimits().PerPortMax + 3; i++)
        {
            Knock(peer, (ulong)i + 1);
        }

        gateway.Control.WaitFor<DropReport>(report => report.Drops.GetValueOrDefault("MadeRoom") == 3, "each beyond the bound of the port took another's place");
    }

    /// <summary>A first message that is let in, if need be with the cookie that it is asked for.</summary>
    private static void Knock(Socket peer, ulong spi)
    {
        using var exchange = KeyExchange.Start(KeyExchangeMethod.X25519);
        var answer = Ask(peer, First(spi, exchange.Public, []));
        if (answer.Header.ResponderSpi == 0)
        {
            answer = Ask(peer, First(spi, exchange.Public, answer.Message.AsSpan(CookieAt)));
        }

        answer.Header.ResponderSpi.ShouldNotBe(0u);
    }

    private static (IkeHeader Header, byte[] Message) Ask(Socket peer, byte[] message)
    {
        peer.Send(message);
        var room = new byte[DataPlaneLimits.IkeMessageMax];
        var answer = room[..peer.Receive(room)];
        IkeHeader.TryRead(answer, out var header).ShouldBeTrue();
        return (header, answer);
    }

    private static byte[] First(ulong spi, byte[] value, ReadOnlySpan<byte> cookie)
    {
        var room = new byte[1_000];
        var writer = new PayloadWriter(room.AsSpan(IkeLimits.HeaderLength));
        if (!cookie.IsEmpty)
        {
            writer.Notify(NotifyType.Cookie, cookie);
        }

        ProposalText.TryParseIke(Suite, out var proposal, out _).ShouldBeTrue();
        writer.Sa([proposal!]);
        writer.Ke(KeyExchangeMethod.X25519, value);
        writer.Nonce(new byte[32]);
        var length = IkeLimits.HeaderLength + writer.Length;
        new IkeHeader
        {
            InitiatorSpi = spi, ResponderSpi = 0, NextPayload = writer.First, Exchange = ExchangeType.IkeSaInit, Flags = IkeFlags.Initiator, MessageId = 0, Length = length,
        }.Write(room);
        return room[..length];
    }
}
