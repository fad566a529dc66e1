using System.Buffers.Binary;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Sallyport.Control.Http;

namespace Sallyport.Daemon.Hosting;

/// <summary>What callers of the HTTPS API may hold before they have shown a token.</summary>
internal sealed record NewcomerLimits
{
    /// <summary>Connections of one address (IPv6: one /64). A browser opens six; a few operators behind one NAT open some dozen.</summary>
    public int PerAddressMax { get; init; } = 32;

    /// <summary>Connections of all. Half of what the server takes in all stays for those who have shown a token and for the Unix socket.</summary>
    public int TotalMax { get; init; } = 512;

    /// <summary>From the connection to the first request with a token: a handshake over a satellite takes three seconds.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>
/// In front of TLS: connections on which no token was shown yet are few for each address and for all, and end soon. Whoever has no token
/// cannot keep operators out by holding connections open.
/// </summary>
internal sealed class NewcomerGate(NewcomerLimits limits, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, int> _bySource = [];
    private int _total;

    public async Task PassAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var source = SourceOf(connection.RemoteEndPoint);
        if (!TryEnter(source))
        {
            connection.Abort();
            return;
        }

        var newcomer = new Newcomer(this, source, connection);
        connection.Features.Set<IConnectionStanding>(newcomer);
        try
        {
            await using var timer = time.CreateTimer(_ => newcomer.Expire(), null, limits.Patience, Timeout.InfiniteTimeSpan);
            await next(connection);
        }
        finally
        {
            newcomer.TryLeave();
        }
    }

    private static UInt128 SourceOf(EndPoint? remote)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (remote is IPEndPoint { Address: var address } && address.MapToIPv6().TryWriteBytes(bytes, out _) && !address.MapToIPv6().IsIPv4MappedToIPv6)
        {
            bytes[8..].Clear();
        }

        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private bool TryEnter(UInt128 source)
    {
        lock (_lock)
        {
            var own = _bySource.GetValueOrDefault(source);
            if (own >= limits.PerAddressMax || _total >= limits.TotalMax)
            {
                return false;
            }

            _bySource[source] = own + 1;
            _total++;
            return true;
        }
    }

    private void Leave(UInt128 source)
    {
        lock (_lock)
        {
            _total--;
            if (--_bySource[source] == 0)
            {
                _bySource.Remove(source);
            }
        }
    }

    private sealed class Newcomer(NewcomerGate gate, UInt128 source, ConnectionContext connection) : IConnectionStanding
    {
        private int _hasLeft;

        public void Authorised() => TryLeave();

        public void Expire()
        {
            if (TryLeave())
            {
                connection.Abort();
            }
        }

        /// <summary>True where it was a newcomer until now.</summary>
        public bool TryLeave()
        {
            if (Interlocked.Exchange(ref _hasLeft, 1) != 0)
            {
                return false;
            }

            gate.Leave(source);
            return true;
        }
    }
}
