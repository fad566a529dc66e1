using System.Net;
using Sallyport.Simulator.Linux;

namespace Sallyport.Simulator.Fleets;

/// <summary>
/// Source addresses and ports for devices: every socket gets one that was not used lately, all ports of an address before the next
/// address. (A stock server takes a reset from the address of a client that has just left for that client's, and lets it wait.)
/// </summary>
public sealed class SourcePool
{
    private const int FirstPort = 10_000;
    private const int Ports = 55_000;
    private const int Attempts = 4096;
    private readonly IReadOnlyList<IPAddress> addresses;
    private long taken;

    /// <param name="addresses">Of this machine or namespace; more than one where a fleet needs more ports than one has.</param>
    public SourcePool(IReadOnlyList<IPAddress> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfZero(addresses.Count);
        this.addresses = addresses;
    }

    /// <summary>The address that the route leaves from.</summary>
    public static SourcePool Anywhere() => new([IPAddress.Any]);

    /// <summary>So many addresses of the loopback net, all of which are the machine's own.</summary>
    public static SourcePool Loopback(int count) =>
        new([.. Enumerable.Range(1, Math.Clamp(count, 1, 250)).Select(host => new IPAddress([127, 0, 0, (byte)host]))]);

    /// <summary>As many as a fleet of that size needs with room for roaming.</summary>
    public static SourcePool For(IPAddress server, int devices) => IPAddress.IsLoopback(server) && server.GetAddressBytes().Length == 4
        ? Loopback(1 + (devices / (Ports / 4)))
        : Anywhere();

    internal DeviceSocket Open(IPEndPoint server)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (DeviceSocket.TryOpen(Next(), server, out var socket))
            {
                return socket;
            }
        }

        throw new InvalidOperationException($"no free port among {Attempts} tried: give the fleet more source addresses");
    }

    internal IPEndPoint Next()
    {
        var number = Interlocked.Increment(ref taken) - 1;
        return new IPEndPoint(addresses[(int)(number / Ports % addresses.Count)], FirstPort + (int)(number % Ports));
    }
}
