using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

internal enum AttemptResult : byte
{
    Waiting,

    /// <summary>The question is sent: from now on it is the other side's turn.</summary>
    WantsRead,

    /// <summary>The answer is in the buffer.</summary>
    Answer,

    Failed,
}

/// <summary>One question on its way to a server. Nothing blocks.</summary>
internal sealed class UpstreamAttempt(UpstreamQuestion question, int slot) : IDisposable
{
    private const int LengthBytes = sizeof(ushort);

    /// <summary>The question with a length before it, as a stream wants it.</summary>
    private readonly byte[] _query = new byte[LengthBytes + DnsRelay.QueryMax];
    private byte[] _stream = [];
    private Socket? _socket;
    private ushort _id;
    private int _queryLength;
    private int _sent;
    private int _received;
    private int _strays;

    public UpstreamQuestion Question { get; } = question;

    public int Slot { get; } = slot;

    /// <summary>Tells what the kernel says of this socket from what it said of the one before.</summary>
    public uint Generation { get; set; }

    public Instant Deadline { get; set; }

    /// <summary>Attempts that came to nothing.</summary>
    public int Count { get; set; }

    /// <summary>The answer that did not fit a datagram.</summary>
    public UpstreamAnswer? Truncated { get; set; }

    public bool IsStream { get; private set; }

    public bool IsOpen => _socket is not null;

    public int Fd => (int)_socket!.Handle;

    /// <summary>False where there is no way to the server.</summary>
    public bool TryStart(ushort id, bool isStream)
    {
        _id = id;
        IsStream = isStream;
        (_sent, _received, _strays, _stream) = (0, 0, 0, []);
        var length = DnsRelay.WriteQuery(Question.Message, Question.Query, id, _query.AsSpan(LengthBytes));
        BinaryPrimitives.WriteUInt16BigEndian(_query, (ushort)length);
        _queryLength = LengthBytes + length;
        var server = Question.Forward.Servers[Count % Question.Forward.Servers.Length];
        var to = new IPEndPoint(server.Ip.ToIPAddress(), server.Port);
        try
        {
            _socket = new Socket(to.AddressFamily, isStream ? SocketType.Stream : SocketType.Dgram, isStream ? ProtocolType.Tcp : ProtocolType.Udp)
            {
                Blocking = false,
            };
            _socket.Connect(to);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            return true;
        }
        catch (SocketException)
        {
            Dispose();
            return false;
        }

        // Connected, the kernel takes datagrams of this server alone.
        if (isStream || Send(_query.AsSpan(LengthBytes, length)))
        {
            return true;
        }

        Dispose();
        return false;
    }

    /// <summary>The socket is ready.</summary>
    public AttemptResult Handle(byte[] buffer, out int length, out DnsAnswer read)
    {
        read = default;
        return IsStream ? HandleStream(buffer, out length, ref read) : HandleDatagrams(buffer, out length, ref read);
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private AttemptResult HandleDatagrams(byte[] buffer, out int length, ref DnsAnswer read)
    {
        while (true)
        {
            length = _socket!.Receive(buffer, 0, buffer.Length, SocketFlags.None, out var error);
            if (error != SocketError.Success)
            {
                return error == SocketError.WouldBlock ? AttemptResult.Waiting : AttemptResult.Failed;
            }

            if (IsAnswer(buffer.AsSpan(0, length), out read))
            {
                return AttemptResult.Answer;
            }

            if (++_strays > DnsServiceLimits.StrayAnswersMax)
            {
                return AttemptResult.Failed;
            }
        }
    }

    private AttemptResult HandleStream(byte[] buffer, out int length, ref DnsAnswer read)
    {
        length = 0;
        if (_sent < _queryLength)
        {
            var sent = _socket!.Send(_query, _sent, _queryLength - _sent, SocketFlags.None, out var error);
            if (error != SocketError.Success)
            {
                return error == SocketError.WouldBlock ? AttemptResult.Waiting : AttemptResult.Failed;
            }

            _sent += sent;
            return _sent == _queryLength ? AttemptResult.WantsRead : AttemptResult.Waiting;
        }

        _stream = _stream.Length == 0 ? new byte[LengthBytes] : _stream;
        while (true)
        {
            var count = _socket!.Receive(_stream, _received, _stream.Length - _received, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                return AttemptResult.Waiting;
            }

            if (error != SocketError.Success || count == 0)
            {
                return AttemptResult.Failed;
            }

            _received += count;
            if (_received < _stream.Length)
            {
                continue;
            }

            int announced = BinaryPrimitives.ReadUInt16BigEndian(_stream);
            if (_stream.Length == LengthBytes && announced > 0)
            {
                Array.Resize(ref _stream, LengthBytes + announced);
                continue;
            }

            length = announced;
            _stream.AsSpan(LengthBytes).CopyTo(buffer);
            return IsAnswer(buffer.AsSpan(0, length), out read) ? AttemptResult.Answer : AttemptResult.Failed;
        }
    }

    private bool IsAnswer(ReadOnlySpan<byte> message, out DnsAnswer read) => DnsAnswer.TryRead(message, out read) && read.Answers(Question.Query, _id);

    private bool Send(ReadOnlySpan<byte> datagram)
    {
        var sent = _socket!.Send(datagram, SocketFlags.None, out var error);
        return error == SocketError.Success && sent == datagram.Length;
    }
}
