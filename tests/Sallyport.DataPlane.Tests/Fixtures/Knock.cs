using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>Somebody with a device's tls-crypt-v2 key, at an address of its own: comes through the door and then says nothing.</summary>
internal sealed class Knock : IDisposable
{
    private readonly Socket _socket;
    private readonly TlsCryptWrapper _wrapper;
    private readonly SessionId _local;
    private readonly Instant _now = new Clock(TimeProvider.System).Now;

    public Knock(TestMember member, IPEndPoint gateway, ulong seed)
    {
        _socket = new Socket(gateway.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 2000 };
        _socket.Connect(gateway);
        _wrapper = TlsCryptWrapper.ForClient(member.Key);
        _local = SessionId.Generate(new TestEntropy(seed));
    }

    /// <summary>Reset, answer, and the packet that brings the cookie back: the gateway has made a session now.</summary>
    public void ComeIn()
    {
        Send(Opcode.HardResetClientV3, [], default, 0, []);
        Span<byte> clear = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        var reply = new byte[OpenVpnLimits.MaxControlPacket];
        _wrapper.TryUnwrap(reply.AsSpan(0, _socket.Receive(reply)), clear, out var length).ShouldBe(DropReason.None);
        ControlPacket.TryParse(clear[..length], out var packet).ShouldBeTrue();
        Send(Opcode.ControlWkcV1, [0], packet.Sender, 1, []);
    }

    /// <summary>The bytes of a reset, as somebody on the way captures them.</summary>
    public byte[] Reset() => Wrap(Opcode.HardResetClientV3, [], default, 0, []);

    public void Dispose()
    {
        _socket.Dispose();
        _wrapper.Dispose();
    }

    private void Send(Opcode opcode, uint[] acks, SessionId remote, uint messageId, byte[] payload) =>
        _socket.Send(Wrap(opcode, acks, remote, messageId, payload));

    private byte[] Wrap(Opcode opcode, uint[] acks, SessionId remote, uint messageId, byte[] payload)
    {
        Span<byte> clear = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        Span<byte> wrapped = stackalloc byte[2 * OpenVpnLimits.MaxControlPacket];
        var length = ControlPacket.Write(clear, opcode, 0, _local, acks, remote, messageId, payload);
        return wrapped[.._wrapper.Wrap(clear[..length], wrapped, _now)].ToArray();
    }
}
