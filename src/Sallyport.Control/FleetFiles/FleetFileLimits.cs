namespace Sallyport.Control.FleetFiles;

/// <summary>What a fleet file may be. It comes from outside, and is read while everybody else waits to write.</summary>
internal static class FleetFileLimits
{
    public const int BytesMax = 8 << 20; // twenty thousand devices with labels are two

    public const int DepthMax = 16; // what means something has five levels

    public const int NodesMax = 250_000; // each costs half a kilobyte while it is read

    public const int TextMax = 4_096; // characters of one value; the longest that means something is a label of 128

    public const int EntriesMax = 50_000; // networks, sites, devices, groups, applications, rules and tests together

    public const int ProblemsMax = 50; // beyond, nobody reads on before mending these

    /// <summary>Answers of plans and applies, in lines.</summary>
    public const int RemarksMax = 200;
}
