using System.Globalization;
using System.Text;
using Sallyport.Core.OpenVpn.Data;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>Bits of IV_PROTO, by OpenVPN's names.</summary>
[Flags]
public enum IvProto : uint
{
    None = 0,
    DataV2 = 1 << 1,
    RequestPush = 1 << 2,
    TlsKeyExport = 1 << 3,
    AuthPendingKw = 1 << 4,
    NcpP2P = 1 << 5,
    DnsOption = 1 << 6,
    CcExitNotify = 1 << 7,
    AuthFailTemp = 1 << 8,
    DynTlsCrypt = 1 << 9,
    DataEpoch = 1 << 10,
    DnsOptionV2 = 1 << 11,
    PushUpdate = 1 << 12,
}

public readonly record struct PeerInfoLine(string Name, string Value);

/// <summary>
/// What a client says about itself: lines `NAME=value`. Nothing here is proven; it decides formats and is shown to operators.
/// Lines that are not printable or beyond the limits are left out, the rest counts.
/// </summary>
public sealed class PeerInfo
{
    private readonly List<PeerInfoLine> _lines = [];

    private PeerInfo()
    {
    }

    public static PeerInfo Empty { get; } = new();

    /// <summary>As sent, in order.</summary>
    public IReadOnlyList<PeerInfoLine> Lines => _lines;

    /// <summary>Lines that were left out.</summary>
    public int RefusedLines { get; private set; }

    public IvProto Proto =>
        (IvProto)(uint.TryParse(Find("IV_PROTO"), NumberStyles.None, CultureInfo.InvariantCulture, out var bits) ? bits : 0);

    /// <summary>IV_VER, e.g. "2.6.14"; empty where not sent.</summary>
    public string Version => Find("IV_VER") ?? "";

    /// <summary>IV_PLAT, e.g. "linux"; empty where not sent.</summary>
    public string Platform => Find("IV_PLAT") ?? "";

    /// <summary>IV_MTU: the largest tun-mtu that the client lets us push (2.6 on). Null where it takes none.</summary>
    public int? MaxTunMtu => TryNumber("IV_MTU", out var mtu) && mtu is >= 68 and <= 65_535 ? mtu : null;

    /// <summary>IV_NCP: 2 and more means that it takes a pushed cipher.</summary>
    public int Ncp => TryNumber("IV_NCP", out var version) ? version : 0;

    /// <summary>IV_CIPHERS in the client's order, without those that we do not speak. Null where the line was not sent.</summary>
    public IReadOnlyList<DataCipher>? Ciphers { get; private set; }

    public bool SupportsNcp => Ncp >= 2 || Ciphers is not null;

    /// <summary>IV_COMP_STUBv2: takes `compress stub-v2`.</summary>
    public bool SupportsStubV2 => IsOne("IV_COMP_STUBv2");

    /// <summary>IV_COMP_STUB: takes `compress`.</summary>
    public bool SupportsStub => IsOne("IV_COMP_STUB");

    /// <summary>IV_LZO or IV_LZO_STUB: takes `comp-lzo no`.</summary>
    public bool SupportsLzoFraming => IsOne("IV_LZO") || IsOne("IV_LZO_STUB");

    /// <summary>IV_TCPNL: takes packet ids out of order over TCP.</summary>
    public bool TcpNonLinear => IsOne("IV_TCPNL");

    /// <summary>Null where the line was not sent. The first of several counts.</summary>
    public string? Find(string name)
    {
        foreach (var line in _lines)
        {
            if (line.Name.Equals(name, StringComparison.Ordinal))
            {
                return line.Value;
            }
        }

        return null;
    }

    public static PeerInfo Parse(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return Empty;
        }

        var info = new PeerInfo();
        if (text.Length > NegotiationLimits.PeerInfoMax)
        {
            // What remains of the cut line could read as another value.
            text = text[..NegotiationLimits.PeerInfoMax];
            text = text[..(text.LastIndexOf((byte)'\n') + 1)];
            info.RefusedLines++;
        }

        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.EndsWith("\r"u8))
            {
                line = line[..^1];
            }

            if (!line.IsEmpty)
            {
                info.Add(line);
            }
        }

        info.ReadCiphers();
        return info;
    }

    /// <summary>What our own client says.</summary>
    public static PeerInfo Of(params IReadOnlyList<PeerInfoLine> lines)
    {
        var info = new PeerInfo();
        info._lines.AddRange(lines);
        info.ReadCiphers();
        return info;
    }

    /// <summary>Lines of `NAME=value\n`.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        foreach (var line in _lines)
        {
            text.Append(line.Name).Append('=').Append(line.Value).Append('\n');
        }

        return text.ToString();
    }

    private void Add(ReadOnlySpan<byte> line)
    {
        var equals = line.IndexOf((byte)'=');
        if (equals <= 0
            || _lines.Count == NegotiationLimits.PeerInfoLinesMax
            || !IsName(line[..equals])
            || !PrintableText.TryDecode(line[(equals + 1)..], out var value))
        {
            RefusedLines++;
            return;
        }

        _lines.Add(new PeerInfoLine(Encoding.ASCII.GetString(line[..equals]), value));
    }

    private static bool IsName(ReadOnlySpan<byte> name) => !name.ContainsAnyExcept(NameBytes);

    private static readonly System.Buffers.SearchValues<byte> NameBytes =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."u8);

    private void ReadCiphers()
    {
        if (Find("IV_CIPHERS") is not { } names)
        {
            return;
        }

        var ciphers = new List<DataCipher>();
        var seen = 0;
        foreach (var range in names.AsSpan().Split(':'))
        {
            if (++seen > NegotiationLimits.CiphersMax)
            {
                break;
            }

            if (DataCiphers.TryParse(names.AsSpan()[range], out var cipher))
            {
                ciphers.Add(cipher);
            }
        }

        Ciphers = ciphers;
    }

    private bool IsOne(string name) => Find(name) is "1";

    private bool TryNumber(string name, out int number) =>
        int.TryParse(Find(name), NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
