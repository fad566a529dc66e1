using Sallyport.Core.Crypto;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Harness;

/// <summary>A test that needs root, namespaces and the distribution's OpenVPN.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NetworkFactAttribute : FactAttribute
{
    public NetworkFactAttribute()
    {
        Skip = Requirements.Missing;
    }
}

/// <summary>The same with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NetworkTheoryAttribute : TheoryAttribute
{
    public NetworkTheoryAttribute()
    {
        Skip = Requirements.Missing;
    }
}

/// <summary>A test that turns a program's clock with libfaketime as well.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClockFactAttribute : FactAttribute
{
    public ClockFactAttribute()
    {
        Skip = Requirements.Missing ?? (Requirements.HasTool("faketime") ? null : "'faketime' is not installed: apt-get install faketime");
    }
}

/// <summary>The same with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClockTheoryAttribute : TheoryAttribute
{
    public ClockTheoryAttribute()
    {
        Skip = new ClockFactAttribute().Skip;
    }
}

/// <summary>A test that scans with nmap as well, and counts with nft what arrives.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ScanFactAttribute : FactAttribute
{
    public ScanFactAttribute()
    {
        Skip = Requirements.Missing
            ?? new[] { ("nmap", "nmap"), ("nft", "nftables") }.Where(tool => !Requirements.HasTool(tool.Item1))
                .Select(tool => $"'{tool.Item1}' is not installed: apt-get install {tool.Item2}").FirstOrDefault();
    }
}

/// <summary>A test that runs our programs as nobody.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class UnprivilegedFactAttribute : FactAttribute
{
    /// <summary>Debian's nobody.</summary>
    public const int UserId = 65534;

    public UnprivilegedFactAttribute()
    {
        Skip = Requirements.Missing ?? (MayRun() ? null : $"the user nobody may not run programs in {Programs.Root}");
    }

    private static bool MayRun() =>
        Programs.Missing is not null
        || Shell.TryRun("setpriv", $"--reuid={UserId}", $"--regid={UserId}", "--clear-groups", "test", "-x", Programs.PathOf("sallyportd")).ExitCode == 0;
}

/// <summary>A test that runs the distribution's strongSwan as well.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IpsecFactAttribute : FactAttribute
{
    public IpsecFactAttribute()
    {
        Skip = Requirements.Missing ?? Requirements.MissingForIpsec;
    }
}

/// <summary>The same with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IpsecTheoryAttribute : TheoryAttribute
{
    public IpsecTheoryAttribute()
    {
        Skip = new IpsecFactAttribute().Skip;
    }
}

/// <summary>A test of what a strongSwan of some version, as in "6.0.0", is the first to do: the distribution's, or the later one that ./test unpacks.</summary>
[AttributeUsage(AttributeTargets.Method)]
public class LaterStrongswanFactAttribute : FactAttribute
{
    public LaterStrongswanFactAttribute(string first)
    {
        Skip = new IpsecFactAttribute().Skip
            ?? (CharonInstallation.Since(first) is null ? $"no strongSwan {first} or later here; {CharonInstallation.Best}" : null);
    }
}

/// <summary>The same with ML-KEM at both ends, which OpenSSL 3.5 brings, and to strongSwan 6.0.2.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostQuantumFactAttribute : LaterStrongswanFactAttribute
{
    public PostQuantumFactAttribute()
        : base("6.0.2")
    {
        Skip ??= KeyExchange.IsAvailable(KeyExchangeMethod.MlKem768) ? null : "OpenSSL here has no ML-KEM, which comes with 3.5";
    }
}

/// <summary>A test of strongSwan with another clock.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IpsecClockFactAttribute : FactAttribute
{
    public IpsecClockFactAttribute()
    {
        Skip = new IpsecFactAttribute().Skip ?? new ClockFactAttribute().Skip;
    }
}

/// <summary>A test of strongSwan with a router between that translates addresses.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NatFactAttribute : FactAttribute
{
    public NatFactAttribute()
    {
        Skip = new IpsecFactAttribute().Skip ?? NatBox.Missing;
    }
}

/// <summary>A test of strongSwan that probes with ike-scan.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProbeFactAttribute : FactAttribute
{
    public ProbeFactAttribute()
    {
        Skip = new IpsecFactAttribute().Skip ?? IkeScan.Missing;
    }
}

/// <summary>A test that runs the distribution's libreswan beside its strongSwan.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LibreswanFactAttribute : FactAttribute
{
    public LibreswanFactAttribute()
    {
        Skip = new IpsecFactAttribute().Skip ?? LibreswanProcess.Missing;
    }
}
