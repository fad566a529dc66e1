namespace Sallyport.Core.OpenVpn.Negotiation;

public static class NegotiationLimits
{
    /// <summary>One TLS record's plaintext: stock peers read into a buffer of this size.</summary>
    public const int PlaintextMax = 2048;

    /// <summary>Options string of key method 2 with its NUL: stock peers refuse more.</summary>
    public const int OptionStringMax = 512;

    /// <summary>User names, bytes of UTF-8: what stock builds can send.</summary>
    public const int UsernameMax = 128;

    /// <summary>Whom an auth token is made for: a user name, a sign and the number of its password.</summary>
    public const int TokenNameMax = UsernameMax + 11;

    /// <summary>Passwords in bytes: stock builds send 128, MikroTik 233; an auth token may be longer.</summary>
    public const int PasswordMax = 512;

    /// <summary>Peer info in bytes; a stock client sends about 600.</summary>
    public const int PeerInfoMax = PlaintextMax;

    /// <summary>Lines of peer info that are kept. Stock clients send about 20, user-defined UV_ lines come on top.</summary>
    public const int PeerInfoLinesMax = 64;

    /// <summary>Ciphers of one IV_CIPHERS line that are looked at.</summary>
    public const int CiphersMax = 32;

    /// <summary>Bytes of one part of a push reply with its NUL: 2.4 clients hold no more.</summary>
    public const int PushPartMax = 1024;

    /// <summary>Parts that our client joins into one push reply.</summary>
    public const int PushPartsMax = 64;

    /// <summary>Options that our client takes from one push reply: more than `max-routes` 100 of stock clients.</summary>
    public const int PushOptionsMax = 1024;

    /// <summary>Stock peers refuse a longer `ping-restart`: seconds.</summary>
    public const int KeepaliveSecondsMax = 43_200;

    /// <summary>Text that we put into a control message of our own, e.g. a reason: characters.</summary>
    public const int ReasonMax = 256;
}
