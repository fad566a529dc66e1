using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>The far end of an IPsec tunnel, and what IKE would tell the shard about it.</summary>
internal sealed class EspPeer : IDisposable
{
    public static readonly EspSuite Gcm = new(EspCipher.Aes256Gcm, default, ExtendedSequence: false);

    private static long s_nextTunnel = 1_000_000;
    private static uint s_nextSpi = 0xc000_0000;

    private readonly PathFixture _fixture;
    private readonly Dictionary<uint, EspSa> _byTheirSpi = [];
    private uint _sealing;

    public EspPeer(PathFixture fixture, int identityId, OuterPath at, EspSuite? suite = null, IpsecOptions options = default, int uplink = 1, bool childless = false,
        TunnelProof? proof = null)
    {
        _fixture = fixture;
        At = at;
        Suite = suite ?? Gcm;
        fixture.PeerIds.TryAllot(out var slot).ShouldBeTrue();
        Slot = slot;
        TunnelId = Interlocked.Increment(ref s_nextTunnel);
        fixture.Path.Open(new NewTunnel
        {
            Kind = TunnelKind.Ipsec,
            Uplink = uplink,
            Slot = slot,
            TunnelId = TunnelId,
            IdentityId = identityId,
            Proof = proof ?? new TunnelProof { CertificateId = identityId * 10, Wrapping = WrappingKind.None, Tls = TlsVersion.Tls13 },
            GrantedBy = fixture.Model.Fleet,
            AddressV4 = default,
            AddressV6 = default,
            Handshaker = 0,
            Session = TunnelId,
            Path = at,
            Cipher = TunnelCipher.Aes256Gcm,
            PingAfter = TimeSpan.MaxValue,
            DeadAfter = TimeSpan.MaxValue,
            AliveWithin = TimeSpan.FromSeconds(60),
            Child = childless ? null : MakeChild(isUsed: true),
            Ipsec = options,
        }, fixture.Now);
    }

    public int Slot { get; }

    public long TunnelId { get; }

    /// <summary>Of the SAs that it makes from now on.</summary>
    public EspSuite Suite { get; set; }

    public OuterPath At { get; set; }

    /// <summary>The gateway's SPI of the SA that this peer seals with.</summary>
    public uint Spi => _byTheirSpi[_sealing].OutboundSpi;

    public ref Tunnel Tunnel => ref _fixture.Tunnels[Slot];

    public static TrafficSelector[] Everything => [TrafficSelector.Of(Prefix("0.0.0.0/0")), TrafficSelector.Of(Prefix("::/0"))];

    public static IpPrefix Prefix(string text)
    {
        IpPrefix.TryParse(text, out var prefix).ShouldBeTrue();
        return prefix;
    }

    /// <summary>One half for the gateway; the other is this peer's, which seals with it from now on.</summary>
    public NewChild MakeChild(bool isUsed, TrafficSelector[]? local = null, TrafficSelector[]? remote = null, EspLifetime lifetime = default, EspMode mode = EspMode.Tunnel, EspEnds ends = default)
    {
        _fixture.Spis.TryAllot(out var ours).ShouldBeTrue();
        var theirs = Interlocked.Increment(ref s_nextSpi);
        var (inbound, outbound) = (new byte[Suite.KeyLength], new byte[Suite.KeyLength]);
        var entropy = new TestEntropy(theirs);
        entropy.Fill(inbound);
        entropy.Fill(outbound);
        _byTheirSpi[theirs] = EspSa.Create(Suite, mode, theirs, ours, outbound, inbound, default, new EspEnds(ends.Remote, ends.Local, ends.IsTranslated));
        _sealing = theirs;
        return new NewChild(EspSa.Create(Suite, mode, ours, theirs, inbound, outbound, lifetime, ends), new EspSelectors(local ?? Everything, remote ?? Everything))
        {
            IsUsed = isUsed,
        };
    }

    public void Install(NewChild child) => _fixture.Path.InstallChild(Slot, TunnelId, child, _fixture.Now).ShouldBeTrue();

    /// <summary>Seals with the SA that the gateway knows by this SPI.</summary>
    public void SealWith(uint gatewaySpi) => _sealing = _byTheirSpi.Single(pair => pair.Value.OutboundSpi == gatewaySpi).Key;

    public DropReason Send(ReadOnlySpan<byte> inner, byte tos = 0) => _fixture.ReceiveIpsec(Seal(inner), At, tos);

    public byte[] Seal(ReadOnlySpan<byte> inner)
    {
        var sa = _byTheirSpi[_sealing];
        var buffer = new byte[inner.Length + EspLimits.HeadroomMax + sa.Tailroom(inner.Length)];
        inner.CopyTo(buffer.AsSpan(EspLimits.HeadroomMax));
        sa.Seal(buffer, EspLimits.HeadroomMax, inner.Length, out var start, out var length).ShouldBeTrue();
        _byTheirSpi[_sealing] = sa;
        return buffer[start..(start + length)];
    }

    public byte[] Open(byte[] outer)
    {
        var spi = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(outer);
        var sa = _byTheirSpi[spi];
        byte[] buffer = [.. new byte[EspLimits.OpeningHeadroomMax], .. outer];
        sa.Open(buffer, EspLimits.OpeningHeadroomMax, outer.Length, out var start, out var length).ShouldBe(DropReason.None);
        _byTheirSpi[spi] = sa;
        return buffer[start..(start + length)];
    }

    /// <summary>The SPI, of this peer's, that a packet came under.</summary>
    public uint GatewaySpiOf(byte[] outer) => _byTheirSpi[System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(outer)].OutboundSpi;

    public void Dispose()
    {
        foreach (var sa in _byTheirSpi.Values)
        {
            sa.Free();
        }

        _byTheirSpi.Clear();
    }
}
