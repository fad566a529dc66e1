using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Sallyport.Harness.Ipsec;

/// <summary>
/// A connection to a daemon's vici socket. The socket is a file: its daemon may live in any network namespace. One question at a time.
/// </summary>
public sealed class ViciConnection : IDisposable
{
    private const byte Command = 0;
    private const byte Response = 1;
    private const byte UnknownCommand = 2;
    private const byte Register = 3;
    private const byte Confirmed = 5;
    private const byte Event = 7;
    private readonly Socket socket;

    private ViciConnection(Socket socket)
    {
        this.socket = socket;
    }

    public static ViciConnection Open(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new ViciConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task<ViciMessage> Ask(string command, ViciMessage? question = null)
    {
        await Send(Command, command, question);
        var (kind, _, message) = await Receive();
        return kind == Response ? message : throw Unexpected(command, kind);
    }

    /// <summary>A command that answers with one event for each thing, and then with an end.</summary>
    public async Task<IReadOnlyList<ViciMessage>> AskForEach(string command, string named, ViciMessage? question = null)
    {
        await Send(Register, named, null);
        if ((await Receive()).Kind is var registered and not Confirmed)
        {
            throw Unexpected(named, registered);
        }

        await Send(Command, command, question);
        var found = new List<ViciMessage>();
        while (true)
        {
            var (kind, _, message) = await Receive();
            switch (kind)
            {
                case Event:
                    found.Add(message);
                    break;
                case Response:
                    return found;
                default:
                    throw Unexpected(command, kind);
            }
        }
    }

    public void Dispose() => socket.Dispose();

    private static InvalidOperationException Unexpected(string command, byte kind) =>
        new(kind == UnknownCommand ? $"the daemon has no vici command '{command}'" : $"the daemon answered vici '{command}' by a packet of kind {kind}");

    private async Task Send(byte kind, string name, ViciMessage? message)
    {
        byte[] body = [kind, checked((byte)name.Length), .. Encoding.ASCII.GetBytes(name), .. message?.ToBytes() ?? []];
        var packet = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, body.Length);
        body.CopyTo(packet, 4);
        for (var sent = 0; sent < packet.Length;)
        {
            sent += await socket.SendAsync(packet.AsMemory(sent));
        }
    }

    private async Task<(byte Kind, string Name, ViciMessage Message)> Receive()
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(await Take(4));
        var body = await Take(length);
        var name = body[0] == Event ? Encoding.ASCII.GetString(body, 2, body[1]) : "";
        return (body[0], name, ViciMessage.Parse(body.AsSpan(body[0] == Event ? 2 + body[1] : 1)));
    }

    private async Task<byte[]> Take(int count)
    {
        var taken = new byte[count];
        for (var have = 0; have < count;)
        {
            var more = await socket.ReceiveAsync(taken.AsMemory(have));
            have += more > 0 ? more : throw new InvalidOperationException("the daemon closed its vici socket");
        }

        return taken;
    }
}
