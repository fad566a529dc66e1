using System.Buffers.Binary;
using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>Puts payloads behind each other, each naming the next. The types of the first and the bytes are then a message's or an encrypted payload's.</summary>
public ref struct PayloadWriter(Span<byte> destination)
{
    private readonly Span<byte> _all = destination;
    private ByteWriter _writer = new(destination);
    private int _lastHead = -1;

    public PayloadType First { get; private set; }

    public readonly ReadOnlySpan<byte> Written => _writer.Written;

    public readonly int Length => _writer.Length;

    public void Sa(IReadOnlyList<Proposal> proposals)
    {
        var head = Begin(PayloadType.Sa);
        SaPayload.Write(ref _writer, proposals);
        End(head);
    }

    public void Ke(KeyExchangeMethod method, scoped ReadOnlySpan<byte> value)
    {
        var head = Begin(PayloadType.Ke);
        _writer.U16((ushort)method);
        _writer.U16(0);
        _writer.Bytes(value);
        End(head);
    }

    public void Nonce(scoped ReadOnlySpan<byte> nonce) => Raw(PayloadType.Nonce, nonce);

    public void Identity(PayloadType type, IkeIdentity identity)
    {
        var head = Begin(type);
        _ = identity.Write(_writer.Skip(identity.BodyLength));
        End(head);
    }

    public void Certificate(scoped ReadOnlySpan<byte> der)
    {
        const byte x509 = 4;
        var head = Begin(PayloadType.Certificate);
        _writer.U8(x509);
        _writer.Bytes(der);
        End(head);
    }

    /// <param name="keyHashes">SHA-1 of the public keys of authorities, 20 bytes each (RFC 7296 section 3.7).</param>
    public void CertificateRequest(scoped ReadOnlySpan<byte> keyHashes)
    {
        const byte x509 = 4;
        var head = Begin(PayloadType.CertificateRequest);
        _writer.U8(x509);
        _writer.Bytes(keyHashes);
        End(head);
    }

    public void Auth(AuthMethod method, scoped ReadOnlySpan<byte> data)
    {
        var head = Begin(PayloadType.Auth);
        _writer.U8((byte)method);
        _writer.Skip(3).Clear();
        _writer.Bytes(data);
        End(head);
    }

    public void Notify(NotifyType type, scoped ReadOnlySpan<byte> data = default) => Notify(type, IpsecProtocol.None, 0, data);

    /// <param name="espSpi">0 for none.</param>
    public void Notify(NotifyType type, IpsecProtocol protocol, uint espSpi, scoped ReadOnlySpan<byte> data = default)
    {
        var head = Begin(PayloadType.Notify);
        _writer.U8((byte)protocol);
        _writer.U8(espSpi == 0 ? (byte)0 : (byte)IkeLimits.EspSpiLength);
        _writer.U16((ushort)type);
        if (espSpi != 0)
        {
            _writer.U32(espSpi);
        }

        _writer.Bytes(data);
        End(head);
    }

    /// <summary>The IKE SA itself is no more.</summary>
    public void DeleteIke()
    {
        var head = Begin(PayloadType.Delete);
        _writer.U8((byte)IpsecProtocol.Ike);
        _writer.U8(0);
        _writer.U16(0);
        End(head);
    }

    /// <param name="spis">Those that we receive with.</param>
    public void DeleteEsp(scoped ReadOnlySpan<uint> spis)
    {
        var head = Begin(PayloadType.Delete);
        _writer.U8((byte)IpsecProtocol.Esp);
        _writer.U8(IkeLimits.EspSpiLength);
        _writer.U16((ushort)spis.Length);
        foreach (var spi in spis)
        {
            _writer.U32(spi);
        }

        End(head);
    }

    public void Selectors(PayloadType type, ImmutableArray<TrafficSelector> selectors)
    {
        var head = Begin(type);
        TsPayload.Write(ref _writer, selectors);
        End(head);
    }

    public void Configuration(CpPayload payload)
    {
        var head = Begin(PayloadType.Configuration);
        payload.Write(ref _writer);
        End(head);
    }

    public void Eap(scoped ReadOnlySpan<byte> packet) => Raw(PayloadType.Eap, packet);

    public void Raw(PayloadType type, scoped ReadOnlySpan<byte> body)
    {
        var head = Begin(type);
        _writer.Bytes(body);
        End(head);
    }

    private int Begin(PayloadType type)
    {
        if (_lastHead < 0)
        {
            First = type;
        }
        else
        {
            _all[_lastHead] = (byte)type;
        }

        _lastHead = _writer.Length;
        _writer.Skip(IkeLimits.PayloadHeadLength).Clear();
        return _lastHead;
    }

    private readonly void End(int head) =>
        BinaryPrimitives.WriteUInt16BigEndian(_all[(head + 2)..], (ushort)(_writer.Length - head));
}
