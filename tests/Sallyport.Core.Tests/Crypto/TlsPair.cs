using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>A client and a server joined by a wire of memory.</summary>
internal sealed class TlsPair(TlsContext server, TlsContext client, Instant now) : IDisposable
{
    public TlsPump Server { get; } = new(server, now);

    public TlsPump Client { get; } = new(client, now);

    /// <summary>Runs both sides until neither has more to say, and says how the last step of each ended.</summary>
    public (TlsStatus Client, TlsStatus Server) Handshake(int bytesAtOnce = int.MaxValue)
    {
        var clientStatus = Client.Handshake();
        var serverStatus = TlsStatus.WantRead;
        for (var turn = 0; turn < 20 && (Client.PendingOutput > 0 || Server.PendingOutput > 0); turn++)
        {
            serverStatus = Carry(Client, Server, bytesAtOnce, serverStatus);
            clientStatus = Carry(Server, Client, bytesAtOnce, clientStatus);
        }

        return (clientStatus, serverStatus);
    }

    public static byte[] DrainAll(TlsPump pump)
    {
        var bytes = new byte[pump.PendingOutput];
        pump.Drain(bytes).ShouldBe(bytes.Length);
        pump.PendingOutput.ShouldBe(0);
        return bytes;
    }

    /// <summary>Everything that one write on one side becomes on the other.</summary>
    public static byte[] Send(TlsPump from, TlsPump to, ReadOnlySpan<byte> plaintext)
    {
        from.Write(plaintext).ShouldBe(TlsStatus.Done);
        to.Feed(DrainAll(from));
        var received = new List<byte>();
        var room = new byte[TlsLimits.MaxRecordPlaintext];
        while (to.Read(room, out var count) == TlsStatus.Done)
        {
            received.AddRange(room.AsSpan(0, count));
        }

        return [.. received];
    }

    public void Dispose()
    {
        Server.Dispose();
        Client.Dispose();
    }

    private static TlsStatus Carry(TlsPump from, TlsPump to, int bytesAtOnce, TlsStatus status)
    {
        foreach (var piece in DrainAll(from).Chunk(Math.Min(bytesAtOnce, 1 << 20)))
        {
            to.Feed(piece);
            status = to.Handshake();
        }

        return status;
    }
}
