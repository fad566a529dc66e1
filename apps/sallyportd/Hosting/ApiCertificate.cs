using System.Net.Security;
using System.Security.Authentication;
using Sallyport.Control;

namespace Sallyport.Daemon.Hosting;

/// <summary>
/// The certificate of the HTTPS API with its chain. Asked for again every hour, so that a renewed one is served without a restart.
/// </summary>
internal sealed class ApiCertificate(ControlHost control, TimeProvider time)
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromHours(1);

    private readonly Lock gate = new();
    private SslServerAuthenticationOptions? options;
    private DateTimeOffset readAt;

    public SslServerAuthenticationOptions Current()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            if (options is null || now - readAt > FreshFor)
            {
                options = Read();
                readAt = now;
            }

            return options;
        }
    }

    // The issuing certificate goes along: a client that has the root alone can then build the chain.
    private SslServerAuthenticationOptions Read() => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(
            control.ServerCertificate(), [control.IssuingCertificate], offline: true),
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
    };
}
