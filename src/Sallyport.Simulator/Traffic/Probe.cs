using System.Buffers.Binary;

namespace Sallyport.Simulator.Traffic;

/// <summary>
/// What a simulated packet carries: who sent it, its number, when, and what it wants in answer.
/// <code>magic 4 | device 4 | sequence 4 | sent 8 | kind 1 | answers 1 | index 1 | pad 1 | answer bytes 2 | pad 2</code>
/// </summary>
public readonly record struct Probe
{
    public const int Length = 28;

    private const uint Magic = 0x53_50_50_72;

    public required uint Device { get; init; }

    public required uint Sequence { get; init; }

    /// <summary>Nanoseconds of the machine's monotonic clock; an answer repeats its question's.</summary>
    public required long Sent { get; init; }

    public bool IsAnswer { get; init; }

    /// <summary>Packets wanted in answer.</summary>
    public byte Answers { get; init; }

    /// <summary>Which of the answers this is, from 0.</summary>
    public byte Index { get; init; }

    public ushort AnswerBytes { get; init; }

    /// <summary>The one with which an answer is complete.</summary>
    public bool IsLastAnswer => IsAnswer && Index + 1 == Answers;

    /// <summary>False where the bytes are somebody else's.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out Probe probe)
    {
        probe = default;
        if (payload.Length < Length || BinaryPrimitives.ReadUInt32BigEndian(payload) != Magic)
        {
            return false;
        }

        probe = new Probe
        {
            Device = BinaryPrimitives.ReadUInt32BigEndian(payload[4..]),
            Sequence = BinaryPrimitives.ReadUInt32BigEndian(payload[8..]),
            Sent = BinaryPrimitives.ReadInt64BigEndian(payload[12..]),
            IsAnswer = payload[20] == 1,
            Answers = payload[21],
            Index = payload[22],
            AnswerBytes = BinaryPrimitives.ReadUInt16BigEndian(payload[24..]),
        };
        return true;
    }

    /// <summary>What is behind it in the payload is left as it is.</summary>
    public void Write(Span<byte> payload)
    {
        payload[..Length].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(payload, Magic);
        BinaryPrimitives.WriteUInt32BigEndian(payload[4..], Device);
        BinaryPrimitives.WriteUInt32BigEndian(payload[8..], Sequence);
        BinaryPrimitives.WriteInt64BigEndian(payload[12..], Sent);
        payload[20] = IsAnswer ? (byte)1 : (byte)0;
        payload[21] = Answers;
        payload[22] = Index;
        BinaryPrimitives.WriteUInt16BigEndian(payload[24..], AnswerBytes);
    }
}
