namespace Sallyport.Control.Pki;

/// <summary>How long certificates are valid.</summary>
public sealed record CertificateLifetimes
{
    public TimeSpan Root { get; init; } = TimeSpan.FromDays(3650);

    public TimeSpan Issuing { get; init; } = TimeSpan.FromDays(1825);

    public TimeSpan Device { get; init; } = TimeSpan.FromDays(730);

    /// <summary>Gateways and the API's server; renewed when less than a third is left.</summary>
    public TimeSpan Server { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Devices whose clock is behind would refuse a certificate that is valid from now.</summary>
    public TimeSpan Backdating { get; init; } = TimeSpan.FromHours(1);
}
