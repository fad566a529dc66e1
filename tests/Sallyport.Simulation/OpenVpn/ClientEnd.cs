using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>A device: one attempt at a session, and numbered data packets once it is up.</summary>
internal sealed class ClientEnd(Scenario scenario, ControlWrapper wrapper, SeededEntropy entropy, Instant now) : IDisposable
{
    private uint _peerId;

    public ClientSession Session { get; } = new(scenario.Client, TestPki.Client, wrapper, entropy, now);

    public DataKeys Data { get; } = new(isServer: false);

    public bool IsUp { get; private set; }

    public int Renegotiations { get; private set; }

    public SessionEnded? Ended { get; private set; }

    public List<byte[]> Echoed { get; } = [];

    public List<ControlMessageKind> Messages { get; } = [];

    public Dictionary<DropReason, int> Drops { get; } = [];

    public void Handle(byte[] datagram, Instant now)
    {
        if (datagram.Length > 0 && new PacketHead(datagram[0]).IsData)
        {
            var reason = Data.Open(datagram, out var inner);
            Count(reason);
            if (reason == DropReason.None)
            {
                Echoed.Add(inner.ToArray());
            }

            return;
        }

        Count(Session.HandlePacket(datagram, now));
    }

    public void Drain(NoisyWire wire, Instant now)
    {
        while (Session.TryDequeueEvent(out var happened))
        {
            React(happened);
        }

        var datagram = new byte[2048];
        while (Session.TryDequeueTransmit(datagram, now, out var length))
        {
            length.ShouldBeLessThanOrEqualTo(OpenVpnLimits.MaxControlDatagram);
            wire.Send(End.Server, datagram.AsSpan(0, length), now);
        }
    }

    public void Dispose()
    {
        Session.Dispose();
        Data.Dispose();
    }

    private void React(SessionEvent happened)
    {
        switch (happened)
        {
            case Established established:
                IsUp = true;
                established.Options.ShouldNotBeNull();
                break;
            case KeysReady ready:
                _peerId = ready.IsFirst ? ServerEnd.PeerId : _peerId;
                Data.Add(ready, _peerId);
                break;
            case Renegotiated renegotiated:
                Renegotiations++;
                Data.Use(renegotiated.KeyId);
                break;
            case MessageReceived received:
                Messages.Add(received.Message.Kind);
                break;
            case SessionEnded ended:
                Ended = ended;
                break;
        }
    }

    private void Count(DropReason reason) => Drops[reason] = Drops.GetValueOrDefault(reason) + 1;
}
