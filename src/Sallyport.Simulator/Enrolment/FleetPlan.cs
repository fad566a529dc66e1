namespace Sallyport.Simulator.Enrolment;

/// <summary>Names and addresses of a fleet that is enrolled at an installation of ours.</summary>
public sealed record FleetPlan
{
    /// <summary>Of the network and of all in it.</summary>
    public required string Name { get; init; }

    public required int Devices { get; init; }

    public string? Wrapping { get; init; }

    /// <summary>In a range for documentation (RFC 5737), behind the site; networks of customers do not use it, and other networks do not appear in it.</summary>
    public const string Target = "203.0.113.10";

    public const string Subnet = "203.0.113.0/24";

    public const ushort Port = 9000;

    /// <summary>Room for a hundred thousand; networks may overlap, so it is nobody else's.</summary>
    public const string Prefix = "10.64.0.0/14";
}
