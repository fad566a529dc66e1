using System.Security.Cryptography;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>
/// Everything of a peer that was let in so far. Whoever takes it owns it: the wrapper passes to the session, or, where there is no room for one,
/// all of it is disposed.
/// </summary>
public sealed class Admission : IDisposable
{
    /// <summary>Continues where the handshake is: our next counter, and the first packet's counter recorded as seen.</summary>
    public required ControlWrapper Wrapper { get; init; }

    public required SessionId Remote { get; init; }

    public required SessionId Local { get; init; }

    /// <summary>tls-crypt-v2: the 16 bytes that name the credential, known to the directory.</summary>
    public byte[]? WrappedKeyId { get; init; }

    /// <summary>The network whose key the peer has. Null for tls-crypt-v2, where the credential tells, and for plain, where nothing does.</summary>
    public int? NetworkId { get; init; }

    /// <summary>The 256 bytes that a dynamic tls-crypt key is XORed with; null for plain.</summary>
    public byte[]? StaticKey { get; init; }

    /// <summary>tls-crypt-v2: half of the tag of that packet. No two packets of a client share it, and a copy has the same.</summary>
    public UInt128 ResetTag { get; init; }

    /// <summary>
    /// The packet that opened the door, unwrapped and without a WKc, for the session to read as its first: a reset where the exchange is not done,
    /// else ACK_V1, CONTROL_V1 or CONTROL_WKC_V1 (or a repeated reset).
    /// </summary>
    public required byte[] FirstPacket { get; init; }

    /// <summary>
    /// True: both resets were exchanged statelessly; the session sends and receives from message id 1, and acknowledges the peer's message 0 with
    /// its next packet, since a stateless reply may have had no room to. False: the session answers the peer's reset itself, from message id 0.
    /// </summary>
    public required bool ResetExchanged { get; init; }

    /// <summary>
    /// The door has counted this session against its credential; where it has not, the owner has it counted once the peer has acknowledged our
    /// session id (<see cref="Door.TryCount"/>), or counts by identity where no credential is known (<see cref="SessionLimiter"/>).
    /// </summary>
    public required bool IsCounted { get; init; }

    public void Dispose()
    {
        Wrapper.Dispose();
        if (StaticKey is not null)
        {
            CryptographicOperations.ZeroMemory(StaticKey);
        }
    }
}
