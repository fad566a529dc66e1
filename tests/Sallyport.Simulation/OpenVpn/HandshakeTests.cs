using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

public sealed class HandshakeTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(3);

    /// <summary>Ways to spoil a path, from a good radio link to a bad one.</summary>
    public static TheoryData<string, Fate> Fates => new()
    {
        { "clean", Fate.Clean },
        { "lossy", new Fate { Lose = 0.2 } },
        { "reordering", new Fate { DelayMinMs = 1, DelayMaxMs = 900 } },
        { "duplicating", new Fate { Duplicate = 0.5, DelayMaxMs = 200 } },
        { "corrupting", new Fate { Corrupt = 0.2 } },
        { "everything", new Fate { Lose = 0.15, Duplicate = 0.2, Corrupt = 0.1, DelayMinMs = 20, DelayMaxMs = 600 } },
    };

    [Theory]
    [MemberData(nameof(Fates))]
    public void Every_handshake_ends_on_every_path(string name, Fate fate)
    {
        var established = 0;
        const int Seeds = 60;
        for (var seed = 0ul; seed < Seeds; seed++)
        {
            using var world = new World(seed, fate, new Scenario());
            world.RunUntil(() => Ended(world) || BothUp(world), Long).ShouldBeTrue($"{name}, seed {seed}: neither up nor ended");
            established += BothUp(world) ? 1 : 0;
        }

        // The window is 60 s: on these paths nearly all get through, and on a clean one all.
        established.ShouldBeGreaterThanOrEqualTo(fate == Fate.Clean ? Seeds : Seeds * 8 / 10, name);
    }

    [Theory]
    [InlineData(WrappingKind.None, KeyDirection.Normal)]
    [InlineData(WrappingKind.TlsAuth, KeyDirection.Normal)]
    [InlineData(WrappingKind.TlsAuth, KeyDirection.Inverse)]
    [InlineData(WrappingKind.TlsAuth, KeyDirection.Bidirectional)]
    [InlineData(WrappingKind.TlsCrypt, KeyDirection.Normal)]
    [InlineData(WrappingKind.TlsCryptV2, KeyDirection.Normal)]
    public void Every_wrapping_comes_up_and_renegotiates_on_a_lossy_path(WrappingKind wrapping, KeyDirection direction)
    {
        var scenario = new Scenario { Wrapping = wrapping, Direction = direction };
        for (var seed = 0ul; seed < 10; seed++)
        {
            using var world = new World(seed, new Fate { Lose = 0.1, DelayMaxMs = 100 }, scenario);
            world.RunUntil(() => BothActive(world), Long).ShouldBeTrue($"seed {seed}");
            world.Server.Session!.Renegotiate(world.Now);
            world.RunUntil(() => world is { Client.Renegotiations: 1, Server.Renegotiations: 1 }, Long).ShouldBeTrue($"seed {seed}");
            world.Client.Session.Renegotiate(world.Now);
            world.RunUntil(() => world is { Client.Renegotiations: 2, Server.Renegotiations: 2 }, Long).ShouldBeTrue($"seed {seed}");
        }
    }

    [Theory]
    [InlineData(DataCipher.Aes256Gcm, HashKind.Sha256)]
    [InlineData(DataCipher.Aes128Gcm, HashKind.Sha256)]
    [InlineData(DataCipher.ChaCha20Poly1305, HashKind.Sha256)]
    [InlineData(DataCipher.Aes256Cbc, HashKind.Sha1)]
    [InlineData(DataCipher.Aes128Cbc, HashKind.Sha512)]
    public void Both_key_derivations_agree_at_both_ends(DataCipher cipher, HashKind digest)
    {
        foreach (var proto in (IvProto?[])[null, IvProto.DataV2, IvProto.None])
        {
            using var world = new World(1, Fate.Clean, new Scenario { Cipher = cipher, Digest = digest, Proto = proto });
            world.RunUntil(() => BothUp(world), Long).ShouldBeTrue();
            world.SendNumber();
            world.RunUntil(() => world.Client.Echoed.Count == 1, TimeSpan.FromSeconds(1)).ShouldBeTrue($"{cipher}, {proto}");
        }
    }

    [Fact]
    public void A_path_that_is_cut_for_good_ends_the_session_with_a_reason()
    {
        using var world = new World(3, new Fate { Lose = 1 }, new Scenario());
        world.RunUntil(() => world.Client.Ended is not null, TimeSpan.FromSeconds(61)).ShouldBeTrue();
        world.Client.Ended!.Reason.ShouldBe(SessionEnd.HandshakeTimeout);
        world.Server.Admissions.ShouldBe(0);
    }

    [Fact]
    public void A_path_that_cuts_at_1280_bytes_carries_the_handshake()
    {
        using var world = new World(4, new Fate { MtuMax = 1280 - 48 }, new Scenario());
        world.RunUntil(() => BothUp(world), Long).ShouldBeTrue();
    }

    [Fact]
    public void A_peer_that_leaves_is_gone_at_once()
    {
        using var world = new World(5, Fate.Clean, new Scenario());
        world.RunUntil(() => BothUp(world), Long).ShouldBeTrue();
        world.RunFor(TimeSpan.FromSeconds(1));
        world.Client.Session.Send(ControlMessage.Exit, world.Now);
        world.RunUntil(() => world.Server.Ended is not null, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        world.Server.Ended!.Reason.ShouldBe(SessionEnd.PeerExit);
        world.RunUntil(() => world.Server.Session!.IsFinished, TimeSpan.FromSeconds(6)).ShouldBeTrue();
    }

    internal static bool BothUp(World world) => world is { Client.IsUp: true, Server.IsUp: true };

    internal static bool BothActive(World world) => world is { Client.Session.IsActive: true, Server.Session.IsActive: true };

    private static bool Ended(World world) => world.Client.Ended is not null || world.Server.Ended is not null;
}
