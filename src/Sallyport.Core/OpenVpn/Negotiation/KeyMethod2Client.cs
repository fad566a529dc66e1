using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>
/// What a client says first inside TLS: its share of the key material, its options and who it is. Disposing zeroes every secret.
/// </summary>
public sealed class KeyMethod2Client : IDisposable
{
    /// <summary>Pre-master secret and the two random values, in the order of the wire.</summary>
    private readonly byte[] _secrets = new byte[KeyMethod2.PreMasterLength + (2 * KeyMethod2.RandomLength)];
    private byte[] _password = [];

    private KeyMethod2Client()
    {
    }

    public ReadOnlySpan<byte> PreMaster => _secrets.AsSpan(0, KeyMethod2.PreMasterLength);

    public ReadOnlySpan<byte> Random1 => _secrets.AsSpan(KeyMethod2.PreMasterLength, KeyMethod2.RandomLength);

    public ReadOnlySpan<byte> Random2 => _secrets.AsSpan(KeyMethod2.PreMasterLength + KeyMethod2.RandomLength, KeyMethod2.RandomLength);

    public OptionString Options { get; private init; } = OptionString.Empty;

    /// <summary>Printable; empty where none was sent.</summary>
    public string Username { get; private init; } = "";

    /// <summary>Bytes as sent, without NUL; empty where none was sent. May be an <see cref="AuthToken"/>.</summary>
    public ReadOnlySpan<byte> Password => _password;

    public PeerInfo PeerInfo { get; private init; } = PeerInfo.Empty;

    /// <param name="password">A copy is kept until this is disposed.</param>
    /// <param name="peerInfo">Lines `NAME=value\n`, as of <see cref="PeerInfo.Write"/>.</param>
    public static KeyMethod2Client Create(
        IEntropy entropy, OptionString options, string username, ReadOnlySpan<byte> password, PeerInfo peerInfo)
    {
        Invariant.Check(
            Encoding.UTF8.GetByteCount(username) <= NegotiationLimits.UsernameMax && password.Length <= NegotiationLimits.PasswordMax,
            "credentials fit their limits");
        var message = new KeyMethod2Client { Options = options, Username = username, PeerInfo = peerInfo };
        message._password = password.ToArray();
        entropy.Fill(message._secrets);
        return message;
    }

    /// <summary>
    /// <paramref name="message"/> is null only where the answer is <see cref="KeyMethod2Status.Malformed"/>. User name, password and
    /// peer info may be missing. The caller zeroes <paramref name="plaintext"/>.
    /// </summary>
    public static KeyMethod2Status TryParse(ReadOnlySpan<byte> plaintext, out KeyMethod2Client? message)
    {
        message = null;
        var reader = new ByteReader(plaintext);
        if (!KeyMethod2.TryReadHead(ref reader)
            || !reader.TryBytes(KeyMethod2.PreMasterLength + (2 * KeyMethod2.RandomLength), out var secrets)
            || !KeyMethod2.TryReadOptions(ref reader, out var options)
            || !KeyMethod2.TryReadOptionalString(ref reader, out var username)
            || !KeyMethod2.TryReadOptionalString(ref reader, out var password)
            || !KeyMethod2.TryReadOptionalString(ref reader, out var peerInfo))
        {
            return KeyMethod2Status.Malformed;
        }

        var name = "";
        var status = username.Length > NegotiationLimits.UsernameMax || password.Length > NegotiationLimits.PasswordMax
            ? KeyMethod2Status.CredentialTooLong
            : PrintableText.TryDecode(username, out name) ? KeyMethod2Status.Complete : KeyMethod2Status.CredentialNotText;
        var complete = status == KeyMethod2Status.Complete;
        message = new KeyMethod2Client
        {
            Options = options,
            Username = complete ? name : "",
            PeerInfo = PeerInfo.Parse(peerInfo),
        };
        secrets.CopyTo(message._secrets);
        if (complete)
        {
            message._password = password.ToArray();
        }

        return status;
    }

    /// <summary>Writes one TLS record's plaintext and returns its length.</summary>
    /// <param name="plaintext">At least <see cref="NegotiationLimits.PlaintextMax"/> bytes; the caller zeroes it.</param>
    public int Write(Span<byte> plaintext)
    {
        var writer = new ByteWriter(plaintext[..NegotiationLimits.PlaintextMax]);
        KeyMethod2.WriteHead(ref writer);
        writer.Bytes(_secrets);
        KeyMethod2.WriteString(ref writer, Options.Text);
        KeyMethod2.WriteString(ref writer, Username);
        KeyMethod2.WriteString(ref writer, _password);
        KeyMethod2.WriteString(ref writer, PeerInfo.Write());
        return writer.Length;
    }

    /// <summary>The keys of peers without `tls-ekm`, from both messages and both session ids.</summary>
    public KeyMaterial DeriveKeys(KeyMethod2Server answer, SessionId client, SessionId server) =>
        KeyDerivation.FromPrf(PreMaster, Random1, Random2, answer.Random1, answer.Random2, client, server);

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_secrets);
        CryptographicOperations.ZeroMemory(_password);
    }
}
