namespace Sallyport.Fuzz.Targets;

/// <summary>Texts as peers of different age send them.</summary>
internal static class NegotiationSeeds
{
    public const string PeerInfo26 =
        "IV_VER=2.6.14\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=990\n"
        + "IV_LZO_STUB=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\n";

    public const string PeerInfo24 = "IV_VER=2.4.12\nIV_PLAT=win\nIV_PROTO=2\nIV_NCP=2\nIV_LZ4=1\nIV_LZ4v2=1\nIV_LZO=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\nIV_TCPNL=1\n";

    public const string Options26 =
        "V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,auth [null-digest],keysize 256,key-method 2,tls-client";

    public const string OptionsRouter =
        "V4,dev-type tun,link-mtu 1558,tun-mtu 1500,proto TCPv4_CLIENT,comp-lzo,keydir 1,cipher AES-256-CBC,auth SHA1,keysize 256,tls-auth,key-method 2,tls-client";

    public static readonly string[] PeerInfoWords =
    [
        "\n", "=", "IV_PROTO=", "IV_CIPHERS=", ":", "AES-256-GCM", "aes-128-cbc", "CHACHA20-POLY1305", "IV_NCP=", "IV_MTU=", "IV_COMP_STUBv2=1\n", "IV_LZO=1\n",
        "UV_X=", "4294967295", "4294967296", "-1", "\u202e", "\u00e9", "\ud83d\ude00", "\r\n",
    ];

    public static readonly string[] OptionWords =
    [
        ",", "V4", "V0 UNDEF", "dev-type tap", "tun-mtu 65535", "tun-mtu", "link-mtu 0", "cipher AES-128-CBC", "cipher ", "auth SHA512", "auth", "comp-lzo", "mtu-dynamic",
        "keydir 0", "keydir 1", "keydir", "proto TCPv6_CLIENT", "tls-auth", "tls-client", "tls-server",
    ];
}
