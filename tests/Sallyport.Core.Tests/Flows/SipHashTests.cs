using System.Buffers.Binary;
using Sallyport.Core.Flows;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Flows;

public sealed class SipHashTests
{
    /// <summary>CPython 3.11 hashes bytes with SipHash-1-3; PYTHONHASHSEED=0 makes its key zero: hash(bytes(range(n))).</summary>
    [Theory]
    [InlineData(8, 0xead411e67ebe2eea)]
    [InlineData(40, 0x95bc321ab41d8206)]
    [InlineData(48, 0xfe1f2445ba50237f)]
    public void Agrees_with_another_implementation(int length, ulong expected)
    {
        var bytes = Enumerable.Range(0, length).Select(value => (byte)value).ToArray();
        var state = new SipHash(new Zeros()).Begin();
        for (var at = 0; at < length; at += 8)
        {
            state.Add(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at)));
        }

        state.Finish(length / 8).ShouldBe((uint)expected);
    }

    private sealed class Zeros : IEntropy
    {
        public void Fill(Span<byte> bytes) => bytes.Clear();
    }
}
