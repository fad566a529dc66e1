namespace Sallyport.Harness.Ipsec;

/// <summary>Whether the kernel can do ESP itself: small kernels have the interface (XFRM) without the protocol.</summary>
public static class KernelEsp
{
    private static readonly Lazy<string?> Found = new(Find);

    /// <summary>Null where it can.</summary>
    public static string? Missing => Found.Value;

    private static string? Find()
    {
        if (Requirements.Missing is { } missing)
        {
            return missing;
        }

        using var where = new Namespace("esp");
        var tried = where.Execute(
            "ip",
            "xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1000 mode tunnel aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128".Split(' '));
        return tried.ExitCode == 0 ? null : $"the kernel has no ESP: {tried.Errors.Trim()}";
    }
}
