using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>What the owner of a session answers.</summary>
internal enum Decision : byte
{
    Yes,
    No,
    Later,
}

/// <summary>A gateway for one peer: the door, then a session, then data that is echoed.</summary>
internal sealed class ServerEnd : IDisposable
{
    public const uint PeerId = 5;

    private static readonly OuterAddress PeerAddress = new(IpAddress.Parse("192.0.2.7"), 40_000);

    private readonly Scenario _scenario;
    private readonly Door _door;
    private readonly Directory _directory;
    private readonly SeededEntropy _entropy;

    public ServerEnd(Scenario scenario, TlsCryptV2ServerKey serverKey, LegacyWrapping? legacy, SeededEntropy entropy)
    {
        _scenario = scenario;
        _entropy = entropy;
        _door = new Door(entropy, new DoorOptions { ServerKeys = [serverKey] });
        _directory = new Directory(legacy);
    }

    public ServerSession? Session { get; private set; }

    public DataKeys Data { get; } = new(isServer: true);

    public int Admissions { get; private set; }

    public int Renegotiations { get; private set; }

    /// <summary>How the owner answers who asks to come in.</summary>
    public Decision Decide { get; set; }

    public IReadOnlyList<DataCipher>? Ciphers { get; set; }

    /// <summary>How often the owner was asked.</summary>
    public int Asked { get; private set; }

    public bool IsUp { get; private set; }

    public SessionEnded? Ended { get; private set; }

    public List<byte[]> Received { get; } = [];

    public Dictionary<DropReason, int> Drops { get; } = [];

    public Instant NextDeadline => Session?.NextDeadline ?? Instant.Never;

    public void Handle(byte[] datagram, NoisyWire wire, Instant now)
    {
        if (datagram.Length > 0 && new PacketHead(datagram[0]).IsData)
        {
            HandleData(datagram, wire, now);
            return;
        }

        if (Session is not null && ControlPacket.TryPeek(datagram, out _, out var sender) && sender == _remote)
        {
            Count(Session.HandlePacket(datagram, now));
            return;
        }

        var reply = new byte[datagram.Length];
        var verdict = _door.Handle(datagram, PeerAddress, isStream: false, _directory, now, reply, out var length, out var admission);
        Count(verdict.Reason);
        if (verdict.Action == DoorAction.Reply)
        {
            length.ShouldBeLessThanOrEqualTo(datagram.Length);
            wire.Send(End.Client, reply.AsSpan(0, length), now);
        }
        else if (admission is not null)
        {
            Admissions++;
            Session?.Dispose();
            _remote = admission.Remote;
            Session = new ServerSession(_scenario.Server, TestPki.Server, admission, _entropy, now);
        }
    }

    public void HandleTimeout(Instant now) => Session?.HandleTimeout(now);

    public void Drain(NoisyWire wire, Instant now)
    {
        if (Session is null)
        {
            return;
        }

        while (Session.TryDequeueEvent(out var happened))
        {
            React(happened, now);
        }

        var datagram = new byte[2048];
        while (Session.TryDequeueTransmit(datagram, now, out var length))
        {
            wire.Send(End.Client, datagram.AsSpan(0, length), now);
        }
    }

    public void Dispose()
    {
        Session?.Dispose();
        _door.Dispose();
        Data.Dispose();
    }

    private SessionId _remote;

    private void React(SessionEvent happened, Instant now)
    {
        switch (happened)
        {
            case AuthenticationRequired required:
                required.Request.Certificate.ShouldNotBeNull();
                required.Request.Dispose();
                Asked++;
                Answer(now);
                break;
            case KeysReady ready:
                Data.Add(ready, PeerId);
                break;
            case Established:
                IsUp = true;
                break;
            case Renegotiated renegotiated:
                Renegotiations++;
                Data.Use(renegotiated.KeyId);
                break;
            case SessionEnded ended:
                Ended = ended;
                break;
        }
    }

    private void Answer(Instant now)
    {
        switch (Decide)
        {
            case Decision.Yes:
                Session!.Accept(_scenario.Grant with { Ciphers = Ciphers ?? _scenario.Grant.Ciphers }, now);
                break;
            case Decision.No:
                Session!.Reject(ControlMessage.AuthFailed("not today"), "refused by the test", now);
                break;
            case Decision.Later:
                break;
        }
    }

    private void HandleData(byte[] datagram, NoisyWire wire, Instant now)
    {
        var reason = Data.Open(datagram, out var inner);
        Count(reason);
        if (reason == DropReason.None)
        {
            Received.Add(inner.ToArray());
            wire.Send(End.Client, Data.Seal(inner), now);
        }
    }

    private void Count(DropReason reason) => Drops[reason] = Drops.GetValueOrDefault(reason) + 1;

    private sealed class Directory(LegacyWrapping? legacy) : ICredentialDirectory
    {
        public IReadOnlyList<LegacyWrapping> LegacyWrappings { get; } = legacy is null ? [] : [legacy];

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId) => wrappedKeyId.SequenceEqual(Scenario.WrappedKeyId);
    }
}
