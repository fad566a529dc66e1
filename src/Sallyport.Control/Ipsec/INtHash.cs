namespace Sallyport.Control.Ipsec;

/// <summary>The NT hash of a password, which EAP-MSCHAPv2 is computed from (RFC 2759 section 8.3).</summary>
internal interface INtHash
{
    byte[] Of(string password);
}
