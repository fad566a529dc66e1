using System.Text;
using Sallyport.Core.Dns;
using Sallyport.Core.Packets;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Gateway;

/// <summary>The name that a TLS client says in the clear.</summary>
public sealed class TlsHelloTests
{
    private static readonly NamePool Names = new();

    [Fact]
    public void The_name_is_found_behind_other_extensions_and_in_a_hello_that_is_cut_behind_it()
    {
        var hello = Hello("www.vendor.example", before: 200, after: 1700);
        TlsHello.Read(hello, Names, out var name).ShouldBe(HelloReading.Name);
        name.ShouldBe("www.vendor.example");
        TlsHello.Read(hello.AsSpan(0, 600), Names, out name).ShouldBe(HelloReading.Name);
        name.ShouldBe("www.vendor.example");
        for (var length = 1; length < 300; length++)
        {
            TlsHello.Read(hello.AsSpan(0, length), Names, out _).ShouldBe(HelloReading.Cut, $"{length} bytes");
        }

        TlsHello.Read(Hello("").AsSpan()[..^1], Names, out _).ShouldBe(HelloReading.Cut);
    }

    [Fact]
    public void What_is_no_name_is_none()
    {
        TlsHello.Read("GET / HTTP/1.1\r\n"u8, Names, out _).ShouldBe(HelloReading.Nothing);
        TlsHello.Read([], Names, out _).ShouldBe(HelloReading.Nothing);
        TlsHello.Read(Hello("bad name\n"), Names, out _).ShouldBe(HelloReading.Nothing);
        TlsHello.Read(Hello(new string('a', 300)), Names, out _).ShouldBe(HelloReading.Nothing);
        TlsHello.Read(Hello(""), Names, out _).ShouldBe(HelloReading.Nothing);
    }

    [Fact]
    public void Every_cut_and_many_changes_are_read_without_a_fault()
    {
        var random = new SeededEntropy(77);
        var hello = Hello("www.vendor.example", before: 20, after: 20);
        for (var i = 0; i < 20_000; i++)
        {
            var changed = hello[..random.Below(hello.Length + 1)];
            for (var n = random.Below(4); n > 0 && changed.Length > 0; n--)
            {
                changed[random.Below(changed.Length)] = (byte)random.Below(256);
            }

            if (TlsHello.Read(changed, Names, out var name) == HelloReading.Name)
            {
                name.Length.ShouldBeInRange(1, 253);
            }
        }
    }

    internal static byte[] Hello(string name, int before = 0, int after = 0)
    {
        byte[] text = Encoding.ASCII.GetBytes(name);
        byte[] list = [0, .. Two(text.Length), .. text];
        byte[] names = [.. Two(list.Length), .. list];
        byte[] extensions = [.. Extension(0x0010, new byte[before]), .. Extension(0, names), .. Extension(0x0033, new byte[after])];
        byte[] body = [3, 3, .. new byte[32], 32, .. new byte[32], 0, 4, 0x13, 1, 0x13, 2, 1, 0, .. Two(extensions.Length), .. extensions];
        byte[] message = [1, 0, .. Two(body.Length), .. body];
        return [22, 3, 1, .. Two(message.Length), .. message];
    }

    private static byte[] Extension(int type, byte[] data) => [.. Two(type), .. Two(data.Length), .. data];

    private static byte[] Two(int value) => [(byte)(value >> 8), (byte)value];
}
