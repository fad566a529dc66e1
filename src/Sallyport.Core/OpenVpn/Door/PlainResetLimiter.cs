using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>
/// Bounds how many answers to resets without a key go to one address and to one source prefix without anybody there confirming one, so that
/// nobody can have us flood a network with a spoofed source. An address that has confirmed one is no longer rationed with its prefix: whoever
/// uses up a prefix's share keeps newcomers out, not those who were here before. Fixed tables; which place is whose is a secret, so that
/// nobody can aim at another's.
/// </summary>
internal sealed class PlainResetLimiter : IDisposable
{
    private const int V4PrefixLength = 24;
    private const int V6PrefixLength = 56;
    private const int SecretLength = 32;

    private readonly Counter[] _byPrefix = new Counter[OpenVpnLimits.PlainResetPrefixes];
    private readonly Counter[] _byAddress = new Counter[OpenVpnLimits.PlainResetAddresses];
    private readonly Proof[] _proven = new Proof[OpenVpnLimits.PlainResetAddresses];
    private HmacContext _place;

    public PlainResetLimiter(IEntropy entropy)
    {
        Span<byte> secret = stackalloc byte[SecretLength];
        entropy.Fill(secret);
        _place = HmacContext.Create(HashKind.Sha256, secret);
        CryptographicOperations.ZeroMemory(secret);
    }

    /// <summary>Whether to answer; counts it where so.</summary>
    public bool TryTake(IpAddress from, Instant now)
    {
        var window = WindowOf(now);
        var address = PlaceOf(from.Bits, from.IsV4);
        ref var proof = ref _proven[IndexIn(_proven.Length, address)];
        if (proof.IsOf(address, now))
        {
            return proof.Answers.TryTake(OpenVpnLimits.PlainResetsPerAddress, window);
        }

        ref var ofAddress = ref _byAddress[IndexIn(_byAddress.Length, address)];
        ref var ofPrefix = ref CounterOfPrefix(from);
        if (!ofAddress.TryTake(OpenVpnLimits.PlainResetsPerAddress, window))
        {
            return false;
        }

        if (ofPrefix.TryTake(OpenVpnLimits.PlainResetsPerPrefix, window))
        {
            return true;
        }

        ofAddress.GiveBack(window);
        return false;
    }

    /// <summary>Somebody at this address received an answer and wanted it.</summary>
    public void Confirm(IpAddress from, Instant now)
    {
        var window = WindowOf(now);
        var address = PlaceOf(from.Bits, from.IsV4);
        ref var proof = ref _proven[IndexIn(_proven.Length, address)];
        if (proof.IsOf(address, now))
        {
            proof.Answers.GiveBack(window);
            proof.At = now;
            return;
        }

        _byAddress[IndexIn(_byAddress.Length, address)].GiveBack(window);
        CounterOfPrefix(from).GiveBack(window);
        proof = new Proof { Address = address, At = now };
    }

    public void Dispose() => _place.Free();

    private static int IndexIn(int length, ulong place) => (int)(place % (uint)length);

    private static long WindowOf(Instant now) => now.Nanoseconds / (OpenVpnLimits.PlainResetWindow.Ticks * 100);

    private ref Counter CounterOfPrefix(IpAddress from) =>
        ref _byPrefix[IndexIn(_byPrefix.Length, PlaceOf(from.Bits >> (from.IsV4 ? 32 - V4PrefixLength : 128 - V6PrefixLength), from.IsV4))];

    /// <summary>A number for an address or a prefix that nobody outside can compute.</summary>
    private ulong PlaceOf(UInt128 bits, bool isV4)
    {
        Span<byte> input = stackalloc byte[17];
        Span<byte> mac = stackalloc byte[32];
        BinaryPrimitives.WriteUInt128BigEndian(input, bits);
        input[16] = isV4 ? (byte)4 : (byte)6;
        _place.Compute(input, mac);
        return BinaryPrimitives.ReadUInt64BigEndian(mac);
    }

    private struct Counter
    {
        private long _window;
        private int _taken;

        public bool TryTake(int limit, long window)
        {
            if (_window != window)
            {
                this = new Counter { _window = window };
            }

            if (_taken >= limit)
            {
                return false;
            }

            _taken++;
            return true;
        }

        public void GiveBack(long window)
        {
            if (_window == window && _taken > 0)
            {
                _taken--;
            }
        }
    }

    private struct Proof
    {
        public ulong Address;
        public Instant At;

        /// <summary>An address that is known has a counter to itself: no flood from elsewhere uses it up.</summary>
        public Counter Answers;

        public readonly bool IsOf(ulong address, Instant now) =>
            Address == address && At != default && now - At < OpenVpnLimits.PlainResetProof;
    }
}
