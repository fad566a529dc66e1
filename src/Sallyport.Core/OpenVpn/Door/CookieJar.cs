using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>
/// Session ids that need no memory: the first 8 bytes of HMAC-SHA256(secret, time slot | address | port | peer's session id | wrapping).
/// Who returns one received our reply at that address, lately, for that session, under that key.
/// </summary>
internal sealed class CookieJar : IDisposable
{
    private const int SecretLength = 32;
    private const int FixedInput = 8 + 16 + 2 + SessionId.Length;
    private const int MacLength = 32;

    /// <summary>Longest wrapping identity: a kind and a WKc's tag.</summary>
    private const int MaxIdentity = 1 + 32;

    private readonly IEntropy _entropy;
    private readonly int _slotSeconds;
    private HmacContext _current;
    private HmacContext _previous;
    private Instant? _since;

    public CookieJar(IEntropy entropy, int slotSeconds)
    {
        Invariant.Check(slotSeconds > 0, "a cookie slot has a length");
        _entropy = entropy;
        _slotSeconds = slotSeconds;
        _current = NewSecret();
    }

    public SessionId Make(OuterAddress from, SessionId peer, ReadOnlySpan<byte> wrapping, Instant now)
    {
        Rotate(now);
        Span<byte> mac = stackalloc byte[MacLength];
        Compute(_current, SlotOf(now), from, peer, wrapping, mac);
        return AsSessionId(mac);
    }

    /// <summary>Whether the cookie is of this slot or the two before. Takes as long for a wrong one as for a right one.</summary>
    public bool IsValid(SessionId cookie, OuterAddress from, SessionId peer, ReadOnlySpan<byte> wrapping, Instant now)
    {
        Rotate(now);
        Span<byte> given = stackalloc byte[SessionId.Length];
        Span<byte> expected = stackalloc byte[SessionId.Length];
        Span<byte> mac = stackalloc byte[MacLength];
        cookie.Write(given);
        var isValid = false;
        for (var age = 0; age < OpenVpnLimits.CookieSlots; age++)
        {
            Compute(_current, SlotOf(now) - age, from, peer, wrapping, mac);
            AsSessionId(mac).Write(expected);
            isValid |= CryptographicOperations.FixedTimeEquals(given, expected);
            if (_previous.Exists)
            {
                Compute(_previous, SlotOf(now) - age, from, peer, wrapping, mac);
                AsSessionId(mac).Write(expected);
                isValid |= CryptographicOperations.FixedTimeEquals(given, expected);
            }
        }

        return isValid;
    }

    public void Dispose()
    {
        _current.Free();
        _previous.Free();
    }

    private static void Compute(
        HmacContext secret,
        long slot,
        OuterAddress from,
        SessionId peer,
        ReadOnlySpan<byte> wrapping,
        Span<byte> mac)
    {
        Span<byte> input = stackalloc byte[FixedInput + MaxIdentity];
        var writer = new ByteWriter(input);
        writer.U64((ulong)slot);
        writer.U64((ulong)(from.Ip.Bits >> 64));
        writer.U64((ulong)from.Ip.Bits);
        writer.U16(from.Port);
        writer.U64(peer.Value);
        writer.Bytes(wrapping);
        secret.Compute(writer.Written, mac);
    }

    /// <summary>Zero is no session id.</summary>
    private static SessionId AsSessionId(ReadOnlySpan<byte> mac)
    {
        var id = SessionId.Read(mac);
        return id.IsZero ? new SessionId(1) : id;
    }

    private long SlotOf(Instant now) => now.UnixSeconds / _slotSeconds;

    private void Rotate(Instant now)
    {
        _since ??= now;
        var age = now - _since.Value;
        if (age >= OpenVpnLimits.CookieSecretLifetime)
        {
            _previous.Free();
            _previous = _current;
            _current = NewSecret();
            _since = now;
        }
        else if (_previous.Exists && age >= TimeSpan.FromSeconds(OpenVpnLimits.CookieSlots * _slotSeconds))
        {
            _previous.Free();
        }
    }

    private HmacContext NewSecret()
    {
        Span<byte> secret = stackalloc byte[SecretLength];
        _entropy.Fill(secret);
        var context = HmacContext.Create(HashKind.Sha256, secret);
        CryptographicOperations.ZeroMemory(secret);
        return context;
    }
}
