using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Sallyport.Core.Crypto;

/// <summary>
/// The secrets from which the keys of a connection's application records come (RFC 8446 section 7.1). libssl tells them while it shakes hands,
/// line by line as an SSLKEYLOGFILE has them, on the thread that made the call; they go nowhere else.
/// </summary>
internal sealed unsafe class TlsTrafficSecrets
{
    [ThreadStatic]
    private static TlsTrafficSecrets? listening;

    private readonly byte[] _client = new byte[HashKinds.MaxLength];
    private readonly byte[] _server = new byte[HashKinds.MaxLength];
    private int _clientLength;
    private int _serverLength;

    /// <summary>What a context calls with every line.</summary>
    public static nint Callback => (nint)(delegate* unmanaged[Cdecl]<nint, byte*, void>)&Hear;

    public ReadOnlySpan<byte> Client => _client.AsSpan(0, _clientLength);

    public ReadOnlySpan<byte> Server => _server.AsSpan(0, _serverLength);

    /// <summary>Goes on with a handshake, and listens while it lasts.</summary>
    public int Handshake(nint ssl)
    {
        listening = this;
        var result = OpenSsl.SSL_do_handshake(ssl);
        listening = null;
        return result;
    }

    public void Erase()
    {
        CryptographicOperations.ZeroMemory(_client);
        CryptographicOperations.ZeroMemory(_server);
        _clientLength = _serverLength = 0;
    }

    /// <summary>Must not throw: above it is libssl.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Hear(nint ssl, byte* line)
    {
        if (listening is { } secrets)
        {
            secrets.Take(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(line));
        }
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("CLIENT_TRAFFIC_SECRET_0 "u8))
        {
            _clientLength = Decode(line, _client);
        }
        else if (line.StartsWith("SERVER_TRAFFIC_SECRET_0 "u8))
        {
            _serverLength = Decode(line, _server);
        }
    }

    /// <summary>The last of three words, in hexadecimal; 0 where it is something else.</summary>
    private static int Decode(ReadOnlySpan<byte> line, Span<byte> secret)
    {
        var hex = line[(line.LastIndexOf((byte)' ') + 1)..];
        return Convert.FromHexString(hex, secret, out _, out var length) == System.Buffers.OperationStatus.Done ? length : 0;
    }
}
