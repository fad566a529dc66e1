using System.Buffers.Binary;

namespace Sallyport.Core.Crypto;

/// <summary>
/// The record layer of one TLS 1.3 connection once its handshake is done (RFC 8446 section 5), so that libssl's object of tens of kilobytes
/// need not live as long as the connection: what remains of it is two keys. The handshake itself, and TLS 1.2, stay libssl's.
/// Application data and alerts are all that it knows; tickets are passed over. Anything else, KeyUpdate included, ends the connection.
/// Lives in one <see cref="TlsPump"/>.
/// </summary>
internal sealed class TlsRecords
{
    // RFC 8446 section 5.1
    private const byte AlertType = 21;
    private const byte HandshakeType = 22;
    private const byte DataType = 23;

    // RFC 8446 section 4
    private const byte NewSessionTicket = 4;
    private const int MessageHeaderLength = 4;

    // RFC 8446 section 5.2
    private const int MaxCiphertext = TlsLimits.MaxRecordPlaintext + 256;

    // RFC 8446 section 6
    private const byte Warning = 1;
    private const byte Fatal = 2;
    private const int AlertLength = 2;

    private readonly bool _isServer;
    private TlsRecordKey _reading;
    private TlsRecordKey _writing;
    private ByteQueue _input;
    private ByteQueue _output;

    // Of the record at the front of the input, once it is opened: where what was not read yet begins and ends.
    private int _plaintextStart;
    private int _plaintextEnd;
    private int _openedLength;

    public TlsRecords(TlsSuite suite, bool isServer, ReadOnlySpan<byte> clientSecret, ReadOnlySpan<byte> serverSecret)
    {
        _isServer = isServer;
        Suite = suite;
        _reading = TlsRecordKey.Create(suite, isServer ? clientSecret : serverSecret);
        _writing = TlsRecordKey.Create(suite, isServer ? serverSecret : clientSecret);
    }

    public TlsSuite Suite { get; }

    /// <summary>Why the last step failed.</summary>
    public TlsFailure Failure { get; private set; }

    public string FailureDetail { get; private set; } = "";

    /// <summary>Bytes that came and were not read.</summary>
    public int PendingInput => _input.Count;

    /// <summary>Bytes of ciphertext for the peer.</summary>
    public int PendingOutput => _output.Count;

    /// <param name="ciphertext">Not empty. The caller bounds how much waits.</param>
    public void Feed(ReadOnlySpan<byte> ciphertext) => _input.Append(ciphertext);

    /// <summary>Room for ciphertext that came before this took over.</summary>
    public Span<byte> ExtendInput(int count) => _input.Extend(count);

    /// <summary>Room for ciphertext of the handshake that the peer is still to be sent.</summary>
    public Span<byte> ExtendOutput(int count) => _output.Extend(count);

    /// <summary>Plaintext of at most one record; a longer one is continued by the next call. Done always means at least one byte.</summary>
    public TlsStatus Read(Span<byte> plaintext, out int count)
    {
        count = 0;
        while (_plaintextStart == _plaintextEnd)
        {
            var status = OpenNext();
            if (status != TlsStatus.Done)
            {
                return status;
            }
        }

        count = Math.Min(plaintext.Length, _plaintextEnd - _plaintextStart);
        _input.Bytes.Slice(_plaintextStart, count).CopyTo(plaintext);
        _plaintextStart += count;
        if (_plaintextStart == _plaintextEnd)
        {
            DiscardOpened();
        }

        return TlsStatus.Done;
    }

    /// <summary>Makes one record.</summary>
    /// <param name="plaintext">Up to <see cref="TlsLimits.MaxRecordPlaintext"/> bytes.</param>
    public TlsStatus Write(ReadOnlySpan<byte> plaintext)
    {
        if (_writing.IsWornOut)
        {
            return Fail(TlsFailure.Other, "a TLS key has sealed all the records that it may");
        }

        Seal(DataType, plaintext);
        return TlsStatus.Done;
    }

    /// <summary>Leaves a close_notify to drain.</summary>
    public void Close() => Alert(Warning, TlsAlert.CloseNotify);

    public int Drain(Span<byte> ciphertext)
    {
        var count = Math.Min(ciphertext.Length, _output.Count);
        _output.Bytes[..count].CopyTo(ciphertext);
        _output.Discard(count);
        return count;
    }

    public void Erase()
    {
        _reading.Erase();
        _writing.Erase();
        _input.Clear();
        _output.Clear();
    }

    /// <summary>For tests of a limit that no test could reach record by record.</summary>
    internal void Wear(ulong read, ulong written)
    {
        _reading.Wear(read);
        _writing.Wear(written);
    }

