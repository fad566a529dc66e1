using System.Text.Json.Serialization;

namespace Sallyport.Api.Credentials;

/// <summary>Asks for a profile. It always carries a new credential; the old ones are revoked unless <see cref="KeepOld"/>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ProfileRequest
{
    public bool KeepOld { get; init; }

    /// <summary>Host name or address that the profile dials; default: the installation's endpoint.</summary>
    public string? Endpoint { get; init; }

    /// <summary>"udp+tcp" (default: UDP first), "udp" or "tcp".</summary>
    public string? Transport { get; init; }

    /// <summary>One of the network's wrappings; default: its first.</summary>
    public string? Wrapping { get; init; }

    /// <summary>Days that the certificate is valid; default: the installation's setting.</summary>
    public int? ValidDays { get; init; }
}

/// <summary>A profile that stock OpenVPN loads. Its private key and password exist nowhere else: it cannot be shown again.</summary>
public sealed record ProfileIssued
{
    /// <summary>"pump-17.ovpn".</summary>
    public required string FileName { get; init; }

    public required string Text { get; init; }

    public required IReadOnlyList<int> CredentialIds { get; init; }

    /// <summary>SHA-256 of the certificate, lower-case hex; null in networks without certificates.</summary>
    public string? Fingerprint { get; init; }

    public DateTimeOffset? NotAfter { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>Credentials that this one replaced.</summary>
    public IReadOnlyList<int> Revoked { get; init; } = [];

    /// <summary>Never the text: it holds the private key.</summary>
    public override string ToString() => $"profile {FileName}";
}

public sealed record CredentialInfo
{
    public required int Id { get; init; }

    /// <summary>"device" or "site".</summary>
    public required string OwnerKind { get; init; }

    public required string Owner { get; init; }

    public required string Network { get; init; }

    /// <summary>"certificate" or "password".</summary>
    public required string Kind { get; init; }

    public string? Fingerprint { get; init; }

    public string? Serial { get; init; }

    public string? Username { get; init; }

    /// <summary>The wrapping of the profile that it was issued with.</summary>
    public required string Wrapping { get; init; }

    /// <summary>Number of the tls-crypt-v2 server key that its profile came with; null with another wrapping.</summary>
    public int? WrappingKey { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public DateTimeOffset? NotAfter { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    public string? RevokeReason { get; init; }
}
