using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>
/// SipHash-1-3 over 64-bit words (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): keyed, so that nobody outside can choose
/// addresses and ports that fall into one chain.
/// </summary>
internal readonly struct SipHash
{
    private readonly ulong _key0;
    private readonly ulong _key1;

    public SipHash(IEntropy entropy)
    {
        Span<byte> key = stackalloc byte[16];
        entropy.Fill(key);
        _key0 = BinaryPrimitives.ReadUInt64LittleEndian(key);
        _key1 = BinaryPrimitives.ReadUInt64LittleEndian(key[8..]);
    }

    public State Begin() =>
        new(_key0 ^ 0x736f6d6570736575, _key1 ^ 0x646f72616e646f6d, _key0 ^ 0x6c7967656e657261, _key1 ^ 0x7465646279746573);

    public struct State(ulong v0, ulong v1, ulong v2, ulong v3)
    {
        private ulong _v0 = v0;
        private ulong _v1 = v1;
        private ulong _v2 = v2;
        private ulong _v3 = v3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ulong word)
        {
            _v3 ^= word;
            Round();
            _v0 ^= word;
        }

        public void Add(UInt128 words)
        {
            Add((ulong)words);
            Add((ulong)(words >> 64));
        }

        /// <summary>The last word carries the message's length in its top byte.</summary>
        public uint Finish(int words)
        {
            Add((ulong)(words * 8) << 56);
            _v2 ^= 0xff;
            Round();
            Round();
            Round();
            return (uint)(_v0 ^ _v1 ^ _v2 ^ _v3);
        }

        /// <summary>Inlined, so that the state stays in registers.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Round()
        {
            _v0 += _v1;
            _v1 = BitOperations.RotateLeft(_v1, 13) ^ _v0;
            _v0 = BitOperations.RotateLeft(_v0, 32);
            _v2 += _v3;
            _v3 = BitOperations.RotateLeft(_v3, 16) ^ _v2;
            _v0 += _v3;
            _v3 = BitOperations.RotateLeft(_v3, 21) ^ _v0;
            _v2 += _v1;
            _v1 = BitOperations.RotateLeft(_v1, 17) ^ _v2;
            _v2 = BitOperations.RotateLeft(_v2, 32);
        }
    }
}
