using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Both roles, a door, and two queues of datagrams that wait to be delivered. Ends: 0 is the server, 1 the client.</summary>
internal sealed class SessionWorld : IDisposable
{
    /// <summary>Datagrams in one direction that are remembered to be replayed.</summary>
    private const int HistoryMax = 64;

    /// <summary>A world that sends more than this spins.</summary>
    private const int DatagramsMax = 4000;

    /// <summary>
    /// One packet may finish a TLS flight and bring a key method message: its buffers, certificates, peer info and a configuration in several parts.
    /// </summary>
    private const int AllocationMax = 256 * 1024;

    private static readonly OuterAddress ClientAddress = new(IpAddress.Parse("192.0.2.7"), 40_000);
    private static readonly IvProto[] Protos =
    [
        IvProto.None,
        IvProto.DataV2 | IvProto.RequestPush,
        IvProto.DataV2 | IvProto.RequestPush | IvProto.TlsKeyExport | IvProto.CcExitNotify,
        IvProto.DataV2 | IvProto.RequestPush | IvProto.TlsKeyExport | IvProto.CcExitNotify | IvProto.DynTlsCrypt,
    ];

    private readonly Probe _probe;
    private readonly Chance _entropy = new(15);
    private readonly Door _door;
    private readonly Directory _directory;
    private readonly ClientSession _client;
    private readonly List<byte[]>[] _waiting = [[], []];
    private readonly List<byte[]>[] _history = [[], []];
    private readonly int[] _renegotiations = new int[2];
    private readonly bool[] _ended = new bool[2];
    private ServerSession? _server;
    private SessionId _serverId;
    private SessionId _clientId;
    private Instant _now = Keys.Start;
    private int _datagrams;

    public SessionWorld(WrappingKind wrapping, int proto, Probe probe)
    {
        Wrapping = wrapping;
        _probe = probe;
        _door = new Door(_entropy, new DoorOptions { ServerKeys = [Keys.Server] });
        LegacyWrapping[] legacy = wrapping switch
        {
            WrappingKind.None => [LegacyWrapping.Plain(1)],
            WrappingKind.TlsAuth => [LegacyWrapping.TlsAuth(1, Keys.Static, KeyDirection.Inverse, HashKind.Sha256)],
            WrappingKind.TlsCrypt => [LegacyWrapping.TlsCrypt(1, Keys.Static)],
            WrappingKind.TlsCryptV2 => [],
        };
        _directory = new Directory(legacy);
        ControlWrapper wrapper = wrapping switch
        {
            WrappingKind.None => new PlainWrapper(),
            WrappingKind.TlsAuth => new TlsAuthWrapper(Keys.Static, KeyDirection.Inverse, HashKind.Sha256),
            WrappingKind.TlsCrypt => new TlsCryptWrapper(Keys.Static.Bytes, isServer: false),
            WrappingKind.TlsCryptV2 => TlsCryptWrapper.ForClient(Keys.Client),
        };
        var options = new ClientSessionOptions
        {
            Proto = Protos[proto],
            UsesTlsCryptV2 = wrapping == WrappingKind.TlsCryptV2,
            RenegotiateAfter = TimeSpan.Zero,
            StaticKey = wrapping switch
            {
                WrappingKind.None => null,
                WrappingKind.TlsCryptV2 => Keys.Client.Key256.ToArray(),
                WrappingKind.TlsAuth or WrappingKind.TlsCrypt => Keys.Static.Bytes.ToArray(),
            },
        };
        _client = new ClientSession(options, FuzzPki.Client, wrapper, _entropy, _now);
        Drain();
    }

    public WrappingKind Wrapping { get; }

    public void Deliver(int to)
    {
        if (_waiting[to].Count == 0)
        {
            return;
        }

        var datagram = _waiting[to][0];
        _waiting[to].RemoveAt(0);
        Arrive(to, datagram);
    }

    public void Lose(int to)
    {
        if (_waiting[to].Count > 0)
        {
            _waiting[to].RemoveAt(0);
        }
    }

    public void Double(int to)
    {
        if (_waiting[to].Count > 0)
        {
            _waiting[to].Add(_waiting[to][0]);
        }
    }

    public void Swap(int to)
    {
        if (_waiting[to].Count > 1)
        {
            _waiting[to].Reverse(0, 2);
        }
    }

    public void Change(int to, int at, byte with)
    {
        if (_waiting[to].Count > 0 && _waiting[to][0].Length > 0)
        {
            var changed = _waiting[to][0].ToArray();
            changed[at % changed.Length] ^= with;
            _waiting[to][0] = changed;
        }
    }

    public void Cut(int to, int length)
    {
        if (_waiting[to].Count > 0)
        {
            var whole = _waiting[to][0];
            _waiting[to][0] = whole[..Math.Min(length, whole.Length)];
        }
    }

    public void Replay(int to, int which)
    {
        if (_history[to].Count > 0)
        {
            Arrive(to, _history[to][which % _history[to].Count]);
        }
    }

    public void Inject(int to, Opcode opcode, int keyId, ReadOnlySpan<uint> acks, uint? messageId, ReadOnlySpan<byte> payload)
    {
        var packet = new byte[OpenVpnLimits.MaxControlPacket];
        var (from, acked) = to == 0 ? (_clientId, _serverId) : (_serverId, _clientId);
        var length = ControlPacket.Write(packet, opcode, keyId, from, acks, acked, messageId, payload);
        Arrive(to, packet[..length]);
    }

    public void Renegotiate(int end)
    {
        (end == 0 ? _server : (Session)_client)?.Renegotiate(_now);
        Drain();
    }

