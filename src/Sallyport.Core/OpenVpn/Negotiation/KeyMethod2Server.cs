using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>
/// The server's answer to <see cref="KeyMethod2Client"/>: its share of the key material and its options. Disposing zeroes the former.
/// </summary>
public sealed class KeyMethod2Server : IDisposable
{
    private readonly byte[] _randoms = new byte[2 * KeyMethod2.RandomLength];

    private KeyMethod2Server(OptionString options) => Options = options;

    public ReadOnlySpan<byte> Random1 => _randoms.AsSpan(0, KeyMethod2.RandomLength);

    public ReadOnlySpan<byte> Random2 => _randoms.AsSpan(KeyMethod2.RandomLength);

    public OptionString Options { get; }

    public static KeyMethod2Server Create(IEntropy entropy, OptionString options)
    {
        var message = new KeyMethod2Server(options);
        entropy.Fill(message._randoms);
        return message;
    }

    /// <summary>Complete or Malformed. What follows the options is empty between client and server, and is ignored.</summary>
    public static KeyMethod2Status TryParse(ReadOnlySpan<byte> plaintext, out KeyMethod2Server? message)
    {
        message = null;
        var reader = new ByteReader(plaintext);
        if (!KeyMethod2.TryReadHead(ref reader)
            || !reader.TryBytes(2 * KeyMethod2.RandomLength, out var randoms)
            || !KeyMethod2.TryReadOptions(ref reader, out var options))
        {
            return KeyMethod2Status.Malformed;
        }

        message = new KeyMethod2Server(options);
        randoms.CopyTo(message._randoms);
        return KeyMethod2Status.Complete;
    }

    /// <summary>Writes one TLS record's plaintext and returns its length.</summary>
    /// <param name="plaintext">At least <see cref="NegotiationLimits.PlaintextMax"/> bytes; the caller zeroes it.</param>
    public int Write(Span<byte> plaintext)
    {
        var writer = new ByteWriter(plaintext[..NegotiationLimits.PlaintextMax]);
        KeyMethod2.WriteHead(ref writer);
        writer.Bytes(_randoms);
        KeyMethod2.WriteString(ref writer, Options.Text);
        // User name, password and peer info.
        KeyMethod2.WriteString(ref writer, default(ReadOnlySpan<byte>));
        KeyMethod2.WriteString(ref writer, default(ReadOnlySpan<byte>));
        KeyMethod2.WriteString(ref writer, default(ReadOnlySpan<byte>));
        return writer.Length;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_randoms);
}
