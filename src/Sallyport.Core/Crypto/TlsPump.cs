using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One TLS connection without a socket: ciphertext in (<see cref="Feed"/>), ciphertext out (<see cref="Drain"/>), and plaintext
/// on the other side. Every step may leave output to drain, a failed one too (its alert). Hostile bytes end in
/// <see cref="TlsStatus.Failed"/>, never in an exception, and a failure is final. Not for two threads at a time.
/// Of TLS 1.3, libssl does the handshake alone: <see cref="TlsRecords"/> does the records, so that <see cref="Settle"/> can free libssl's part.
/// </summary>
public sealed class TlsPump : IDisposable
{
    private readonly bool _requireServerPurpose;
    private readonly bool _isServer;
    private nint _ssl;
    private nint _input;
    private nint _output;
    private TlsTrafficSecrets? _secrets;
    private TlsRecords? _records;
    private bool _closed;
    private bool _disposed;

    /// <param name="now">Certificate times are judged at this point, however long the handshake takes.</param>
    public TlsPump(TlsContext context, Instant now)
        : this(context, now, ownRecords: true)
    {
    }

    /// <param name="ownRecords">False leaves every record to libssl, as tests want the other end to be.</param>
    internal TlsPump(TlsContext context, Instant now, bool ownRecords)
    {
        _isServer = context.IsServer;
        _secrets = ownRecords ? new TlsTrafficSecrets() : null;
        _requireServerPurpose = !context.IsServer && context.RequireServerPurpose;
        OpenSsl.ERR_clear_error();
        _ssl = context.NewSsl();
        _input = OpenSsl.BIO_new(OpenSsl.BIO_s_mem());
        _output = OpenSsl.BIO_new(OpenSsl.BIO_s_mem());
        if (_ssl == 0 || _input == 0 || _output == 0)
        {
            _ = OpenSsl.BIO_free(_input);
            _ = OpenSsl.BIO_free(_output);
            Free();
            OpenSsl.ThrowBroken("make a TLS connection");
        }

        OpenSsl.SSL_set_bio(_ssl, _input, _output);
        OpenSsl.X509_VERIFY_PARAM_set_time(OpenSsl.SSL_get0_param(_ssl), now.UnixSeconds);
        if (context.IsServer)
        {
            OpenSsl.SSL_set_accept_state(_ssl);
        }
        else
        {
            OpenSsl.SSL_set_connect_state(_ssl);
        }

        // Everywhere here: the finalizer must not free what a native call still works on.
        GC.KeepAlive(this);
    }

    ~TlsPump() => Free();

    public bool IsHandshakeDone { get; private set; }

    public TlsFailure Failure { get; private set; }

    /// <summary>OpenSSL's own short reason, printable and without data of the connection; empty where nothing failed.</summary>
    public string FailureDetail { get; private set; } = "";

    /// <summary>Bytes came that are no whole record yet.</summary>
    public bool HasPartialRecord => _records is { PendingInput: > 0 };

    /// <summary>For tests that need more of libssl than this offers.</summary>
    internal nint Ssl => _ssl;

    /// <summary>For tests of records.</summary>
    internal TlsRecords? Records => _records;

    /// <summary>Bytes of ciphertext for the peer.</summary>
    public int PendingOutput
    {
        get
        {
            ThrowIfDisposed();
            if (_records is { } records)
            {
                return records.PendingOutput;
            }

            var pending = (int)OpenSsl.BIO_ctrl_pending(_output);
            GC.KeepAlive(this);
            return pending;
        }
    }

    /// <summary>Such as "TLSv1.3"; empty before the handshake is done.</summary>
    public unsafe string Version
    {
        get
        {
            ThrowIfDisposed();
            if (_records is not null)
            {
                return "TLSv1.3";
            }

            var version = IsHandshakeDone ? OpenSsl.Printable(OpenSsl.SSL_get_version(_ssl)) : "";
            GC.KeepAlive(this);
            return version;
        }
    }

