using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

/// <summary>Peers that answer so that we ask again.</summary>
public class IkeLoopTests
{
    /// <summary>A peer names one method, then the other, then the first: each costs a key exchange here.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_wants_another_method_each_time_is_asked_few_times(bool ofIke)
    {
        using var world = new IkeWorld(21);
        world.UseEsp("aes256gcm16-x25519-ecp256-noesn");
        world.Up();
        var asked = 0;
        world.Passes = (to, datagram) =>
        {
            if (to != End.Client || !IkeHeader.TryRead(datagram, out var header) || header is not { Exchange: ExchangeType.CreateChildSa, IsResponse: false })
            {
                return true;
            }

            // The device is not asked: its keys answer for it.
            asked++;
            var wanted = asked % 2 == 1 ? KeyExchangeMethod.Ecp256 : KeyExchangeMethod.X25519;
            var answer = IkeForge.Sealed(
                world.Device.Session!.Current, header.Exchange, header.MessageId,
                (ref PayloadWriter to) => to.Notify(NotifyType.InvalidKePayload, [0, (byte)wanted]), isResponse: true);
            world.Wire.Send(End.Server, [0, .. answer], world.Now);
            return false;
        };
        var child = world.Gateway.Live.Keys.Single();
        world.Tell(world.Gateway, session =>
        {
            if (ofIke)
            {
                session.RekeyIke(world.Now);
            }
            else
            {
                session.RekeyChild(child, world.Now);
            }
        });
        world.RunUntil(() => asked > 1000, TimeSpan.FromSeconds(1));
        asked.ShouldBeLessThan(5);
    }

    /// <summary>Somebody on the way has seen one request, and repeats it under the addresses of others: each would be sent the answer.</summary>
    [Fact]
    public void A_request_that_is_repeated_under_any_source_is_answered_few_times()
    {
        using var world = new IkeWorld(22);
        byte[] seen = [];
        world.Passes = (to, datagram) =>
        {
            seen = to == End.Server && IkeHeader.TryRead(datagram, out var header) && header.Exchange == ExchangeType.IkeAuth ? datagram : seen;
            return true;
        };
        world.Up();
        var answers = 0;
        world.Passes = (to, _) =>
        {
            answers += to == End.Client ? 1 : 0;
            return false;
        };
        for (uint i = 0; i < 1000; i++)
        {
            world.Inject(End.Server, seen, new OuterAddress(IpAddress.FromV4(0xC6336400 + i), 500));
        }

        answers.ShouldBeInRange(1, 20);
    }
}
