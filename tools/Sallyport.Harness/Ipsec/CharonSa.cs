using System.Globalization;

namespace Sallyport.Harness.Ipsec;

/// <summary>An IKE SA as charon lists it.</summary>
/// <param name="State">"CONNECTING", "ESTABLISHED", "REKEYED", "DELETING" and so on.</param>
/// <param name="Suite">Algorithms, as in "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519".</param>
public sealed record CharonIkeSa(
    string Name,
    long UniqueId,
    string State,
    bool IsInitiator,
    string InitiatorSpi,
    string ResponderSpi,
    CharonEnd Local,
    CharonEnd Remote,
    string Suite,
    IReadOnlyList<CharonChildSa> Children)
{
    public bool IsEstablished => State == "ESTABLISHED";

    public static CharonIkeSa Read(string name, ViciMessage sa) => new(
        name,
        sa.Number("uniqueid"),
        sa["state"],
        sa.IsYes("initiator"),
        sa["initiator-spi"],
        sa["responder-spi"],
        CharonEnd.Read("local", sa),
        CharonEnd.Read("remote", sa),
        Algorithms(sa),
        [.. sa.Section("child-sas").Sections.Select(one => CharonChildSa.Read(one.Section))]);

    /// <summary>Encryption with its key length, integrity, PRF, group and additional key exchanges, of those that there are.</summary>
    internal static string Algorithms(ViciMessage sa) => string.Join('/', new[]
    {
        WithLength(sa["encr-alg"], sa["encr-keysize"]), WithLength(sa["integ-alg"], sa["integ-keysize"]), sa["prf-alg"], sa["dh-group"],
    }.Concat(Enumerable.Range(1, 7).Select(number => sa[$"ake{number}"])).Where(word => word.Length > 0));

    private static string WithLength(string name, string bits) => bits.Length > 0 ? $"{name}-{bits}" : name;
}

/// <summary>One side of an IKE SA.</summary>
/// <param name="EapIdentity">Where it is another than <paramref name="Identity"/>.</param>
/// <param name="VirtualAddresses">That this side was given.</param>
/// <param name="BehindNat">Also when kernel-libipsec pretends it, to have ESP in UDP.</param>
public sealed record CharonEnd(string Host, int Port, string Identity, string EapIdentity, IReadOnlyList<string> VirtualAddresses, bool BehindNat)
{
    internal static CharonEnd Read(string side, ViciMessage sa) => new(
        sa[$"{side}-host"],
        (int)sa.Number($"{side}-port"),
        sa[$"{side}-id"],
        sa[$"{side}-eap-id"],
        sa.List($"{side}-vips"),
        sa.IsYes($"nat-{side}"));
}

/// <summary>A CHILD SA as charon lists it.</summary>
/// <param name="State">"INSTALLED", "REKEYED", "DELETED" and so on.</param>
/// <param name="Suite">Algorithms, as in "AES_GCM_16-256"; the group only after a rekey with perfect forward secrecy.</param>
public sealed record CharonChildSa(
    string Name,
    long UniqueId,
    string State,
    string Mode,
    string Suite,
    bool ExtendedSequence,
    bool InUdp,
    uint SpiIn,
    uint SpiOut,
    long BytesIn,
    long PacketsIn,
    long BytesOut,
    long PacketsOut,
    IReadOnlyList<string> LocalSelectors,
    IReadOnlyList<string> RemoteSelectors)
{
    public bool IsInstalled => State == "INSTALLED";

    internal static CharonChildSa Read(ViciMessage sa) => new(
        sa["name"],
        sa.Number("uniqueid"),
        sa["state"],
        sa["mode"],
        CharonIkeSa.Algorithms(sa),
        sa["esn"] == "1",
        sa.IsYes("encap"),
        Spi(sa["spi-in"]),
        Spi(sa["spi-out"]),
        sa.Number("bytes-in"),
        sa.Number("packets-in"),
        sa.Number("bytes-out"),
        sa.Number("packets-out"),
        sa.List("local-ts"),
        sa.List("remote-ts"));

    private static uint Spi(string hex) => hex.Length > 0 ? uint.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture) : 0;
}
