using Sallyport.Core.Dns;

namespace Sallyport.Core.Tests.Dns;

public sealed class DnsNameTests
{
    [Theory]
    [InlineData("pump-17.plant-a.sallyport")]
    [InlineData("_mqtt._tcp.example")]
    public void A_name_is_read_as_it_was_written(string name)
    {
        DnsName.TryRead(Message(Ask.Name(name)), 12, out var read, out var next).ShouldBeTrue();
        read.ShouldBe(name);
        next.ShouldBe(12 + name.Length + 2);
    }

    [Fact]
    public void The_root_is_empty_and_letters_are_small()
    {
        DnsName.TryRead(Message([0]), 12, out var root, out _).ShouldBeTrue();
        root.ShouldBe("");
        DnsName.TryRead(Message(Ask.Name("PUMP-17.Plant-A.SallyPort")), 12, out var read, out _).ShouldBeTrue();
        read.ShouldBe("pump-17.plant-a.sallyport");
    }

    [Fact]
    public void A_dot_within_a_label_is_no_border()
    {
        DnsName.TryRead(Message([.. "\x0cx.plant-a\0\\\x7f"u8, .. Ask.Name("sallyport")]), 12, out var read, out _).ShouldBeTrue();
        read.ShouldBe(@"x\046plant-a\000\092\127.sallyport");
        DnsName.IsWithin(read, "plant-a.sallyport").ShouldBeFalse();
        DnsName.IsWithin(read, "sallyport").ShouldBeTrue();
    }

    [Fact]
    public void Pointers_are_followed_back_and_what_follows_is_behind_the_first()
    {
        byte[] message = Message([.. Ask.Name("plant-a.sallyport"), 3, .. "hmi"u8, 0xc0, 12, 0xff]);
        DnsName.TryRead(message, 12 + 19, out var read, out var next).ShouldBeTrue();
        read.ShouldBe("hmi.plant-a.sallyport");
        next.ShouldBe(message.Length - 1);
    }

    [Theory]
    [InlineData(new byte[] { 0xc0, 12 })] // to itself
    [InlineData(new byte[] { 1, 97, 0xc0, 12 })] // round and round
    [InlineData(new byte[] { 0xc0, 14, 0xc0, 12 })] // forward
    [InlineData(new byte[] { 0xc0, 0 })] // into the header
    [InlineData(new byte[] { 0xc0 })]
    [InlineData(new byte[] { 0x40, 97, 0 })] // RFC 6891 section 5: extended labels are gone
    [InlineData(new byte[] { 0x80, 97, 0 })]
    [InlineData(new byte[] { 3, 97, 97 })]
    [InlineData(new byte[] { 1, 97 })]
    [InlineData(new byte[] { })]
    public void A_name_that_does_not_end_is_none(byte[] name) =>
        DnsName.TryRead(Message(name), 12, out _, out _).ShouldBeFalse();

    [Fact]
    public void A_name_has_255_bytes_at_most()
    {
        var label = new string('a', 63);
        var longest = $"{label}.{label}.{label}.{new string('b', 61)}";
        DnsName.TryRead(Message(Ask.Name(longest)), 12, out var read, out _).ShouldBeTrue();
        read.ShouldBe(longest);
        DnsName.TryRead(Message(Ask.Name(longest + "c")), 12, out _, out _).ShouldBeFalse();
    }

    [Fact]
    public void A_chain_of_pointers_ends()
    {
        // Each leads to the one before it: allowed singly, too many together.
        var bytes = new List<byte> { 0 };
        for (var at = 0; at < 1000; at++)
        {
            var target = at == 0 ? 12 : 12 + 1 + (2 * (at - 1));
            bytes.AddRange([(byte)(0xc0 | (target >> 8)), (byte)target]);
        }

        var message = Message([.. bytes]);
        DnsName.TryRead(message, 12 + 1 + (2 * 100), out var read, out _).ShouldBeTrue();
        read.ShouldBe("");
        DnsName.TryRead(message, message.Length - 2, out _, out _).ShouldBeFalse();
    }

    private static byte[] Message(byte[] from12) => [.. new byte[12], .. from12];
}