    public void Wait(TimeSpan time)
    {
        _now += time;
        HandleTimeouts();
    }

    public void WaitForDeadline()
    {
        var next = NextDeadline;
        if (next != Instant.Never)
        {
            _now = next > _now ? next : _now;
            HandleTimeouts();
        }
    }

    /// <summary>A good wire for this long.</summary>
    public void Settle(TimeSpan time)
    {
        var end = _now + time;
        while (true)
        {
            if (_waiting[0].Count + _waiting[1].Count > 0)
            {
                Deliver(0);
                Deliver(1);
                continue;
            }

            if (NextDeadline > end)
            {
                _now = end;
                return;
            }

            WaitForDeadline();
        }
    }

    /// <summary>Everything under way has ended, one way or the other; what is alive still works.</summary>
    public void CheckThatAllEndsWell(TimeSpan time)
    {
        _probe.Reach((_ended[1] ? 1 : 0) | (_ended[0] ? 2 : 0) | (_server is null ? 4 : 0));
        _probe.That(_ended[1] || _client.IsActive, "a client's attempt ends in a session or is given up");
        _probe.That(_server is null || _ended[0] || _server.IsActive, "a server's attempt ends in a session or is given up");
        if (_server is null || _ended[0] || _ended[1])
        {
            return;
        }

        for (var end = 0; end < 2; end++)
        {
            var before = (_renegotiations[0], _renegotiations[1]);
            Renegotiate(end);
            Settle(time);
            _probe.That(
                _renegotiations[0] > before.Item1 && _renegotiations[1] > before.Item2, "two live sessions on a good wire can renegotiate");
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _server?.Dispose();
        _door.Dispose();
    }

    private Instant NextDeadline
    {
        get
        {
            var next = _client.IsFinished ? Instant.Never : _client.NextDeadline;
            return _server is null || _server.IsFinished ? next : Instant.Min(next, _server.NextDeadline);
        }
    }

    private void HandleTimeouts()
    {
        if (!_client.IsFinished)
        {
            _client.HandleTimeout(_now);
        }

        if (_server is { IsFinished: false })
        {
            _server.HandleTimeout(_now);
        }

        Drain();
    }

    private void Arrive(int to, byte[] datagram)
    {
        var meter = Probe.StartMeter();
        var reason = to == 1 ? _client.HandlePacket(datagram, _now) : ArriveAtServer(datagram);
        _probe.AllocatedAtMost(meter, AllocationMax, "handling a control packet");
        _probe.Reach(((long)to << 8) | (long)reason);
        Drain();
    }

    private DropReason ArriveAtServer(byte[] datagram)
    {
        if (_server is not null && ControlPacket.TryPeek(datagram, out _, out var sender) && sender == _clientId)
        {
            return _server.HandlePacket(datagram, _now);
        }

        var reply = new byte[datagram.Length];
        var verdict = _door.Handle(datagram, ClientAddress, isStream: false, _directory, _now, reply, out var length, out var admission);
        if (verdict.Action == DoorAction.Reply)
        {
            Send(to: 1, reply.AsSpan(0, length));
        }
        else if (admission is not null)
        {
            _server?.Dispose();
            _clientId = admission.Remote;
            _serverId = admission.Local;
            _ended[0] = false;
            _server = new ServerSession(new ServerSessionOptions { RenegotiateAfter = TimeSpan.Zero }, FuzzPki.Server, admission, _entropy, _now);
        }

        return verdict.Reason;
    }

    private void Drain()
    {
        Drain(_client, 1);
        if (_server is not null)
        {
            Drain(_server, 0);
        }
    }

    private void Drain(Session session, int end)
    {
        while (session.TryDequeueEvent(out var happened))
        {
            React(happened, end);
        }

        Span<byte> datagram = stackalloc byte[2048];
        while (session.TryDequeueTransmit(datagram, _now, out var length))
        {
            _probe.That(length <= OpenVpnLimits.MaxControlDatagram - OpenVpnLimits.IpUdpHeaders, "a control packet fits its datagram");
            Send(1 - end, datagram[..length]);
        }
    }

    private void React(SessionEvent happened, int end)
    {
        switch (happened)
        {
            case AuthenticationRequired required:
                _probe.That(end == 0 && required.Request.Certificate is not null, "the server asks, and about a certificate that TLS verified");
                required.Request.Dispose();
                _server!.Accept(Grants.Device, _now);
                break;
            case KeysReady ready:
                _probe.Reach(((long)ready.KeyId << 8) | (long)ready.Format.Cipher);
                ready.Keys.Dispose();
                break;
            case Established:
                _probe.Reach(end);
                break;
            case Renegotiated:
                _renegotiations[end]++;
                _probe.Reach(end);
                break;
            case MessageReceived received:
                _probe.Reach((long)received.Message.Kind);
                break;
            case SessionEnded ended:
                _probe.That(!_ended[end], "a session ends once");
                _probe.Reach(((long)end << 8) | (long)ended.Reason);
                _ended[end] = true;
                break;
        }
    }

    private void Send(int to, ReadOnlySpan<byte> datagram)
    {
        _probe.That(++_datagrams <= DatagramsMax, "the ends fall silent sooner or later");
        var copy = datagram.ToArray();
        _waiting[to].Add(copy);
        if (_history[to].Count < HistoryMax)
        {
            _history[to].Add(copy);
        }
    }

    private sealed class Directory(LegacyWrapping[] wrappings) : ICredentialDirectory
    {
        public IReadOnlyList<LegacyWrapping> LegacyWrappings => wrappings;

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16) => wrappedKeyId16.SequenceEqual(Keys.WrappedKeyId);
    }
}
