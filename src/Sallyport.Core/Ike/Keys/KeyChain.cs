using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;

namespace Sallyport.Core.Ike.Keys;

/// <summary>
/// The secrets of one CREATE_CHILD_SA: that of its own key exchange, and those of the additional ones that follow it, in their order (RFC 9370 section 2.2.4).
/// Erased when disposed.
/// </summary>
/// <param name="first">Null where a CHILD_SA has no key exchange of its own; taken over.</param>
/// <param name="chosen">What the two agreed on.</param>
internal sealed class KeyChain(SecretBytes? first, Proposal chosen) : IDisposable
{
    private readonly ImmutableArray<KeyExchangeMethod> _methods = IkeSuite.AdditionalOf(chosen);
    private readonly List<SecretBytes> _more = [];

    public bool IsComplete => _more.Count == _methods.Length;

    /// <summary>What is to be done next, while it is not complete.</summary>
    public KeyExchangeMethod Next => _methods[_more.Count];

    public ReadOnlySpan<byte> First => first is null ? default : first.Bytes;

    /// <param name="secret">Of <see cref="Next"/>; taken over.</param>
    public void Add(SecretBytes secret) => _more.Add(secret);

    /// <summary>SK(1) | ... | SK(n), for the caller to dispose.</summary>
    public SecretBytes More()
    {
        var all = new SecretBytes(_more.Sum(secret => secret.Length));
        var at = 0;
        foreach (var secret in _more)
        {
            secret.Bytes.CopyTo(all.Span[at..]);
            at += secret.Length;
        }

        return all;
    }

    public void Dispose()
    {
        first?.Dispose();
        _more.ForEach(secret => secret.Dispose());
    }
}
