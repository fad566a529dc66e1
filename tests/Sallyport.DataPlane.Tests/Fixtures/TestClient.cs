using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>Our client role on a real loopback socket, driven by the test: nothing happens but while it pumps.</summary>
internal sealed class TestClient : IDisposable
{
    private readonly Clock _clock = new(TimeProvider.System);
    private readonly byte[] _buffer = new byte[4096];
    private readonly DataKey[] _keys = new DataKey[8];
    private readonly Queue<byte[]> _inner = new();
    private readonly TlsContext _tls;
    private Socket _socket;
    private int _sealing = -1;
    private KeysReady? _first;
    private readonly List<byte> _stream = [];

    public TestClient(TestFleet fleet, TestMember member, IPEndPoint gateway, bool isStream = false, ClientSessionOptions? options = null, ControlWrapper? wrapper = null)
    {
        IsStream = isStream;
        Gateway = gateway;
        _socket = Connect();
        _tls = TlsContext.CreateClient(new TlsClientOptions
        {
            ChainDer = [member.Certificate.CertificateDer],
            PrivateKeyPkcs8 = member.Certificate.PrivateKeyPkcs8,
            AnchorsDer = [fleet.Pki.RootDer],
        });
        options = (options ?? new ClientSessionOptions()) with
        {
            IsStream = isStream,
            UsesTlsCryptV2 = wrapper is null,
            StaticKey = wrapper is null ? member.Key.Key256.ToArray() : options?.StaticKey,
        };
        Session = new ClientSession(
            options, _tls, wrapper ?? TlsCryptWrapper.ForClient(member.Key), new TestEntropy((ulong)Environment.TickCount64), _clock.Now);
    }

    public bool IsStream { get; }

    public IPEndPoint Gateway { get; }

    public ClientSession Session { get; }

    public uint PeerId => Options?.PeerId ?? 0;

    public PushOptions? Options { get; private set; }

    public SessionEnded? Ended { get; private set; }

    public List<ControlMessage> Messages { get; } = [];

    public int Renegotiated { get; private set; }

    public int Pings { get; private set; }

    public bool ConnectionClosed { get; private set; }

    public EndPoint LocalEndPoint => _socket.LocalEndPoint!;

    public ref DataKey Sealing => ref _keys[_sealing];

    public TestClient Establish()
    {
        PumpUntil(() => Options is not null || Ended is not null, "established");
        Ended.ShouldBeNull();
        return this;
    }

    public void PumpUntil(Func<bool> done, string what = "that", int seconds = 10)
    {
        PumpWhile(() => !done(), seconds).ShouldBeTrue($"{what} did not happen in {seconds} s; {Ended}");
    }

    /// <summary>Pumps for a while, whatever happens.</summary>
    public void PumpFor(TimeSpan time)
    {
        var end = _clock.Now + time;
        PumpWhile(() => _clock.Now < end, 60);
    }

    public void SendInner(ReadOnlySpan<byte> packet)
    {
        SendOuter(Seal(packet));
    }

    public byte[] Seal(ReadOnlySpan<byte> packet)
    {
        var buffer = new byte[packet.Length + DataLimits.HeadroomMax + DataLimits.TailroomMax];
        packet.CopyTo(buffer.AsSpan(DataLimits.HeadroomMax));
        Sealing.Seal(buffer, DataLimits.HeadroomMax, packet.Length, out var start, out var length).ShouldBeTrue();
        return buffer[start..(start + length)];
    }

    public void SendOuter(ReadOnlySpan<byte> packet)
    {
        if (IsStream)
        {
            var framed = new byte[packet.Length + 2];
            StreamFramer.WriteLength(framed, packet.Length);
            packet.CopyTo(framed.AsSpan(2));
            _socket.Send(framed);
            return;
        }

        _socket.Send(packet);
    }

    /// <summary>The next inner packet that is no ping; null where none comes.</summary>
    public byte[]? ReceiveInner(double seconds = 2)
    {
        PumpWhile(() => _inner.Count == 0, seconds);
        return _inner.TryDequeue(out var packet) ? packet : null;
    }

    /// <summary>As a roaming client: another source port.</summary>
    public void Roam()
    {
        _socket.Dispose();
        _socket = Connect();
    }

    public void Dispose()
    {
        Session.Dispose();
        _socket.Dispose();
        _tls.Dispose();
        for (var i = 0; i < _keys.Length; i++)
        {
            _keys[i].Free();
        }
    }

    private Socket Connect()
    {
        var socket = new Socket(
            Gateway.AddressFamily, IsStream ? SocketType.Stream : SocketType.Dgram, IsStream ? ProtocolType.Tcp : ProtocolType.Udp);
        socket.Connect(Gateway);
        return socket;
    }

    private bool PumpWhile(Func<bool> waiting, double seconds)
    {
        var end = _clock.Now + TimeSpan.FromSeconds(seconds);
        while (true)
        {
            Drain();
            if (!waiting())
            {
                return true;
            }

            var now = _clock.Now;
            if (now >= end)
            {
                return false;
            }

            if (!ConnectionClosed && _socket.Poll(TimeSpan.FromMilliseconds(10), SelectMode.SelectRead))
            {
                Receive();
            }

            if (Session.NextDeadline <= _clock.Now)
            {
                Session.HandleTimeout(_clock.Now);
            }
        }
    }

    private void Receive()
    {
        int count;
        try
        {
            count = _socket.Receive(_buffer);
        }
        catch (SocketException)
        {
            ConnectionClosed = IsStream;
            return;
        }

        if (!IsStream)
        {
            Handle(_buffer.AsSpan(0, count));
            return;
        }

        ConnectionClosed = count == 0;
        _stream.AddRange(_buffer.AsSpan(0, count));
        while (_stream.Count >= 2 && _stream.Count >= 2 + ((_stream[0] << 8) | _stream[1]))
        {
            var length = (_stream[0] << 8) | _stream[1];
            var packet = _stream.GetRange(2, length).ToArray();
            _stream.RemoveRange(0, 2 + length);
            Handle(packet);
        }
    }

    private void Handle(Span<byte> packet)
    {
        var head = new PacketHead(packet[0]);
        if (!head.IsData)
        {
            Session.HandlePacket(packet, _clock.Now);
            return;
        }

        if (_keys[head.KeyId].Open(packet, out var start, out var length) == DropReason.None)
        {
            var inner = packet.Slice(start, length);
            if (Ping.Is(inner))
            {
                Pings++;
            }
            else
            {
                _inner.Enqueue(inner.ToArray());
            }
        }
    }

    private void Drain()
    {
        while (Session.TryDequeueTransmit(_buffer, _clock.Now, out var length))
        {
            SendOuter(_buffer.AsSpan(0, length));
        }

        while (Session.TryDequeueEvent(out var happened))
        {
            switch (happened)
            {
                case KeysReady keys when Options is null:
                    _first = keys;
                    break;
                case KeysReady keys:
                    Use(keys);
                    break;
                case Established established:
                    Options = established.Options;
                    Use(_first!);
                    break;
                case Core.OpenVpn.Session.Renegotiated:
                    Renegotiated++;
                    break;
                case MessageReceived message:
                    Messages.Add(message.Message);
                    break;
                case SessionEnded ended:
                    Ended = ended;
                    break;
            }
        }
    }

    private void Use(KeysReady keys)
    {
        _keys[keys.KeyId].Free();
        _keys[keys.KeyId] = DataKey.Create(keys.Keys, keys.Format, isServer: false, keys.KeyId, PeerId);
        keys.Keys.Dispose();
        _sealing = keys.KeyId;
    }
}
