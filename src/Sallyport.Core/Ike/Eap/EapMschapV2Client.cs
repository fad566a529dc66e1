using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>EAP-MSCHAPv2 (RFC 2759, draft-kamath-pppext-eap-mschapv2) of a client that knows the NT hash of its password, and asks the server for the same.</summary>
public sealed class EapMschapV2Client : EapClient
{
    private readonly byte[] _name;
    private readonly SecretBytes _hash;
    private readonly byte[] _proof = new byte[MsChapV2.AuthenticatorResponseLength];
    private readonly byte[] _ntResponse = new byte[MsChapV2.NtResponseLength];
    private readonly IEntropy _entropy;
    private byte _chapIdentifier;
    private State _state;
    private string _reason = "";

    /// <param name="name">Said where the identity is asked for, and to the challenge; a domain and a backslash may be in front of it.</param>
    /// <param name="ntHash">16 bytes, which are copied: see <see cref="MsChapV2.Hash"/>.</param>
    public EapMschapV2Client(string name, ReadOnlySpan<byte> ntHash, IEntropy entropy)
        : base(EapType.MsChapV2, name)
    {
        Invariant.Check(MsChapV2.IsAvailable, "MS-CHAPv2 is spoken where it is available");
        Invariant.Check(ntHash.Length == MsChapV2.HashLength, "an NT hash has 16 bytes");
        _name = Encoding.UTF8.GetBytes(name);
        _hash = new SecretBytes(ntHash);
        _entropy = entropy;
    }

    private enum State : byte
    {
        New,

        /// <summary>The server knows what we have to say, and is to prove itself or to refuse.</summary>
        Responded,
        Proven,
        Refused,
    }

    private protected override string Reason => _reason;

    private protected override EapStep Proceed(byte identifier, ReadOnlySpan<byte> data)
    {
        if (!MsChapV2Packet.TryRead(data, out var packet))
        {
            return Fail(EapFailure.Malformed, "not a packet of EAP-MSCHAPv2");
        }

        switch (packet.Opcode)
        {
            case MsChapV2Opcode.Challenge when _state == State.New:
                return Answer(identifier, packet);
            case MsChapV2Opcode.Success when _state == State.Responded && packet.Identifier == _chapIdentifier:
                return Believe(identifier, packet.Value);
            case MsChapV2Opcode.Failure when _state == State.Responded && packet.Identifier == _chapIdentifier:
                _state = State.Refused;
                _reason = Describe(packet.Value);
                return Respond(identifier, [(byte)MsChapV2Opcode.Failure]);
            default:
                return Fail(EapFailure.OutOfOrder, "a packet of EAP-MSCHAPv2 that nobody waits for");
        }
    }

    private protected override void Erase()
    {
        _hash.Dispose();
        CryptographicOperations.ZeroMemory(_proof);
        CryptographicOperations.ZeroMemory(_ntResponse);
    }

    private EapStep Answer(byte identifier, MsChapV2Packet challenge)
    {
        _state = State.Responded;
        _chapIdentifier = challenge.Identifier;
        Span<byte> own = stackalloc byte[MsChapV2.ChallengeLength];
        _entropy.Fill(own);
        var name = MsChapV2.WithoutDomain(_name);
        MsChapV2.NtResponse(challenge.Value, own, name, _hash.Bytes, _ntResponse);
        MsChapV2.AuthenticatorResponse(challenge.Value, own, name, _hash.Bytes, _ntResponse, _proof);
        return Respond(identifier, MsChapV2Packet.Response(_chapIdentifier, own, _ntResponse, _name));
    }

    private EapStep Believe(byte identifier, ReadOnlySpan<byte> text)
    {
        // Behind the proof there may be a text for people.
        if (text.Length < _proof.Length || (text.Length > _proof.Length && text[_proof.Length] != (byte)' ')
            || !CryptographicOperations.FixedTimeEquals(text[.._proof.Length], _proof))
        {
            return Fail(EapFailure.NotProven, "the server does not know the password");
        }

        _state = State.Proven;
        return Accept(identifier, [(byte)MsChapV2Opcode.Success], MsChapV2.Msk(_hash.Bytes, _ntResponse));
    }

    /// <summary>RFC 2759 section 6: "E=" and a number, then other fields, of which nothing is used (CVE-2025-62291 was in reading them).</summary>
    private static string Describe(ReadOnlySpan<byte> text)
    {
        const int longest = 10;
        var number = text.StartsWith("E="u8) ? text[2..] : default;
        var end = number.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        number = end < 0 ? number : number[..end];
        return number.Length is > 0 and <= longest && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var error)
            ? error == 691 ? "error 691: a wrong name or password" : string.Create(CultureInfo.InvariantCulture, $"error {error}")
            : "an error without a number";
    }
}
