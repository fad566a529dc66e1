using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// EAP-MSCHAPv2 (RFC 2759, draft-kamath-pppext-eap-mschapv2) for clients that have a name and a password, of which the server knows the NT hash. One try:
/// a client that mistyped begins anew, and the gateway counts.
/// </summary>
public sealed class EapMschapV2Server : EapServer
{
    private const string WrongProof = "a wrong name or password";

    private readonly byte[] _name;
    private readonly SecretBytes _hash;
    private readonly bool _isKnown;
    private readonly string _serverName;
    private readonly byte[] _challenge = new byte[MsChapV2.ChallengeLength];
    private readonly byte _chapIdentifier;
    private SecretBytes? _msk;
    private State _state;

    /// <param name="name">Whose hash it is. The client must say the same name, with or without a domain in front of it.</param>
    /// <param name="ntHash">16 bytes, which are copied. None for a name that nobody has: the client then learns that, and no sooner than by a wrong password.</param>
    /// <param name="serverName">Shown to the client.</param>
    /// <param name="firstIdentifier">One more than that of the question for the identity, where that was asked.</param>
    public EapMschapV2Server(string name, ReadOnlySpan<byte> ntHash, string serverName, IEntropy entropy, byte firstIdentifier)
        : base(EapType.MsChapV2, firstIdentifier)
    {
        Invariant.Check(IsAvailable, "MS-CHAPv2 is offered where it is available");
        Invariant.Check(ntHash.Length is 0 or MsChapV2.HashLength, "an NT hash has 16 bytes");
        _name = Encoding.UTF8.GetBytes(name);
        _isKnown = !ntHash.IsEmpty && _name.Length > 0;
        _hash = new SecretBytes(MsChapV2.HashLength);
        _serverName = serverName;
        _chapIdentifier = firstIdentifier;
        entropy.Fill(_challenge);
        if (_isKnown)
        {
            ntHash.CopyTo(_hash.Span);
        }
        else
        {
            entropy.Fill(_hash.Span);
        }
    }

    private enum State : byte
    {
        Challenged,

        /// <summary>The password was the right one, and the client is told what proves the server. It has not yet said that it believes it.</summary>
        Verified,

        /// <summary>It was not. The client is told, and is to say that it has heard.</summary>
        Refused,
        Over,
    }

    /// <summary>Whether this machine's OpenSSL has MD4, which is in its legacy provider.</summary>
    public static bool IsAvailable => MsChapV2.IsAvailable;

    public override string Doubt => _state == State.Refused ? WrongProof : "";

    private protected override byte[] First() => MsChapV2Packet.Challenge(_chapIdentifier, _challenge, _serverName);

    private protected override EapStep Proceed(ReadOnlySpan<byte> data)
    {
        // The only way to a success leads through Verified, and to that through the right response (CVE-2015-8023).
        switch (_state)
        {
            case State.Challenged when MsChapV2Packet.TryRead(data, out var packet) && packet.Opcode == MsChapV2Opcode.Response:
                return packet.Identifier == _chapIdentifier ? Judge(packet) : Fail(EapFailure.OutOfOrder, "the answer to another challenge");
            case State.Verified when MsChapV2Packet.IsConfirmation(data, MsChapV2Opcode.Success) && _msk is { } msk:
                _state = State.Over;
                _msk = null;
                return Succeed(msk);
            case State.Verified when MsChapV2Packet.IsConfirmation(data, MsChapV2Opcode.Failure):
                return Fail(EapFailure.Refused, "the client does not believe that we know its password");
            case State.Refused when MsChapV2Packet.IsConfirmation(data, MsChapV2Opcode.Failure):
                return Fail(EapFailure.NotProven, WrongProof);
            case State.Refused:
                return Fail(EapFailure.NotProven, WrongProof + ", and an answer that has no place");
            default:
                return Fail(EapFailure.Malformed, "not the packet of EAP-MSCHAPv2 that is due");
        }
    }

    private protected override void Erase()
    {
        _state = State.Over;
        _hash.Dispose();
        _msk?.Dispose();
        _msk = null;
        CryptographicOperations.ZeroMemory(_challenge);
    }

    private EapStep Judge(MsChapV2Packet response)
    {
        var name = MsChapV2.WithoutDomain(response.Name);
        Span<byte> expected = stackalloc byte[MsChapV2.NtResponseLength];
        MsChapV2.NtResponse(_challenge, response.PeerChallenge, name, _hash.Bytes, expected);
        var isRight = CryptographicOperations.FixedTimeEquals(expected, response.NtResponse);
        if (!(isRight & _isKnown & IsOurs(response.Name)))
        {
            _state = State.Refused;

            // RFC 2759 section 6: 691 is a wrong name or password, R=0 that there is no other try. The challenge would be for one.
            return Ask(MsChapV2Packet.Text(
                MsChapV2Opcode.Failure, _chapIdentifier, Encoding.ASCII.GetBytes($"E=691 R=0 C={Convert.ToHexString(new byte[MsChapV2.ChallengeLength])} V=3 M=Access denied")));
        }

        Span<byte> proof = stackalloc byte[MsChapV2.AuthenticatorResponseLength];
        MsChapV2.AuthenticatorResponse(_challenge, response.PeerChallenge, name, _hash.Bytes, response.NtResponse, proof);
        _msk = MsChapV2.Msk(_hash.Bytes, response.NtResponse);
        _state = State.Verified;
        return Ask(MsChapV2Packet.Text(MsChapV2Opcode.Success, _chapIdentifier, [.. proof, .. " M=Welcome"u8]));
    }

    /// <summary>Names of accounts are the same in capitals, where they are ASCII. A domain is the client's own affair.</summary>
    private bool IsOurs(ReadOnlySpan<byte> name) =>
        Ascii.EqualsIgnoreCase(name, _name) || Ascii.EqualsIgnoreCase(MsChapV2.WithoutDomain(name), MsChapV2.WithoutDomain(_name))
        || name.SequenceEqual(_name) || MsChapV2.WithoutDomain(name).SequenceEqual(MsChapV2.WithoutDomain(_name));
}
