using System.Buffers.Binary;

namespace Sallyport.Fuzz.Engine;

/// <summary>
/// Makes the next input from kept ones: what breaks parsers is lengths that lie, values at the edges of their types, parts that are missing,
/// repeated or from elsewhere. Nothing is allocated, so that millions of inputs do not measure the collector.
/// </summary>
internal sealed class Mutator(Chance chance, int inputMax, IReadOnlyList<byte[]> words)
{
    private const int StackedMax = 6;

    private static readonly uint[] Edges =
        [0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 289, 290, 511, 512, 1023, 1024, 1025, 1599, 1600, 1601, 2047, 2048, 0x7fff, 0x8000, 0xfffe, 0xffff];

    private static readonly uint[] WideEdges =
        [0, 1, 2, 0xff, 0x0f00_0000, 0x0f00_0001, 0x7fff_ffff, 0x8000_0000, 0xff00_0000, 0xffff_fffe, 0xffff_ffff];

    private readonly byte[] _buffer = new byte[inputMax];
    private int _length;

    public ReadOnlySpan<byte> Input => _buffer.AsSpan(0, _length);

    public void Next(IReadOnlyList<byte[]> kept)
    {
        Load(kept[chance.Below(kept.Count)]);
        for (var rounds = 1 + (chance.OneIn(2) ? 0 : chance.Below(StackedMax)); rounds > 0; rounds--)
        {
            Mutate(kept);
        }
    }

    private void Load(ReadOnlySpan<byte> bytes)
    {
        _length = Math.Min(bytes.Length, _buffer.Length);
        bytes[.._length].CopyTo(_buffer);
    }

    private void Mutate(IReadOnlyList<byte[]> kept)
    {
        if (_length == 0)
        {
            Insert(0, 1 + chance.Below(16));
            return;
        }

        var at = chance.Below(_length);
        switch (chance.Below(16))
        {
            case 0 or 1:
                _buffer[at] ^= (byte)(1 << chance.Below(8));
                break;
            case 2:
                _buffer[at] = (byte)chance.Next();
                break;
            case 3:
                _buffer[at] = chance.Below(4) switch { 0 => 0, 1 => 0xff, 2 => 0x80, _ => 0x7f };
                break;
            case 4:
                _buffer[at] += (byte)(chance.OneIn(2) ? 1 : -1);
                break;
            case 5 when at + 2 <= _length:
                BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(at), (ushort)Edges[chance.Below(Edges.Length)]);
                break;
            case 6 when at + 2 <= _length:
                // A length that fits what is left, or nearly.
                BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(at), (ushort)(_length - at - 2 + chance.Below(5) - 2));
                break;
            case 7 when at + 4 <= _length:
                BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(at), WideEdges[chance.Below(WideEdges.Length)]);
                break;
            case 8:
                Remove(at, 1 + chance.Below(chance.OneIn(4) ? _length - at : Math.Min(8, _length - at)));
                break;
            case 9:
                _length = at;
                break;
            case 10:
                Insert(at, 1 + chance.Below(chance.OneIn(8) ? 1024 : 8));
                break;
            case 11:
                Repeat(at);
                break;
            case 12:
                Splice(kept, at);
                break;
            case 13 or 14 when words.Count > 0:
                Word(at);
                break;
            default:
                _buffer[at] ^= (byte)chance.Next();
                break;
        }
    }

    private void Remove(int at, int count)
    {
        _buffer.AsSpan((at + count).._length).CopyTo(_buffer.AsSpan(at));
        _length -= count;
    }

    /// <summary>Makes room as far as there is any and returns it.</summary>
    private Span<byte> Open(int at, int count)
    {
        count = Math.Min(count, _buffer.Length - _length);
        _buffer.AsSpan(at.._length).CopyTo(_buffer.AsSpan(at + count));
        _length += count;
        return _buffer.AsSpan(at, count);
    }

    private void Insert(int at, int count)
    {
        var room = Open(at, count);
        if (chance.OneIn(2))
        {
            room.Fill((byte)chance.Next());
        }
        else
        {
            chance.Fill(room);
        }
    }

    private void Repeat(int at)
    {
        var count = 1 + chance.Below(Math.Min(64, _length - at));
        for (var times = 1 + (chance.OneIn(4) ? chance.Below(40) : 0); times > 0; times--)
        {
            var room = Open(at + count, count);
            _buffer.AsSpan(at, room.Length).CopyTo(room);
        }
    }

    private void Splice(IReadOnlyList<byte[]> kept, int at)
    {
        ReadOnlySpan<byte> other = kept[chance.Below(kept.Count)];
        if (other.IsEmpty)
        {
            return;
        }

        var from = chance.Below(other.Length);
        other = other.Slice(from, 1 + chance.Below(other.Length - from));
        if (chance.OneIn(2))
        {
            var room = Open(at, other.Length);
            other[..room.Length].CopyTo(room);
        }
        else
        {
            _length = at + Math.Min(other.Length, _buffer.Length - at);
            other[..(_length - at)].CopyTo(_buffer.AsSpan(at));
        }
    }

    private void Word(int at)
    {
        ReadOnlySpan<byte> word = words[chance.Below(words.Count)];
        if (chance.OneIn(3))
        {
            var count = Math.Min(word.Length, _length - at);
            word[..count].CopyTo(_buffer.AsSpan(at));
            return;
        }

        var room = Open(at, word.Length);
        word[..room.Length].CopyTo(room);
    }
}
