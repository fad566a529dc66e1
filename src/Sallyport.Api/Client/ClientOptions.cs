using System.Security.Cryptography.X509Certificates;

namespace Sallyport.Api.Client;

/// <summary>Where the API is and who we are.</summary>
public sealed record ClientOptions
{
    /// <summary>"https://gateway.example:8443". Over a Unix socket only the path of a request counts.</summary>
    public Uri BaseAddress { get; init; } = new("http://localhost/");

    /// <summary>Path of the API's Unix socket; takes the place of the network where set.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>The administrator's token.</summary>
    public required string Token { get; init; }

    /// <summary>The only anchors that the server's certificate may lead to (the installation's ca.pem); null: those of the system.</summary>
    public X509Certificate2Collection? Anchors { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    public override string ToString() => UnixSocket ?? BaseAddress.ToString();
}
