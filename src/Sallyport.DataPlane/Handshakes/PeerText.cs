namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// What a peer says of itself, as far as we pass it on. Control ends the link of a gateway that reports longer texts, so none gets that far.
/// </summary>
internal static class PeerText
{
    /// <summary>Versions and platforms of stock clients have up to 20 characters.</summary>
    public const int WordMax = 64;

    /// <summary>A sentence with two lists of ciphers.</summary>
    public const int DetailMax = 1_024;

    public static string Cut(string text, int max = WordMax) => text.Length <= max ? text : string.Concat(text.AsSpan(0, max - 1), "…");
}
