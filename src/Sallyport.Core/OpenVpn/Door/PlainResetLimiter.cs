using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>
/// Bounds how many replies a source prefix gets for resets without a key, so that nobody can have us flood a network with a spoofed source.
/// A fixed table of counters; which one a prefix uses is a secret, so that nobody can aim at another's.
/// </summary>
internal sealed class PlainResetLimiter : IDisposable
{
    private const int V4PrefixLength = 24;
    private const int V6PrefixLength = 56;
    private const int SecretLength = 32;

    private readonly Counter[] _counters = new Counter[OpenVpnLimits.PlainResetCounters];
    private HmacContext _place;

    public PlainResetLimiter(IEntropy entropy)
    {
        Span<byte> secret = stackalloc byte[SecretLength];
        entropy.Fill(secret);
        _place = HmacContext.Create(HashKind.Sha256, secret);
        CryptographicOperations.ZeroMemory(secret);
    }

    public bool TryTake(IpAddress from, Instant now)
    {
        ref var counter = ref CounterOf(from, now);
        if (counter.Taken >= OpenVpnLimits.PlainResetsPerWindow)
        {
            return false;
        }

        counter.Taken++;
        return true;
    }

    /// <summary>A peer that completed the handshake was no spoofed source.</summary>
    public void GiveBack(IpAddress from, Instant now)
    {
        ref var counter = ref CounterOf(from, now);
        counter.Taken = Math.Max(0, counter.Taken - 1);
    }

    public void Dispose() => _place.Free();

    private ref Counter CounterOf(IpAddress from, Instant now)
    {
        var prefix = from.Bits >> (from.IsV4 ? 32 - V4PrefixLength : 128 - V6PrefixLength);
        Span<byte> input = stackalloc byte[16];
        Span<byte> mac = stackalloc byte[32];
        BinaryPrimitives.WriteUInt128BigEndian(input, prefix);
        _place.Compute(input, mac);
        ref var counter = ref _counters[BinaryPrimitives.ReadUInt32BigEndian(mac) % (uint)_counters.Length];
        var window = now.Nanoseconds / (OpenVpnLimits.PlainResetWindow.Ticks * 100);
        if (counter.Window != window)
        {
            counter = new Counter { Window = window };
        }

        return ref counter;
    }

    private struct Counter
    {
        public long Window;
        public int Taken;
    }
}
