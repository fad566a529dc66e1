using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Fleet;

/// <summary>A site router that is online.</summary>
public sealed record TestSite(string Name, Namespace Where, OpenVpnProcess Router, TestApplication Application);
