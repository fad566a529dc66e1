using System.Net;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Fleet;

/// <summary>What the site runs at its application's address: TCP and UDP echo, and a neighbour on another port and another host.</summary>
public sealed class TestApplication : IDisposable
{
    public const int Port = 8883;
    public const int OtherPort = 8884;
    private readonly IDisposable[] servers;

    public TestApplication(Namespace where)
    {
        Tcp = new TcpEcho(where, Topology.Application, Port);
        Udp = new UdpEcho(where, Topology.Application, Port);
        NeighbourPort = new TcpEcho(where, Topology.Application, OtherPort);
        NeighbourHost = new TcpEcho(where, Topology.OtherHost, Port);
        servers = [Tcp, Udp, NeighbourPort, NeighbourHost, new TcpEcho(where, AddressV6, Port), new UdpEcho(where, AddressV6, Port)];
    }

    public static IPAddress AddressV6 { get; } = IPAddress.Parse("fd50::10");

    public TcpEcho Tcp { get; }

    public UdpEcho Udp { get; }

    /// <summary>Reached by nobody, or something is wrong.</summary>
    public TcpEcho NeighbourPort { get; }

    public TcpEcho NeighbourHost { get; }

    public void Dispose()
    {
        foreach (var server in servers)
        {
            server.Dispose();
        }
    }
}
