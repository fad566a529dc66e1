using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Sallyport.Daemon.Settings;

/// <summary>The address under which this machine most likely is reached: the one that its default route leaves from.</summary>
internal static class OwnEndpoint
{
    public static string Find()
    {
        // Connecting a datagram socket sends nothing; the kernel only chooses the source address. Addresses of RFC 5737 and RFC 3849.
        return SourceFor(AddressFamily.InterNetwork, "198.51.100.1")
            ?? SourceFor(AddressFamily.InterNetworkV6, "2001:db8::1")
            ?? AnyAddress()
            ?? Dns.GetHostName();
    }

    private static string? SourceFor(AddressFamily family, string destination)
    {
        try
        {
            using var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(IPAddress.Parse(destination), 9);
            return (socket.LocalEndPoint as IPEndPoint)?.Address.ToString();
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static string? AnyAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(i => i.OperationalStatus == OperationalStatus.Up && i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
        .SelectMany(i => i.GetIPProperties().UnicastAddresses)
        .Select(a => a.Address)
        .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork)?.ToString();
}
