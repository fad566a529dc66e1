using System.Buffers.Binary;
using System.Text;

namespace Sallyport.Harness.Ipsec;

/// <summary>A section of vici, strongSwan's own protocol for asking a daemon: values, lists and sections by name, in the order of the wire.</summary>
public sealed class ViciMessage
{
    private const byte SectionStart = 1;
    private const byte SectionEnd = 2;
    private const byte KeyValue = 3;
    private const byte ListStart = 4;
    private const byte ListItem = 5;
    private const byte ListEnd = 6;
    private readonly List<(string Name, string Value)> values = [];
    private readonly List<(string Name, List<string> Items)> lists = [];
    private readonly List<(string Name, ViciMessage Section)> sections = [];

    public IReadOnlyList<(string Name, ViciMessage Section)> Sections => sections;

    /// <summary>Empty where there is none.</summary>
    public string this[string name] => values.Find(one => one.Name == name).Value ?? "";

    public bool IsYes(string name) => this[name] == "yes";

    public long Number(string name) => this[name] is { Length: > 0 } text ? long.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : 0;

    public IReadOnlyList<string> List(string name) => lists.Find(one => one.Name == name).Items ?? [];

    public ViciMessage Section(string name) => sections.Find(one => one.Name == name).Section ?? new ViciMessage();

    /// <summary>Adds what is not null.</summary>
    public ViciMessage With(string name, string? value)
    {
        if (value is not null)
        {
            values.Add((name, value));
        }

        return this;
    }

    public byte[] ToBytes()
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in values)
        {
            bytes.Add(KeyValue);
            AddName(bytes, name);
            AddValue(bytes, value);
        }

        foreach (var (name, items) in lists)
        {
            bytes.Add(ListStart);
            AddName(bytes, name);
            foreach (var item in items)
            {
                bytes.Add(ListItem);
                AddValue(bytes, item);
            }

            bytes.Add(ListEnd);
        }

        foreach (var (name, section) in sections)
        {
            bytes.Add(SectionStart);
            AddName(bytes, name);
            bytes.AddRange(section.ToBytes());
            bytes.Add(SectionEnd);
        }

        return [.. bytes];
    }

    public static ViciMessage Parse(ReadOnlySpan<byte> bytes)
    {
        var open = new Stack<ViciMessage>();
        open.Push(new ViciMessage());
        List<string>? list = null;
        while (bytes.Length > 0)
        {
            var kind = bytes[0];
            bytes = bytes[1..];
            switch (kind)
            {
                case SectionStart:
                    var inner = new ViciMessage();
                    open.Peek().sections.Add((TakeName(ref bytes), inner));
                    open.Push(inner);
                    break;
                case SectionEnd:
                    open.Pop();
                    break;
                case KeyValue:
                    var key = TakeName(ref bytes);
                    open.Peek().values.Add((key, TakeValue(ref bytes)));
                    break;
                case ListStart:
                    list = [];
                    open.Peek().lists.Add((TakeName(ref bytes), list));
                    break;
                case ListItem when list is not null:
                    list.Add(TakeValue(ref bytes));
                    break;
                case ListEnd:
                    list = null;
                    break;
                default:
                    throw new InvalidOperationException($"vici has no element {kind}");
            }
        }

        return open.Count == 1 ? open.Pop() : throw new InvalidOperationException("a vici message ends inside a section");
    }

    /// <summary>For messages of failures.</summary>
    public override string ToString()
    {
        var parts = values.Select(one => $"{one.Name}={one.Value}")
            .Concat(lists.Select(one => $"{one.Name}=[{string.Join(' ', one.Items)}]"))
            .Concat(sections.Select(one => $"{one.Name} {{{one.Section}}}"));
        return string.Join(' ', parts);
    }

    private static void AddName(List<byte> bytes, string name)
    {
        bytes.Add(checked((byte)name.Length));
        bytes.AddRange(Encoding.ASCII.GetBytes(name));
    }

    private static void AddValue(List<byte> bytes, string value)
    {
        var text = Encoding.UTF8.GetBytes(value);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, checked((ushort)text.Length));
        bytes.AddRange(length);
        bytes.AddRange(text);
    }

    private static string TakeName(ref ReadOnlySpan<byte> bytes)
    {
        var name = Encoding.ASCII.GetString(bytes.Slice(1, bytes[0]));
        bytes = bytes[(1 + name.Length)..];
        return name;
    }

    private static string TakeValue(ref ReadOnlySpan<byte> bytes)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        var value = Encoding.UTF8.GetString(bytes.Slice(2, length));
        bytes = bytes[(2 + length)..];
        return value;
    }
}