    /// <summary>OpenSSL's name, such as "TLS_AES_256_GCM_SHA384" or "ECDHE-ECDSA-AES256-GCM-SHA384"; empty before the handshake is done.</summary>
    public unsafe string CipherSuite
    {
        get
        {
            ThrowIfDisposed();
            if (_records is { } records)
            {
                return records.Suite.Name();
            }

            var name = IsHandshakeDone ? OpenSsl.Printable(OpenSsl.SSL_CIPHER_get_name(OpenSsl.SSL_get_current_cipher(_ssl))) : "";
            GC.KeepAlive(this);
            return name;
        }
    }

    /// <summary>
    /// Takes bytes from the peer, in order, cut anywhere. More than <see cref="TlsLimits.MaxUnreadCiphertext"/> that nobody
    /// read fail the connection; once it is closed or failed, bytes are ignored.
    /// </summary>
    public unsafe void Feed(ReadOnlySpan<byte> ciphertext)
    {
        ThrowIfDisposed();
        if (ciphertext.IsEmpty || _closed || Failure != TlsFailure.None)
        {
            return;
        }

        var unread = _records is null ? (int)OpenSsl.BIO_ctrl_pending(_input) : _records.PendingInput;
        if (unread > TlsLimits.MaxUnreadCiphertext - ciphertext.Length)
        {
            Fail(TlsFailure.Other, "too much unread ciphertext");
            return;
        }

        if (_records is not null)
        {
            _records.Feed(ciphertext);
            return;
        }

        fixed (byte* bytes = ciphertext)
        {
            if (OpenSsl.BIO_write(_input, bytes, ciphertext.Length) != ciphertext.Length)
            {
                OpenSsl.ThrowBroken("take ciphertext");
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>Goes as far as the bytes allow. A client calls it once before there are any, to make its hello.</summary>
    public TlsStatus Handshake()
    {
        ThrowIfDisposed();
        if (Failure != TlsFailure.None)
        {
            return TlsStatus.Failed;
        }

        if (IsHandshakeDone || _closed)
        {
            return IsHandshakeDone ? TlsStatus.Done : TlsStatus.Closed;
        }

        OpenSsl.ERR_clear_error();
        var result = _secrets is { } secrets ? secrets.Handshake(_ssl) : OpenSsl.SSL_do_handshake(_ssl);
        var status = result == 1 ? Accept() : Judge(result);
        OpenSsl.ERR_clear_error();
        GC.KeepAlive(this);
        return status;
    }

    /// <summary>
    /// Plaintext of at most one record. Done always means at least one byte; a record longer than
    /// <paramref name="plaintext"/> is continued by the next call. Before the handshake is done this goes on with it.
    /// Read until it wants more: only then does an idle connection give its 16 KB record buffer back.
    /// </summary>
    /// <param name="plaintext">Not empty.</param>
    public unsafe TlsStatus Read(Span<byte> plaintext, out int count)
    {
        Invariant.Check(!plaintext.IsEmpty, "there is room to read TLS plaintext into");
        count = 0;
        var ready = Handshake();
        if (ready != TlsStatus.Done || _closed)
        {
            return _closed ? TlsStatus.Closed : ready;
        }

        if (_records is { } records)
        {
            return Judge(records, records.Read(plaintext, out count));
        }

        nuint read;
        int result;
        OpenSsl.ERR_clear_error();
        fixed (byte* destination = plaintext)
        {
            result = OpenSsl.SSL_read_ex(_ssl, destination, (nuint)plaintext.Length, &read);
        }

        var status = TlsStatus.Done;
        if (result == 1)
        {
            count = (int)read;
        }
        else
        {
            status = Judge(result);
        }

        OpenSsl.ERR_clear_error();
        GC.KeepAlive(this);
        return status;
    }

    /// <summary>Makes one record. Before the handshake is done this goes on with it, and writes nothing unless that ends it.</summary>
    /// <param name="plaintext">Up to <see cref="TlsLimits.MaxRecordPlaintext"/> bytes; none for none.</param>
    public unsafe TlsStatus Write(ReadOnlySpan<byte> plaintext)
    {
        Invariant.Check(plaintext.Length <= TlsLimits.MaxRecordPlaintext, "TLS plaintext fits one record");
        var ready = Handshake();
        if (ready != TlsStatus.Done || _closed)
        {
            return _closed ? TlsStatus.Closed : ready;
        }

        if (plaintext.IsEmpty)
        {
            return TlsStatus.Done;
        }

        if (_records is { } records)
        {
            return Judge(records, records.Write(plaintext));
        }

        nuint written;
        int result;
        OpenSsl.ERR_clear_error();
        fixed (byte* source = plaintext)
        {
            result = OpenSsl.SSL_write_ex(_ssl, source, (nuint)plaintext.Length, &written);
        }

        var status = result == 1 ? TlsStatus.Done : Judge(result);
        OpenSsl.ERR_clear_error();
        GC.KeepAlive(this);
        return status;
    }

    /// <summary>Ends the connection in order: leaves a close_notify to drain. Does nothing before the handshake is done.</summary>
    public void Close()
    {
        ThrowIfDisposed();
        if (!IsHandshakeDone || _closed || Failure != TlsFailure.None)
        {
            return;
        }

        _closed = true;
        if (_records is { } records)
        {
            records.Close();
        }
        else
        {
            OpenSsl.ERR_clear_error();
            _ = OpenSsl.SSL_shutdown(_ssl);
            OpenSsl.ERR_clear_error();
            GC.KeepAlive(this);
        }
    }

    /// <summary>Moves ciphertext for the peer out and returns how many bytes; 0 where there is none.</summary>
    public unsafe int Drain(Span<byte> ciphertext)
    {
        ThrowIfDisposed();
        if (_records is { } records)
        {
            return records.Drain(ciphertext);
        }

        if (ciphertext.IsEmpty || OpenSsl.BIO_ctrl_pending(_output) == 0)
        {
            return 0;
        }

        int count;
        fixed (byte* destination = ciphertext)
        {
            count = OpenSsl.BIO_read(_output, destination, ciphertext.Length);
        }

        GC.KeepAlive(this);
        return Math.Max(count, 0);
    }

    /// <summary>Keying material of RFC 5705 (TLS 1.2) or RFC 8446 section 7.5, without a context. False before the handshake is done; not to be asked once settled.</summary>
    public bool TryExport(ReadOnlySpan<byte> label, Span<byte> output) => TryExport(label, default, hasContext: false, output);

    /// <summary>The same with a context, which may be empty: in TLS 1.2 that is another thing than none.</summary>
    public bool TryExport(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output) => TryExport(label, context, hasContext: true, output);

    /// <summary>The peer's own certificate; null where it showed none or the handshake is not that far. Not to be asked once settled.</summary>
    public unsafe byte[]? PeerCertificateDer()
    {
        ThrowIfDisposed();
        Invariant.Check(_ssl != 0, "the peer's certificate is read before TLS is settled");
        var certificate = OpenSsl.SSL_get1_peer_certificate(_ssl);
        GC.KeepAlive(this);
        if (certificate == 0)
        {
            return null;
        }

        var der = new byte[Math.Max(0, OpenSsl.i2d_X509(certificate, null))];
        fixed (byte* bytes = der)
        {
            var at = bytes;
            _ = OpenSsl.i2d_X509(certificate, &at);
        }

        OpenSsl.X509_free(certificate);
        return der;
    }

    /// <summary>
    /// Whoever asks for neither certificate nor exported keys any more says so: of TLS 1.3 only the keys of its records remain. Safe to repeat.
    /// </summary>
    public void Settle()
    {
        ThrowIfDisposed();
        if (_records is not null && _ssl != 0)
        {
            Free();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        _secrets?.Erase();
        _records?.Erase();
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        OpenSsl.SSL_free(_ssl);
        _ssl = 0;
        _input = 0;
        _output = 0;
    }

    private unsafe bool TryExport(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, bool hasContext, Span<byte> output)
    {
        ThrowIfDisposed();
        if (!IsHandshakeDone || Failure != TlsFailure.None)
        {
            return false;
        }

        Invariant.Check(_ssl != 0, "keys are exported before TLS is settled");
        OpenSsl.ERR_clear_error();
        int result;
        fixed (byte* l = label, c = context, destination = output)
        {
            result = OpenSsl.SSL_export_keying_material(
                _ssl, destination, (nuint)output.Length, l, (nuint)label.Length, c, (nuint)context.Length, hasContext ? 1 : 0);
        }

        OpenSsl.ERR_clear_error();
        GC.KeepAlive(this);
        return result == 1;
    }

    private unsafe TlsStatus Accept()
    {
        if (_requireServerPurpose && !PeerSaysServer())
        {
            // What would complete the handshake for the other side must not leave.
            _ = OpenSsl.BIO_ctrl(_output, OpenSsl.BioCtrlReset, 0, null);
            return Fail(TlsFailure.WrongPurpose, "the certificate does not say serverAuth");
        }

        IsHandshakeDone = true;
        return TakeRecordsOver();
    }

    /// <summary>
    /// At this point, and only here, both directions begin with record 0: libssl has read to the end of the peer's Finished and no further, and the
    /// settings of <see cref="TlsContext"/> leave a server nothing to say after its own.
    /// </summary>
    private unsafe TlsStatus TakeRecordsOver()
    {
        var suite = (TlsSuite)OpenSsl.SSL_CIPHER_get_protocol_id(OpenSsl.SSL_get_current_cipher(_ssl));
        if (_secrets is not { } secrets || !suite.IsKnown())
        {
            EraseSecrets();
            return TlsStatus.Done;
        }

        var hashLength = suite.Hash().Length();
        if (OpenSsl.SSL_has_pending(_ssl) != 0 || secrets.Client.Length != hashLength || secrets.Server.Length != hashLength)
        {
            EraseSecrets();
            return Fail(TlsFailure.Other, "the TLS handshake did not end at the end of a record");
        }

        _records = new TlsRecords(suite, _isServer, secrets.Client, secrets.Server);
        EraseSecrets();
        Move(_input, _records.ExtendInput);
        Move(_output, _records.ExtendOutput);
        return TlsStatus.Done;
    }

    private void EraseSecrets()
    {
        _secrets?.Erase();
        _secrets = null;
    }

    private static unsafe void Move(nint from, Func<int, Span<byte>> room)
    {
        var count = (int)OpenSsl.BIO_ctrl_pending(from);
        if (count == 0)
        {
            return;
        }

        fixed (byte* destination = room(count))
        {
            Invariant.Check(OpenSsl.BIO_read(from, destination, count) == count, "a memory BIO gives what it says to have");
        }
    }

    private bool PeerSaysServer()
    {
        var certificate = OpenSsl.SSL_get1_peer_certificate(_ssl);
        if (certificate == 0)
        {
            return false;
        }

        var usage = OpenSsl.X509_get_extended_key_usage(certificate);
        OpenSsl.X509_free(certificate);
        return usage != OpenSsl.ExtendedUsageAbsent && (usage & OpenSsl.ExtendedUsageServer) != 0;
    }

    private TlsStatus Judge(TlsRecords records, TlsStatus status)
    {
        _closed |= status == TlsStatus.Closed;
        return status == TlsStatus.Failed ? Fail(records.Failure, records.FailureDetail) : status;
    }

    /// <summary>What a call that did not succeed means. Must follow it directly: the error queue is read.</summary>
    private TlsStatus Judge(int result)
    {
        switch (OpenSsl.SSL_get_error(_ssl, result))
        {
            case OpenSsl.SslErrorWantRead:
                return TlsStatus.WantRead;
            case OpenSsl.SslErrorZeroReturn:
                _closed = true;
                return TlsStatus.Closed;
            default:
                var (failure, detail) = TlsReasons.Take(_ssl);
                return Fail(failure, detail);
        }
    }

    private TlsStatus Fail(TlsFailure failure, string detail)
    {
        Failure = failure;
        FailureDetail = detail;
        return TlsStatus.Failed;
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);
}
