using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>
/// A client and a server joined by a noisy wire, and a clock that jumps to whatever is due next. The fate of every packet follows from the seed.
/// </summary>
internal sealed class World : IDisposable
{
    /// <summary>A world that makes more steps than this spins.</summary>
    private const int StepsMax = 200_000;

    private readonly TlsCryptV2ServerKey _serverKey;
    private int _steps;
    private uint _nextNumber;

    public World(ulong seed, Fate fate, Scenario scenario)
    {
        var entropy = new SeededEntropy(seed);
        Wire = new NoisyWire(new SeededEntropy(seed ^ 0x5eed), fate);
        Now = TestPki.Start;
        _serverKey = TlsCryptV2ServerKey.Generate(entropy);
        using var clientKey = _serverKey.IssueClient(entropy, Scenario.WrappedKeyId);
        var staticKey = StaticKey.Generate(entropy);
        var legacy = scenario.Wrapping switch
        {
            WrappingKind.TlsCryptV2 => null,
            WrappingKind.TlsCrypt => LegacyWrapping.TlsCrypt(1, staticKey),
            WrappingKind.TlsAuth => LegacyWrapping.TlsAuth(1, staticKey, scenario.Direction, scenario.Digest),
            WrappingKind.None => LegacyWrapping.Plain(1),
        };
        ControlWrapper wrapper = scenario.Wrapping switch
        {
            WrappingKind.TlsCryptV2 => TlsCryptWrapper.ForClient(clientKey),
            WrappingKind.TlsCrypt => new TlsCryptWrapper(staticKey.Bytes, isServer: false),
            WrappingKind.TlsAuth => new TlsAuthWrapper(staticKey, scenario.Direction, scenario.Digest),
            WrappingKind.None => new PlainWrapper(),
        };
        var mixedIn = scenario.Wrapping switch
        {
            WrappingKind.TlsCryptV2 => clientKey.Key256.ToArray(),
            WrappingKind.TlsCrypt or WrappingKind.TlsAuth => staticKey.Bytes.ToArray(),
            WrappingKind.None => null,
        };
        scenario = scenario with { StaticKey = mixedIn };
        Client = new ClientEnd(scenario, wrapper, entropy, Now);
        Server = new ServerEnd(scenario, _serverKey, legacy, entropy);
    }

    public Instant Now { get; private set; }

    public NoisyWire Wire { get; }

    public ClientEnd Client { get; }

    public ServerEnd Server { get; }

    public Decision Decide
    {
        init => Server.Decide = value;
    }

    public IReadOnlyList<DataCipher> ServerCiphers
    {
        init => Server.Ciphers = value;
    }

    /// <summary>The id that the client's next reliable message of key 0 would have.</summary>
    public uint NextClientMessage => Client.Session.Channel.Pending!.Sender.NextId;

    public TimeSpan Elapsed => Now - TestPki.Start;

    /// <summary>Runs until something holds or the time is over; says whether it holds.</summary>
    public bool RunUntil(Func<bool> holds, TimeSpan atMost)
    {
        var end = Now + atMost;
        Drain();
        while (!holds())
        {
            var next = Instant.Min(Wire.NextArrival, Instant.Min(Client.Session.NextDeadline, Server.NextDeadline));
            if (next > end)
            {
                Now = end;
                return holds();
            }

            (++_steps).ShouldBeLessThan(StepsMax, "the world spins without end");
            Now = next > Now ? next : Now;
            Step();
        }

        return true;
    }

    /// <summary>Sends what a client could send that holds the keys but does not keep to the protocol.</summary>
    public DropReason Forge(Opcode opcode, int keyId, uint messageId, ReadOnlySpan<byte> payload)
    {
        Span<byte> clear = stackalloc byte[1500];
        Span<byte> wrapped = stackalloc byte[1600];
        var channel = Client.Session.Channel;
        var length = ControlPacket.Write(clear, opcode, keyId, channel.Local, [], default, messageId, payload);
        length = channel.Wrap(keyId, clear[..length], wrapped, Now);
        var reason = Server.Session!.HandlePacket(wrapped[..length], Now);
        Drain();
        return reason;
    }

    public void RunFor(TimeSpan time) => RunUntil(() => false, time);

    /// <summary>The client sends a numbered packet, which the server echoes.</summary>
    public uint SendNumber(int length = 64)
    {
        var inner = new byte[length];
        BinaryPrimitives.WriteUInt32BigEndian(inner, ++_nextNumber);
        Wire.Send(End.Server, Client.Data.Seal(inner), Now);
        return _nextNumber;
    }

    public static List<uint> Numbers(IEnumerable<byte[]> packets) => [.. packets.Select(p => BinaryPrimitives.ReadUInt32BigEndian(p))];

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        _serverKey.Dispose();
    }

    private void Step()
    {
        while (Wire.TryReceive(Now, out var to, out var datagram))
        {
            if (to == End.Client)
            {
                Client.Handle(datagram, Now);
            }
            else
            {
                Server.Handle(datagram, Wire, Now);
            }

            Drain();
        }

        Client.Session.HandleTimeout(Now);
        Server.HandleTimeout(Now);
        Drain();
    }

    private void Drain()
    {
        Client.Drain(Wire, Now);
        Server.Drain(Wire, Now);
    }
}
