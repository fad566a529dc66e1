using System.Buffers.Binary;
using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>A notification (RFC 7296 section 3.10).</summary>
/// <param name="Spi">Of the SA that it is about; 0 for none.</param>
public sealed record Notification(NotifyType Type, IpsecProtocol Protocol, uint Spi, ImmutableArray<byte> Data);

/// <summary>SAs that are no more (RFC 7296 section 3.11).</summary>
/// <param name="Spis">Those of the sender; none for the IKE SA itself.</param>
public sealed record Deletion(IpsecProtocol Protocol, ImmutableArray<uint> Spis);

/// <summary>A key exchange value (RFC 7296 section 3.4).</summary>
public sealed record KeyValue(KeyExchangeMethod Method, ImmutableArray<byte> Value);

/// <summary>How a peer proves who it is (RFC 7296 section 3.8, RFC 7427).</summary>
public enum AuthMethod : byte
{
    None = 0,
    Rsa = 1,
    PreSharedKey = 2,
    EcdsaSha256P256 = 9,
    EcdsaSha384P384 = 10,
    EcdsaSha512P521 = 11,
    DigitalSignature = 14,
}

public sealed record AuthValue(AuthMethod Method, ImmutableArray<byte> Data);

/// <summary>What is wrong with the payloads of a message, and with it what a peer is answered.</summary>
public enum PayloadFault : byte
{
    None,

    /// <summary>INVALID_SYNTAX.</summary>
    Malformed,

    /// <summary>UNSUPPORTED_CRITICAL_PAYLOAD.</summary>
    UnknownCritical,
}

/// <summary>All that is in one message, read and bounded. What is not there is null or empty.</summary>
public sealed class IkePayloads
{
    private readonly List<Notification> _notifications = [];
    private readonly List<Deletion> _deletions = [];
    private readonly List<byte[]> _certificates = [];
    private int _deletedSpis;

    public ImmutableArray<Proposal> Sa { get; private set; }

    public KeyValue? Ke { get; private set; }

    public ImmutableArray<byte> Nonce { get; private set; }

    public IkeIdentity? IdInitiator { get; private set; }

    public IkeIdentity? IdResponder { get; private set; }

    /// <summary>The bytes behind their generic head, as AUTH covers them, reserved ones with them.</summary>
    public ImmutableArray<byte> IdInitiatorBody { get; private set; }

    public ImmutableArray<byte> IdResponderBody { get; private set; }

    /// <summary>X.509 in DER; the leaf first.</summary>
    public IReadOnlyList<byte[]> Certificates => _certificates;

    /// <summary>A certificate came in another encoding, such as a URL: nobody's URL is fetched.</summary>
    public bool HasForeignCertificate { get; private set; }

    public bool AsksForCertificate { get; private set; }

    public AuthValue? Auth { get; private set; }

    public IReadOnlyList<Notification> Notifications => _notifications;

    public IReadOnlyList<Deletion> Deletions => _deletions;

    public ImmutableArray<TrafficSelector> TsInitiator { get; private set; }

    public ImmutableArray<TrafficSelector> TsResponder { get; private set; }

    public CpPayload? Cp { get; private set; }

    public ImmutableArray<byte> Eap { get; private set; }

    /// <summary>The type of a critical payload that we do not know.</summary>
    public byte CriticalType { get; private set; }

    public bool HasSa => !Sa.IsDefault;

    public bool HasNonce => !Nonce.IsDefault;

    public bool HasTs => !TsInitiator.IsDefault && !TsResponder.IsDefault;

    /// <summary>Reads payloads behind each other. Encrypted ones do not lie inside others, and are none of these.</summary>
    public static PayloadFault Read(PayloadType first, ReadOnlySpan<byte> bytes, out IkePayloads payloads)
    {
        payloads = new IkePayloads();
        var chain = new PayloadChain(first, bytes);
        while (chain.MoveNext())
        {
            var fault = payloads.Take(chain.Type, chain.IsCritical, chain.Body);
            if (fault != PayloadFault.None)
            {
                return fault;
            }
        }

        return chain.IsBroken ? PayloadFault.Malformed : PayloadFault.None;
    }

    public Notification? Find(NotifyType type) => _notifications.Find(notification => notification.Type == type);

    public bool Has(NotifyType type) => Find(type) is not null;

    /// <summary>The first that says what went wrong; null where nothing did.</summary>
    public Notification? FirstError => _notifications.Find(notification => notification.Type.IsError());