    /// <summary>Opens the record at the front and judges it. Done where it is application data, or one to pass over.</summary>
    private TlsStatus OpenNext()
    {
        var bytes = _input.Bytes;
        if (bytes.Length < TlsRecordKey.HeaderLength)
        {
            return TlsStatus.WantRead;
        }

        if (bytes[0] != TlsRecordKey.OuterType || BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]) != TlsRecordKey.OuterVersion)
        {
            return Refuse(TlsAlert.UnexpectedMessage, "a TLS record without protection after the handshake");
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
        if (length is < TlsRecordKey.Expansion or > MaxCiphertext)
        {
            return Refuse(length > MaxCiphertext ? TlsAlert.RecordOverflow : TlsAlert.DecodeError, "a TLS record of no legal length");
        }

        _openedLength = TlsRecordKey.HeaderLength + length;
        if (bytes.Length < _openedLength)
        {
            return TlsStatus.WantRead;
        }

        if (_reading.IsWornOut)
        {
            return Refuse(TlsAlert.UnexpectedMessage, "the peer has sealed more TLS records than one key may");
        }

        return _reading.TryOpen(bytes[.._openedLength], out var inner) ? Judge(inner) : Refuse(TlsAlert.BadRecordMac, "a TLS record that is not genuine");
    }

    private TlsStatus Judge(ReadOnlySpan<byte> inner)
    {
        // RFC 8446 section 5.4: zeros, then the type, from behind.
        var at = inner.LastIndexOfAnyExcept((byte)0);
        if (at < 0)
        {
            return Refuse(TlsAlert.UnexpectedMessage, "a TLS record without a type");
        }

        var content = inner[..at];
        if (content.Length > TlsLimits.MaxRecordPlaintext)
        {
            return Refuse(TlsAlert.RecordOverflow, "a TLS record that is too long");
        }

        switch (inner[at])
        {
            case DataType when content.IsEmpty:
                DiscardOpened();
                return TlsStatus.Done;
            case DataType:
                _plaintextStart = TlsRecordKey.HeaderLength;
                _plaintextEnd = TlsRecordKey.HeaderLength + content.Length;
                return TlsStatus.Done;
            case AlertType:
                return Heed(content);
            case HandshakeType when !_isServer && AreTickets(content):
                DiscardOpened();
                return TlsStatus.Done;
            case HandshakeType:
                return Refuse(TlsAlert.UnexpectedMessage, "a TLS handshake message after the handshake");
            default:
                return Refuse(TlsAlert.UnexpectedMessage, "a TLS record of an unknown type");
        }
    }

    private TlsStatus Heed(ReadOnlySpan<byte> alert)
    {
        if (alert.Length != AlertLength)
        {
            return Refuse(TlsAlert.DecodeError, "a TLS alert of no legal length");
        }

        // RFC 8446 section 6: the level says nothing, the description all.
        var description = alert[1];
        _input.Clear();
        return description == TlsAlert.CloseNotify ? TlsStatus.Closed : Fail(TlsFailure.PeerAlert, TlsAlert.Describe(description));
    }

    /// <summary>Servers of others offer tickets, which we never use.</summary>
    private static bool AreTickets(ReadOnlySpan<byte> messages)
    {
        var found = false;
        while (messages.Length >= MessageHeaderLength && messages[0] == NewSessionTicket)
        {
            var length = MessageHeaderLength + (messages[1] << 16 | BinaryPrimitives.ReadUInt16BigEndian(messages[2..]));
            if (length > messages.Length)
            {
                return false;
            }

            messages = messages[length..];
            found = true;
        }

        return found && messages.IsEmpty;
    }

    private void DiscardOpened()
    {
        _input.Discard(_openedLength);
        _plaintextStart = _plaintextEnd = _openedLength = 0;
    }

    private TlsStatus Refuse(byte alert, string why)
    {
        Alert(Fatal, alert);
        return Fail(TlsFailure.Other, why);
    }

    private TlsStatus Fail(TlsFailure failure, string detail)
    {
        _input.Clear();
        _plaintextStart = _plaintextEnd = 0;
        (Failure, FailureDetail) = (failure, detail);
        return TlsStatus.Failed;
    }

    private void Alert(byte level, byte description)
    {
        if (!_writing.IsWornOut)
        {
            Seal(AlertType, [level, description]);
        }
    }

    private void Seal(byte type, ReadOnlySpan<byte> content) =>
        _writing.Seal(type, content, _output.Extend(TlsRecordKey.HeaderLength + content.Length + TlsRecordKey.Expansion));
}
