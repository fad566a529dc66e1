using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Linux;

namespace Sallyport.Bench.Flood;

/// <summary>
/// Packets that no server can believe, at a rate, from many ports: control packets whose HMAC is wrong, data packets of tunnels that exist
/// whose tag is wrong, and resets with a client key that nobody wrapped; a third each.
/// </summary>
internal sealed class ForgedFlood : IDisposable
{
    private const int Sockets = 64;
    private const int Batch = 32;
    private const int DataBytes = 256;
    private const int ControlBytes = 120;
    private const int ResetBytes = 400;
    private readonly IPEndPoint target;
    private readonly double rate;
    private readonly int tunnels;
    private readonly Thread thread;
    private readonly byte[] noise = RandomNumberGenerator.GetBytes(ResetBytes);
    private long sent;
    private volatile bool stopping;

    /// <param name="enter">Puts the flood's thread where it comes from.</param>
    /// <param name="tunnels">Peer ids below this exist.</param>
    public ForgedFlood(IPEndPoint target, double rate, int tunnels, Action enter)
    {
        this.target = target;
        this.rate = rate;
        this.tunnels = tunnels;
        thread = new Thread(() =>
        {
            enter();
            Run();
        }) { IsBackground = true, Name = "flood" };
        thread.Start();
    }

    public long Sent => Volatile.Read(ref sent);

    public void Dispose()
    {
        stopping = true;
        thread.Join();
    }

    private void Run()
    {
        var pool = SourcePool.Anywhere();
        var sockets = Enumerable.Range(0, Sockets).Select(_ => pool.Open(target)).ToArray();
        using var ring = new SendRing();
        using var pause = new ManualResetEventSlim();
        var began = Stopwatch.GetTimestamp();
        for (var turn = 0; !stopping; turn++)
        {
            while (Stopwatch.GetElapsedTime(began).TotalSeconds * rate < sent && !stopping)
            {
                pause.Wait(1);
            }

            for (var i = 0; i < Batch; i++)
            {
                ring.Add(0, Forge(ring.Slot, (turn * Batch) + i));
            }

            ring.Flush(sockets[turn % Sockets]);
            Volatile.Write(ref sent, sent + Batch);
        }

        foreach (var socket in sockets)
        {
            socket.Close();
        }
    }

    private int Forge(Span<byte> packet, int number)
    {
        var (opcode, length) = (number % 3) switch
        {
            0 => (Opcode.ControlV1, ControlBytes),
            1 => (Opcode.DataV2, DataBytes),
            _ => (Opcode.HardResetClientV3, ResetBytes),
        };
        noise.AsSpan(0, length).CopyTo(packet);
        packet[0] = PacketHead.Of(opcode, 0).Value;

        // No two are alike: what remembers packets must not get away with remembering few.
        BinaryPrimitives.WriteInt64BigEndian(packet[16..], number);
        switch (opcode)
        {
            case Opcode.DataV2:
                packet[1] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(number % tunnels));
                break;
            case Opcode.HardResetClientV3:
                // The last two bytes are the wrapped key's length: plausible, so that it is looked at.
                BinaryPrimitives.WriteUInt16BigEndian(packet[(length - 2)..], 290);
                break;
        }

        return length;
    }
}
