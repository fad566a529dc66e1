using System.Collections.Immutable;

namespace Sallyport.Core.Ike.Proposals;

/// <summary>RFC 7296 section 3.3.1. AH is there to be recognised, never to be taken.</summary>
public enum IpsecProtocol : byte
{
    None = 0,
    Ike = 1,
    Ah = 2,
    Esp = 3,
}

/// <summary>Algorithms of which a peer may take one of each kind.</summary>
/// <param name="Spi">Of an ESP proposal 32 bits, of an IKE rekey 64; 0 in the first exchange and in a configuration.</param>
public sealed record Proposal(IpsecProtocol Protocol, ulong Spi, ImmutableArray<Transform> Transforms)
{
    /// <summary>Its number in an SA payload, from 1; 0 in a configuration.</summary>
    public byte Number { get; init; }

    public IEnumerable<Transform> Of(TransformType type) => Transforms.Where(transform => transform.Type == type);

    public bool Has(TransformType type) => Transforms.Any(transform => transform.Type == type);

    public bool Contains(in Transform transform) => Transforms.Contains(transform);

    /// <summary>"aes256gcm16-prfsha384-ecp384".</summary>
    public override string ToString() => string.Join('-', Transforms.Select(transform => transform.ToString()));
}