    private PayloadFault Take(PayloadType type, bool isCritical, ReadOnlySpan<byte> body)
    {
        var read = type switch
        {
            PayloadType.Sa => !HasSa && TrySa(body),
            PayloadType.Ke => Ke is null && TryKe(body),
            PayloadType.IdInitiator => IdInitiator is null && TryIdentity(body, isInitiator: true),
            PayloadType.IdResponder => IdResponder is null && TryIdentity(body, isInitiator: false),
            PayloadType.Certificate => TryCertificate(body),
            PayloadType.CertificateRequest => TryCertificateRequest(body),
            PayloadType.Auth => Auth is null && TryAuth(body),
            PayloadType.Nonce => Nonce.IsDefault && TryNonce(body),
            PayloadType.Notify => TryNotify(body),
            PayloadType.Delete => TryDelete(body),
            PayloadType.TsInitiator => TsInitiator.IsDefault && TryTs(body, isInitiator: true),
            PayloadType.TsResponder => TsResponder.IsDefault && TryTs(body, isInitiator: false),
            PayloadType.Configuration => Cp is null && TryCp(body),
            PayloadType.Eap => Eap.IsDefault && TryEap(body),
            PayloadType.VendorId => true,
            PayloadType.Encrypted or PayloadType.EncryptedFragment or PayloadType.None => false,
            _ => !isCritical,
        };
        if (read)
        {
            return PayloadFault.None;
        }

        CriticalType = (byte)type;
        return type is >= PayloadType.Sa and <= PayloadType.Eap or PayloadType.EncryptedFragment ? PayloadFault.Malformed : PayloadFault.UnknownCritical;
    }

    private bool TrySa(ReadOnlySpan<byte> body)
    {
        var read = SaPayload.TryRead(body, out var proposals);
        Sa = proposals;
        return read;
    }

    private bool TryKe(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body);
        if (!reader.TryU16(out var method) || !reader.TryU16(out _) || reader.Remaining == 0)
        {
            return false;
        }

        Ke = new KeyValue((KeyExchangeMethod)method, [.. reader.Rest]);
        return true;
    }

    private bool TryIdentity(ReadOnlySpan<byte> body, bool isInitiator)
    {
        if (!IkeIdentity.TryRead(body, out var identity))
        {
            return false;
        }

        if (isInitiator)
        {
            (IdInitiator, IdInitiatorBody) = (identity, [.. body]);
        }
        else
        {
            (IdResponder, IdResponderBody) = (identity, [.. body]);
        }

        return true;
    }

    private bool TryCertificate(ReadOnlySpan<byte> body)
    {
        const byte x509 = 4;
        if (body.Length < 2 || _certificates.Count == IkeLimits.CertificatesMax || body.Length > IkeLimits.CertificateMax)
        {
            return false;
        }

        if (body[0] != x509)
        {
            HasForeignCertificate = true;
            return true;
        }

        _certificates.Add(body[1..].ToArray());
        return true;
    }

    private bool TryCertificateRequest(ReadOnlySpan<byte> body)
    {
        AsksForCertificate = true;
        return body.Length is >= 1 and <= 1 + (IkeLimits.AuthoritiesMax * 20);
    }

    private bool TryAuth(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body);
        if (!reader.TryU8(out var method) || !reader.TryBytes(3, out _) || reader.Remaining is 0 or > IkeLimits.AuthMax)
        {
            return false;
        }

        Auth = new AuthValue((AuthMethod)method, [.. reader.Rest]);
        return true;
    }

    private bool TryNonce(ReadOnlySpan<byte> body)
    {
        Nonce = [.. body];
        return body.Length is >= IkeLimits.NonceMin and <= IkeLimits.NonceMax;
    }

    private bool TryNotify(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body);
        if (_notifications.Count == IkeLimits.NotifiesMax
            || !reader.TryU8(out var protocol) || !reader.TryU8(out var spiLength) || !reader.TryU16(out var type)
            || !reader.TryBytes(spiLength, out var spi))
        {
            return false;
        }

        _notifications.Add(new Notification(
            (NotifyType)type,
            (IpsecProtocol)protocol,
            spi.Length == IkeLimits.EspSpiLength ? BinaryPrimitives.ReadUInt32BigEndian(spi) : 0,
            [.. reader.Rest]));
        return true;
    }

    private bool TryDelete(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body);
        if (!reader.TryU8(out var protocol) || !reader.TryU8(out var spiLength) || !reader.TryU16(out var count)
            || reader.Remaining != spiLength * count || (count > 0 && spiLength != IkeLimits.EspSpiLength)
            || (_deletedSpis += count) > IkeLimits.DeletesMax)
        {
            return false;
        }

        var spis = ImmutableArray.CreateBuilder<uint>(count);
        while (reader.TryU32(out var spi))
        {
            spis.Add(spi);
        }

        _deletions.Add(new Deletion((IpsecProtocol)protocol, spis.ToImmutable()));
        return true;
    }

    private bool TryTs(ReadOnlySpan<byte> body, bool isInitiator)
    {
        var read = TsPayload.TryRead(body, out var selectors);
        if (isInitiator)
        {
            TsInitiator = selectors;
        }
        else
        {
            TsResponder = selectors;
        }

        return read;
    }

    private bool TryCp(ReadOnlySpan<byte> body)
    {
        var read = CpPayload.TryRead(body, out var payload);
        Cp = payload;
        return read;
    }

    private bool TryEap(ReadOnlySpan<byte> body)
    {
        Eap = [.. body];
        return body.Length is >= 4 and <= IkeLimits.EapMax;
    }
}
