using System.Collections.Immutable;
using Sallyport.Core.Crypto;

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

    /// <summary>
    /// Without key exchanges that this machine's OpenSSL does not have; null where one of a kind that it asks for is left out whole: what an operator wrote to be
    /// strong does not become weaker in silence.
    /// </summary>
    public Proposal? WhereAvailable()
    {
        var left = Transforms.Where(transform => !IsKeyExchange(transform.Type) || transform.Id == 0 || KeyExchange.IsAvailable((KeyExchangeMethod)transform.Id)).ToImmutableArray();
        return Transforms.All(transform => left.Any(other => other.Type == transform.Type)) ? this with { Transforms = left } : null;
    }

    private static bool IsKeyExchange(TransformType type) => type is TransformType.KeyExchange or >= TransformType.AdditionalKeyExchange1;

    /// <summary>"aes256gcm16-prfsha384-ecp384".</summary>
    public override string ToString() => string.Join('-', Transforms.Select(transform => transform.ToString()));
}
