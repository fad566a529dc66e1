namespace Sallyport.Core.Ike.Wire;

/// <summary>Errors are below 16384, everything else is above (RFC 7296 section 3.10.1).</summary>
public enum NotifyType : ushort
{
    None = 0,
    UnsupportedCriticalPayload = 1,
    InvalidIkeSpi = 4,
    InvalidMajorVersion = 5,
    InvalidSyntax = 7,
    InvalidMessageId = 9,
    InvalidSpi = 11,
    NoProposalChosen = 14,
    InvalidKePayload = 17,
    AuthenticationFailed = 24,
    SinglePairRequired = 34,
    NoAdditionalSas = 35,
    InternalAddressFailure = 36,
    FailedCpRequired = 37,
    TsUnacceptable = 38,
    InvalidSelectors = 39,
    UnacceptableAddresses = 40,
    UnexpectedNatDetected = 41,
    TemporaryFailure = 43,
    ChildSaNotFound = 44,
    StateNotFound = 47,

    /// <summary>The last of the errors.</summary>
    ErrorMax = 16383,

    InitialContact = 16384,
    SetWindowSize = 16385,
    AdditionalTsPossible = 16386,
    NatDetectionSourceIp = 16388,
    NatDetectionDestinationIp = 16389,
    Cookie = 16390,
    UseTransportMode = 16391,
    HttpCertLookupSupported = 16392,
    RekeySa = 16393,
    EspTfcPaddingNotSupported = 16394,
    NonFirstFragmentsAlso = 16395,
    MobikeSupported = 16396,
    AdditionalIp4Address = 16397,
    AdditionalIp6Address = 16398,
    NoAdditionalAddresses = 16399,
    UpdateSaAddresses = 16400,
    Cookie2 = 16401,
    NoNatsAllowed = 16402,
    AuthLifetime = 16403,
    RedirectSupported = 16406,
    Redirect = 16407,
    RedirectedFrom = 16408,
    TicketLifetimeOpaque = 16409,
    TicketRequest = 16410,
    TicketAck = 16411,
    TicketNack = 16412,
    TicketOpaque = 16413,
    EapOnlyAuthentication = 16417,
    ChildlessSupported = 16418,
    FragmentationSupported = 16430,
    SignatureHashAlgorithms = 16431,
    UsePpk = 16435,
    PpkIdentity = 16436,
    NoPpkAuth = 16437,
    IntermediateSupported = 16438,
    AdditionalKeyExchange = 16441,
}

public static class NotifyTypes
{
    public static bool IsError(this NotifyType type) => type is > NotifyType.None and <= NotifyType.ErrorMax;
}
