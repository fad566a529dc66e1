namespace Sallyport.Core.Ike.Wire;

/// <summary>RFC 7296 section 3.1, RFC 5723, RFC 9242, RFC 9370.</summary>
public enum ExchangeType : byte
{
    None = 0,
    IkeSaInit = 34,
    IkeAuth = 35,
    CreateChildSa = 36,
    Informational = 37,
    IkeSessionResume = 38,
    IkeIntermediate = 43,
    IkeFollowupKe = 44,
}

[Flags]
public enum IkeFlags : byte
{
    None = 0,

    /// <summary>The sender is who began this IKE SA.</summary>
    Initiator = 0x08,
    Version = 0x10,
    Response = 0x20,
}
