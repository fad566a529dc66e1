using System.Buffers.Binary;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

/// <summary>Peers that have the keys, and say with them what no honest end would.</summary>
public class IkeMutationTests
{
    private static readonly NotifyType[] Notifies = Enum.GetValues<NotifyType>();
    private static readonly PayloadType[] Payloads = Enum.GetValues<PayloadType>();

    /// <summary>Whatever comes, at any time and from either end: no exception, and no number that is kept when nobody is left.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Genuine_messages_that_say_anything_break_nothing_and_leave_nothing_behind(ulong kind)
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            try
            {
                Run(kind, seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}", e);
            }
        }
    }

    private static void Run(ulong kind, ulong seed)
    {
        var chance = new SeededEntropy((seed * 31) + kind);
        using var world = World(kind, seed, chance);
        var rate = chance.Chance(0.3) ? 0.3 : chance.Chance(0.5) ? 0.1 : 0.02;
        world.Passes = (to, datagram) =>
        {
            if (!chance.Chance(rate) || Mutated(world, to, datagram, chance) is not { } other)
            {
                return true;
            }

            world.Wire.Send(to, [0, .. other], world.Now);
            return chance.Chance(0.1);
        };
        world.Begin();
        world.RunUntil(() => world.AreUp || (world.Gateway.Endpoint.Sessions == 0), TimeSpan.FromSeconds(30));
        for (var i = 0; i < 40; i++)
        {
            var end = chance.Chance(0.5) ? world.Device : world.Gateway;
            if (end.Session is not null)
            {
                world.Tell(end, session => Command(session, world, chance));
            }

            world.Run(TimeSpan.FromSeconds(chance.Below(5)));
        }

        world.Run(TimeSpan.FromSeconds(600));
        foreach (var end in new[] { world.Device, world.Gateway }.Where(end => end.Endpoint.Sessions == 0))
        {
            (end.Allotted.Count, end.Live.Count, end.IkeSpis.Count).ShouldBe((0, 0, 0), IkeHandshakeTests.Story(world));
        }
    }

    private static IkeWorld World(ulong kind, ulong seed, SeededEntropy chance)
    {
        var world = kind switch
        {
            1 => IkeEapTests.World(seed, IkeProof.EapMschapV2, Fate.Clean),
            2 => IkeEapTests.World(seed, IkeProof.EapTls, Fate.Clean),
            _ => new IkeWorld(seed),
        };
        if (kind == 3)
        {
            world.UseIke("aes256gcm16-prfsha256-ecp256-ke1_x25519");
            world.UseEsp("aes256gcm16-ecp256-ke1_x25519-ke2_ecp384-noesn");
        }

        if (kind == 4)
        {
            world.UseCertificates(IkePki.Device(), IkePki.Gateway());
        }

        if (kind == 5)
        {
            world.Target = world.Target with { PpkId = [.. "ppk-1"u8], Ppk = new byte[32], WantsTicket = true, WantsTransport = chance.Chance(0.5) };
            world.Gateway.Ppks["ppk-1"] = new byte[32];
            world.Gateway.Grant = world.Gateway.Grant with { MayTransport = true };
        }

        (world.DeviceOptions, world.GatewayOptions) = (world.DeviceOptions with { Fragmentation = false }, world.GatewayOptions with { Fragmentation = false });
        world.UseLifetimes(new IkeLifetimes { IkeRekey = TimeSpan.FromSeconds(70), ChildRekey = TimeSpan.FromSeconds(40) });
        return world;
    }

    private static void Command(IkeSession session, IkeWorld world, SeededEntropy chance)
    {
        var children = session.Children.All;
        switch (chance.Below(7))
        {
            case 0:
                session.RekeyIke(world.Now);
                break;
            case 1 when children.Count > 0:
                session.RekeyChild(children[chance.Below(children.Count)].InboundSpi, world.Now);
                break;
            case 2:
                session.AddChild(IkeEnd.Selectors("10.20.0.2/32"), IkeEnd.Selectors("10.20.0.0/16"), world.Now);
                break;
            case 3 when children.Count > 1:
                session.DeleteChild(children[chance.Below(children.Count)].InboundSpi, world.Now);
                break;
            case 4:
                session.Move(new IkePath(new OuterAddress(IpAddress.Parse("203.0.113.10"), 500), session.Path.Peer, false), world.Now);
                break;
            case 5:
                session.Redirect("other.example.com", world.Now);
                break;
            default:
                session.Probe(world.Now);
                break;
        }
    }

    /// <summary>The same message, sealed anew, with other payloads; null where it is none that can be read.</summary>
    private static byte[]? Mutated(IkeWorld world, End to, byte[] datagram, SeededEntropy chance)
    {
        var sender = to == End.Server ? world.Device : world.Gateway;
        if (!IkeHeader.TryRead(datagram, out var header) || (sender.Endpoint?.Find(1) ?? sender.Session) is not { IsFinished: false } session)
        {
            return null;
        }

        if (header.Exchange is ExchangeType.IkeSaInit or ExchangeType.IkeSessionResume)
        {
            var begins = header.NextPayload;
            var clear = Mutate(ref begins, datagram.AsSpan(IkeLimits.HeaderLength), chance);
            var whole = new byte[IkeLimits.HeaderLength + clear.Length];
            (header with { NextPayload = begins, Length = whole.Length }).Write(whole);
            clear.CopyTo(whole, IkeLimits.HeaderLength);
            return whole;
        }

        var sa = session.Current;
        byte[] copy = [.. datagram];
        if (sa.Keys is null || (sa.InitiatorSpi, sa.ResponderSpi) != (header.InitiatorSpi, header.ResponderSpi)
            || !MessageCipher.TryOpen(sa.Keys, copy, header, sa.IsInitiator, out var opened))
        {
            return null;
        }

        var first = opened.First;
        var bytes = Mutate(ref first, copy.AsSpan(opened.Start, opened.Length), chance);
        return IkeForge.Sealed(sa, chance.Chance(0.02) ? (ExchangeType)(34 + chance.Below(12)) : header.Exchange, header.MessageId, first, bytes, header.IsResponse);
    }

    private static byte[] Mutate(ref PayloadType first, ReadOnlySpan<byte> payloads, SeededEntropy chance)
    {
        var all = new List<(PayloadType Type, byte[] Body)>();
        var chain = new PayloadChain(first, payloads);
        while (chain.MoveNext())
        {
            all.Add((chain.Type, chain.Body.ToArray()));
        }

        for (var times = 1 + chance.Below(3); times > 0; times--)
        {
            Change(all, chance);
        }

        first = all.Count > 0 ? all[0].Type : PayloadType.None;
        var result = new List<byte>();
        for (var i = 0; i < all.Count; i++)
        {
            var next = i + 1 < all.Count ? all[i + 1].Type : PayloadType.None;
            var length = all[i].Body.Length + 4;
            result.AddRange([(byte)next, 0, (byte)(length >> 8), (byte)length, .. all[i].Body]);
        }

        return [.. result];
    }

    private static void Change(List<(PayloadType Type, byte[] Body)> all, SeededEntropy chance)
    {
        var at = all.Count > 0 ? chance.Below(all.Count) : 0;
        switch (chance.Below(8))
        {
            case 0 when all.Count > 0:
                all.RemoveAt(at);
                break;
            case 1 when all.Count > 0:
                all.Add(all[at]);
                break;
            case 2:
                all.Insert(at, (PayloadType.Notify, Notify(chance)));
                break;
            case 3:
                all.Insert(at, (Payloads[chance.Below(Payloads.Length)], Bytes(chance, chance.Below(60))));
                break;
            case 4 when all.Count > 0 && all[at].Body.Length > 0:
                all[at] = (all[at].Type, all[at].Body[..chance.Below(all[at].Body.Length)]);
                break;
            case 5 when all.Count > 0 && all[at].Type == PayloadType.Notify && all[at].Body.Length >= 4:
                BinaryPrimitives.WriteUInt16BigEndian(all[at].Body.AsSpan(2), (ushort)Notifies[chance.Below(Notifies.Length)]);
                break;
            case 6:
                // An error, alone.
                all.Clear();
                all.Add((PayloadType.Notify, Notify(chance)));
                break;
            default:
                foreach (var (_, body) in all.Where(one => one.Body.Length > 0).Skip(at).Take(1))
                {
                    for (var times = 1 + chance.Below(3); times > 0; times--)
                    {
                        body[chance.Below(body.Length)] = chance.Chance(0.3) ? (byte)0 : (byte)chance.Below(256);
                    }
                }

                break;
        }
    }

    private static byte[] Notify(SeededEntropy chance)
    {
        var type = (ushort)Notifies[chance.Below(Notifies.Length)];
        return [(byte)chance.Below(4), 0, (byte)(type >> 8), (byte)type, .. Bytes(chance, chance.Chance(0.3) ? 2 : chance.Below(24))];
    }

    private static byte[] Bytes(SeededEntropy chance, int length)
    {
        var bytes = new byte[length];
        chance.Fill(bytes);
        return bytes;
    }
}
