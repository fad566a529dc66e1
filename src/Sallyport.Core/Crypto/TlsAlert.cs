namespace Sallyport.Core.Crypto;

/// <summary>Alert descriptions of RFC 8446 section 6.</summary>
internal static class TlsAlert
{
    public const byte CloseNotify = 0;
    public const byte UnexpectedMessage = 10;
    public const byte BadRecordMac = 20;
    public const byte RecordOverflow = 22;
    public const byte DecodeError = 50;

    /// <summary>For people.</summary>
    public static string Describe(byte description) => description switch
    {
        UnexpectedMessage => "alert unexpected_message",
        BadRecordMac => "alert bad_record_mac",
        RecordOverflow => "alert record_overflow",
        40 => "alert handshake_failure",
        42 => "alert bad_certificate",
        43 => "alert unsupported_certificate",
        44 => "alert certificate_revoked",
        45 => "alert certificate_expired",
        46 => "alert certificate_unknown",
        47 => "alert illegal_parameter",
        48 => "alert unknown_ca",
        49 => "alert access_denied",
        DecodeError => "alert decode_error",
        51 => "alert decrypt_error",
        70 => "alert protocol_version",
        71 => "alert insufficient_security",
        80 => "alert internal_error",
        90 => "alert user_canceled",
        116 => "alert certificate_required",
        _ => $"alert {description}",
    };
}
