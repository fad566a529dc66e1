using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tests.Dns;

/// <summary>A name server on loopback, over UDP and TCP at one port, that answers as a test says.</summary>
internal sealed class TestDnsServer : IDisposable
{
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Socket _tcp = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Func<byte[], bool, IEnumerable<byte[]>> _answer;

    /// <param name="answer">Of a question, and whether it came over TCP; nothing: silence. Several datagrams: one after the other.</param>
    public TestDnsServer(Func<byte[], bool, IEnumerable<byte[]>> answer)
    {
        _answer = answer;
        _tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _tcp.Listen();
        _udp.Bind(_tcp.LocalEndPoint!);
        _ = Task.Run(ServeDatagramsAsync);
        _ = Task.Run(ServeStreamsAsync);
    }

    public OuterAddress Address => new(IpAddress.Parse("127.0.0.1"), (ushort)((IPEndPoint)_udp.LocalEndPoint!).Port);

    /// <summary>Ports and numbers that questions came from and with.</summary>
    public List<(int Port, ushort Id)> Seen { get; } = [];

    public void Dispose()
    {
        _udp.Dispose();
        _tcp.Dispose();
    }

    private async Task ServeDatagramsAsync()
    {
        try
        {
            var buffer = new byte[4096];
            while (true)
            {
                var got = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                var query = buffer[..got.ReceivedBytes];
                lock (Seen)
                {
                    Seen.Add((((IPEndPoint)got.RemoteEndPoint).Port, BinaryPrimitives.ReadUInt16BigEndian(query)));
                }

                foreach (var answer in _answer(query, false))
                {
                    await _udp.SendToAsync(answer, SocketFlags.None, got.RemoteEndPoint);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeStreamsAsync()
    {
        try
        {
            while (true)
            {
                using var peer = await _tcp.AcceptAsync();
                using var stream = new NetworkStream(peer);
                var length = new byte[2];
                await stream.ReadExactlyAsync(length);
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(query);
                foreach (var answer in _answer(query, true))
                {
                    BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);

                    // In pieces, as a network may.
                    await stream.WriteAsync(length.AsMemory(0, 1));
                    await stream.FlushAsync();
                    await stream.WriteAsync(length.AsMemory(1));
                    await stream.WriteAsync(answer);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The test is over.
        }
    }
}
