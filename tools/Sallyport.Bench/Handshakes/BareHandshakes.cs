using Sallyport.Bench.Measures;
using Sallyport.Harness.Stock;

namespace Sallyport.Bench.Handshakes;

/// <summary>
/// What a handshake costs OpenSSL alone: two objects of libssl, memory between them, certificates on both sides, no tickets. Nothing else that a
/// server does is done.
/// </summary>
internal sealed unsafe class BareHandshakes : IDisposable
{
    private const int FlightMax = 16_384;
    private const int TurnsMax = 10;
    private readonly nint server;
    private readonly nint client;

    public BareHandshakes(StockCredential gateway, StockCredential device, byte[] authority)
    {
        server = NewContext(Libssl.TLS_server_method(), gateway, authority);
        client = NewContext(Libssl.TLS_client_method(), device, authority);
    }

    /// <summary>One full handshake; only the server's side is measured.</summary>
    public void Run(ThreadCpu cpu)
    {
        var asking = Libssl.SSL_new(client);
        var (fromServer, fromClient) = (Libssl.BIO_new(Libssl.BIO_s_mem()), Libssl.BIO_new(Libssl.BIO_s_mem()));
        Libssl.SSL_set_bio(asking, fromServer, fromClient);
        Libssl.SSL_set_connect_state(asking);
        var askingDone = Libssl.SSL_do_handshake(asking);

        cpu.Start();
        var answering = Libssl.SSL_new(server);
        var (input, output) = (Libssl.BIO_new(Libssl.BIO_s_mem()), Libssl.BIO_new(Libssl.BIO_s_mem()));
        Libssl.SSL_set_bio(answering, input, output);
        Libssl.SSL_set_accept_state(answering);
        cpu.Stop();

        var flight = stackalloc byte[FlightMax];
        var answeringDone = 0;
        for (var turn = 0; turn < TurnsMax && (askingDone != 1 || answeringDone != 1); turn++)
        {
            var count = Libssl.BIO_read(fromClient, flight, FlightMax);
            cpu.Start();
            _ = count > 0 ? Libssl.BIO_write(input, flight, count) : 0;
            answeringDone = Libssl.SSL_do_handshake(answering);
            count = Libssl.BIO_read(output, flight, FlightMax);
            cpu.Stop();
            _ = count > 0 ? Libssl.BIO_write(fromServer, flight, count) : 0;
            askingDone = Libssl.SSL_do_handshake(asking);
        }

        cpu.Start();
        Libssl.SSL_free(answering);
        cpu.Stop();
        Libssl.SSL_free(asking);
        Libssl.ERR_clear_error();
        Check(askingDone == 1 && answeringDone == 1, "a handshake of libssl with itself did not come to its end");
    }

    public void Dispose()
    {
        Libssl.SSL_CTX_free(server);
        Libssl.SSL_CTX_free(client);
    }

    private static nint NewContext(nint method, StockCredential own, byte[] authority)
    {
        var context = Libssl.SSL_CTX_new(method);
        Libssl.SSL_CTX_ctrl(context, Libssl.ControlSetSessionCacheMode, 0, null);
        // Otherwise libssl looks for the chain of its own certificate in every handshake, which costs a tenth of it.
        Libssl.SSL_CTX_ctrl(context, Libssl.ControlMode, Libssl.ModeNoAutoChain, null);
        Libssl.SSL_CTX_set_verify(context, Libssl.VerifyPeerStrictly, 0);
        fixed (byte* certificate = own.CertificateDer, key = own.KeyPkcs8, root = authority)
        {
            var at = root;
            var anchor = Libssl.d2i_X509(null, &at, authority.Length);
            var done = Libssl.SSL_CTX_set_num_tickets(context, 0) == 1
                && Libssl.SSL_CTX_use_certificate_ASN1(context, own.CertificateDer.Length, certificate) == 1
                && Libssl.SSL_CTX_use_PrivateKey_ASN1(Libssl.KeyTypeEc, context, key, own.KeyPkcs8.Length) == 1
                && Libssl.X509_STORE_add_cert(Libssl.SSL_CTX_get_cert_store(context), anchor) == 1;
            Libssl.X509_free(anchor);
            Check(done, "libssl does not take the certificates of this benchmark");
        }

        return context;
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}
