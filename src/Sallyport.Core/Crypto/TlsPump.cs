using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One TLS connection without a socket: ciphertext in (<see cref="Feed"/>), ciphertext out (<see cref="Drain"/>), and plaintext
/// on the other side. Every step may leave output to drain, a failed one too (its alert). Hostile bytes end in
/// <see cref="TlsStatus.Failed"/>, never in an exception, and a failure is final. Not for two threads at a time.
/// </summary>
public sealed class TlsPump : IDisposable
{
    private readonly bool _requireServerPurpose;
    private nint _ssl;
    private nint _input;
    private nint _output;
    private bool _closed;

    /// <param name="now">Certificate times are judged at this point, however long the handshake takes.</param>
    public TlsPump(TlsContext context, Instant now)
    {
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

    /// <summary>Bytes of ciphertext for the peer.</summary>
    public int PendingOutput
    {
        get
        {
            ThrowIfDisposed();
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

        if ((int)OpenSsl.BIO_ctrl_pending(_input) > TlsLimits.MaxUnreadCiphertext - ciphertext.Length)
        {
            Fail(TlsFailure.Other, "too much unread ciphertext");
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
        var result = OpenSsl.SSL_do_handshake(_ssl);
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
        if (IsHandshakeDone && !_closed && Failure == TlsFailure.None)
        {
            OpenSsl.ERR_clear_error();
            _ = OpenSsl.SSL_shutdown(_ssl);
            OpenSsl.ERR_clear_error();
            _closed = true;
            GC.KeepAlive(this);
        }
    }

    /// <summary>Changes our traffic key and has the peer change its own (TLS 1.3), which it answers. False where that is not possible.</summary>
    internal bool RequestKeyUpdate()
    {
        ThrowIfDisposed();
        OpenSsl.ERR_clear_error();
        var isMade = IsHandshakeDone && OpenSsl.SSL_key_update(_ssl, OpenSsl.SslKeyUpdateRequested) == 1 && OpenSsl.SSL_do_handshake(_ssl) == 1;
        OpenSsl.ERR_clear_error();
        GC.KeepAlive(this);
        return isMade;
    }

    /// <summary>Moves ciphertext for the peer out and returns how many bytes; 0 where there is none.</summary>
    public unsafe int Drain(Span<byte> ciphertext)
    {
        ThrowIfDisposed();
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

    /// <summary>Keying material of RFC 5705 (TLS 1.2) or RFC 8446 section 7.5, without a context. False before the handshake is done.</summary>
    public unsafe bool TryExport(ReadOnlySpan<byte> label, Span<byte> output)
    {
        ThrowIfDisposed();
        if (!IsHandshakeDone || Failure != TlsFailure.None)
        {
            return false;
        }

        OpenSsl.ERR_clear_error();
        int result;
        fixed (byte* l = label, destination = output)
        {
            result = OpenSsl.SSL_export_keying_material(
                _ssl, destination, (nuint)output.Length, l, (nuint)label.Length, null, 0, useContext: 0);
        }

        OpenSsl.ERR_clear_error();
        GC.KeepAlive(this);
        return result == 1;
    }

    /// <summary>The peer's own certificate; null where it showed none or the handshake is not that far.</summary>
    public unsafe byte[]? PeerCertificateDer()
    {
        ThrowIfDisposed();
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

    public void Dispose()
    {
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

    private unsafe TlsStatus Accept()
    {
        if (_requireServerPurpose && !PeerSaysServer())
        {
            // What would complete the handshake for the other side must not leave.
            _ = OpenSsl.BIO_ctrl(_output, OpenSsl.BioCtrlReset, 0, null);
            return Fail(TlsFailure.WrongPurpose, "the certificate does not say serverAuth");
        }

        IsHandshakeDone = true;
        return TlsStatus.Done;
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

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_ssl == 0, this);
}
