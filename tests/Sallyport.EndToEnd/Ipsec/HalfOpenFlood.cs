using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Somebody who begins IKE SAs from several ports, each with a key exchange that is right, and ends none of them.</summary>
internal sealed class HalfOpenFlood : IDisposable
{
    private const int Ports = 8;
    private const int HeadLength = 28;
    private const int Notify = 41;
    private const int Cookie = 16390;
    private readonly List<Socket> sockets = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Task running;
    private int answers;
    private int cookies;

    public HalfOpenFlood(Namespace from, IPAddress to)
    {
        for (var i = 0; i < Ports; i++)
        {
            sockets.Add(from.Run(() =>
            {
                var made = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
                made.Connect(new IPEndPoint(to, 500));
                return made;
            }));
        }

        running = Task.Run(Run);
    }

    /// <summary>Messages that came back.</summary>
    public int Answers => Volatile.Read(ref answers);

    /// <summary>Those of them that want to see first that the asker receives.</summary>
    public int Cookies => Volatile.Read(ref cookies);

    public Task UntilCookie(int seconds) => Eventually.True(() => Cookies > 0, "the gateway asks for a cookie", seconds);

    public void Dispose()
    {
        stop.Cancel();
        running.GetAwaiter().GetResult();
        sockets.ForEach(socket => socket.Dispose());
        stop.Dispose();
    }

    /// <summary>RFC 7296 section 3: SA with AES-GCM-256, PRF of SHA-256 and X25519; KE; Nonce.</summary>
    private static byte[] FirstMessage()
    {
        byte[] proposal =
        [
            0, 0, 0, 36, 1, 1, 0, 3,
            3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0,
            3, 0, 0, 8, 2, 0, 0, 5,
            0, 0, 0, 8, 4, 0, 0, 31,
        ];
        byte[] body =
        [
            34, 0, 0, (byte)(4 + proposal.Length), .. proposal,
            40, 0, 0, 40, 0, 31, 0, 0, .. RandomNumberGenerator.GetBytes(32),
            0, 0, 0, 36, .. RandomNumberGenerator.GetBytes(32),
        ];
        byte[] message = [.. RandomNumberGenerator.GetBytes(8), 0, 0, 0, 0, 0, 0, 0, 0, 33, 0x20, 34, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, .. body];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(24), message.Length);
        return message;
    }

    private async Task Run()
    {
        var buffer = new byte[2048];
        while (!stop.IsCancellationRequested)
        {
            foreach (var socket in sockets)
            {
                Send(socket);
                while (socket.Available > 0)
                {
                    var count = socket.Receive(buffer);
                    answers++;
                    cookies += count > HeadLength + 8 && buffer[16] == Notify && BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(HeadLength + 6)) == Cookie ? 1 : 0;
                }
            }

            await Task.Delay(50);
        }
    }

    private static void Send(Socket socket)
    {
        try
        {
            socket.Send(FirstMessage());
        }
        catch (SocketException)
        {
            // An ICMP answer to an earlier one.
        }
    }
}
