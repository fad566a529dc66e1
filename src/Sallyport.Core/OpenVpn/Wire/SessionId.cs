using System.Buffers.Binary;
using System.Globalization;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wire;

/// <summary>Eight random bytes that name one side of a session. Zero is invalid on the wire.</summary>
public readonly record struct SessionId(ulong Value)
{
    public const int Length = 8;

    public bool IsZero => Value == 0;

    public static SessionId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes));

    public static SessionId Generate(IEntropy entropy)
    {
        Span<byte> bytes = stackalloc byte[Length];
        SessionId id;
        do
        {
            entropy.Fill(bytes);
            id = Read(bytes);
        }
        while (id.IsZero);
        return id;
    }

    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt64BigEndian(bytes, Value);

    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
