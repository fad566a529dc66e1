using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Host;

/// <summary>The device of the gateway host, as far as the kernel's routes lead guests into it. They go with it.</summary>
internal interface IGuestRoutes
{
    string Name { get; }

    /// <exception cref="LinuxException">It cannot be.</exception>
    void AddRoute(IpPrefix prefix);

    void RemoveRoute(IpPrefix prefix);
}
