namespace Sallyport.Harness.Ipsec;

/// <summary>What may differ between charons: its strongswan.conf.</summary>
public sealed record CharonOptions
{
    /// <summary>What a gateway or a router needs, and nothing that touches the machine outside its namespace.</summary>
    public static IReadOnlyList<string> UsualPlugins { get; } =
    [
        // kernel-libipsec comes before kernel-netlink, which would have ESP in the kernel; the latter still knows addresses and routes.
        "random", "nonce", "openssl", "pem", "pkcs1", "pkcs8", "x509", "pubkey", "revocation", "constraints", "curve25519", "chapoly", "aes",
        "sha1", "sha2", "hmac", "kdf", "gcm", "ccm", "ctr", "mgf1", "kernel-libipsec", "kernel-netlink", "socket-default", "vici", "resolve", "updown",
        "eap-identity", "eap-mschapv2", "eap-tls", "counters",
    ];

    public IReadOnlyList<string> Plugins { get; init; } = UsualPlugins;

    /// <summary>Which one is started.</summary>
    public CharonInstallation Installation { get; init; } = CharonInstallation.OfDistribution;

    public int Port { get; init; } = 500;

    public int NatPort { get; init; } = 4500;

    /// <summary>The first repetition of an unanswered request; each following after 1.8 times as long.</summary>
    public double RetransmitSeconds { get; init; } = 1;

    /// <summary>Repetitions before it gives up.</summary>
    public int RetransmitTries { get; init; } = 5;

    /// <summary>-1 says nothing, 1 what matters, 2 every decision, 3 bytes.</summary>
    public int LogLevel { get; init; } = 1;

    /// <summary>Further lines of the daemon's section, as in "threads = 4" or "plugins { … }".</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    internal string ToText(string folder) => $$"""
        charon-systemd {
            load = {{string.Join(' ', Plugins)}}
            port = {{Port}}
            port_nat_t = {{NatPort}}
            retransmit_timeout = {{RetransmitSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)}}
            retransmit_tries = {{RetransmitTries}}
            filelog {
                stderr {
                    default = {{LogLevel}}
                    flush_line = yes
                }
            }
            journal {
                default = -1
            }
            syslog {
                daemon {
                    default = -1
                }
                auth {
                    default = -1
                }
            }
            plugins {
                kernel-libipsec {
                    load = yes
                }
                vici {
                    socket = unix://{{folder}}/{{CharonProcess.SocketName}}
                }
                resolve {
                    file = {{folder}}/{{CharonProcess.ResolverName}}
                    resolvconf {
                        path = /nonexistent/resolvconf
                    }
                }
            }
            {{string.Join("\n    ", Settings)}}
        }

        """;
}
