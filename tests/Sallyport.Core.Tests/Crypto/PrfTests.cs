using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class PrfTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] Seed = [.. Enumerable.Range(0x40, 0x50).Select(i => (byte)i)];

    // Computed by Python's hmac, by the formula of RFC 7296 section 2.13.
    [Theory]
    [InlineData(HashKind.Sha1, "d1b813a0e5427252adb016885c4b91b74ed97fadf61fb6591754a2fe5e981503964ef6308fdcc989db266e35e8700db7420e")]
    [InlineData(
        HashKind.Sha256,
        "b1e758d80cfb02f485af657b64085c8cf29cda59807bb04034fea3e24fa23490f98b5a8f71f8317f30b31938272c97dc49caadc9025dccb59e752c7bac6c0df8"
            + "aa1bc0b31ee96287d81637a86018e4847b16ba175bce262ab1994b13cdd3f26682059183")]
    [InlineData(
        HashKind.Sha384,
        "4dd9d0f18d914659ed0a273b253c056bd9dd9074155fd0c36d4309e97d0b955de15816f0b745a330f947d78d2b0460eb783fea1c5101767f581093c452826563"
            + "d8c87f4d0aab54b0701df6f13ac02218ca597c6ac6f4fc3cdc5fea00f10357e3eac37210")]
    [InlineData(
        HashKind.Sha512,
        "11e35a34064d9164851e12fb5aed13be28c8fa817f96ce34f8c52d424f9d2e7d07b9f6dad457489a196281387f6d98da4f7a286bfe01ee343de8e3bcc9229a52"
            + "c9db2f1dcdc092ba493d4ed30b475b94faaf215e6c37b49384716bc4a2a8899c37f2fd24bc20156e3127454fe8080cf480cf52cccc7908661065a864889f8c9d"
            + "7db6945c4228e23ae5bff915faffa7285e14dc4c79ac")]
    public void Prf_plus_gives_what_another_program_gives(HashKind hash, string expected)
    {
        var output = new byte[expected.Length / 2];
        Prf.Plus(hash, Key, Seed, output);
        Convert.ToHexStringLower(output).ShouldBe(expected);
    }

    [Theory]
    [InlineData(HashKind.Sha1)]
    [InlineData(HashKind.Sha256)]
    [InlineData(HashKind.Sha384)]
    [InlineData(HashKind.Sha512)]
    public void Every_length_up_to_255_rounds_is_the_beginning_of_the_longest(HashKind hash)
    {
        var length = hash.Length();
        var longest = new byte[Prf.MaxRounds * length];
        Prf.Plus(hash, Key, Seed, longest);
        longest.ShouldBe(Reference(hash, longest.Length));
        foreach (var count in (int[])[0, 1, length - 1, length, length + 1, (3 * length) + 7, longest.Length - 1])
        {
            var output = new byte[count];
            Prf.Plus(hash, Key, Seed, output);
            output.ShouldBe(longest[..count]);
        }

        Should.Throw<InvariantException>(() => Prf.Plus(hash, Key, Seed, new byte[longest.Length + 1]));
    }

    [Theory]
    [InlineData(HashKind.Sha1)]
    [InlineData(HashKind.Sha256)]
    [InlineData(HashKind.Sha384)]
    [InlineData(HashKind.Sha512)]
    public void Pieces_are_hashed_behind_one_another(HashKind hash)
    {
        byte[] Output() => new byte[hash.Length()];
        var (one, two, three) = (Output(), Output(), Output());
        Prf.Compute(hash, Key, Seed, one);
        Prf.Compute(hash, Key, Seed.AsSpan(..10), Seed.AsSpan(10..), two);
        Prf.Compute(hash, Key, Seed.AsSpan(..10), Seed.AsSpan(10..50), Seed.AsSpan(50..), three);
        var expected = CryptographicOperations.HmacData(Name(hash), Key, Seed);
        (one, two, three).ShouldSatisfyAllConditions(x => x.one.ShouldBe(expected), x => x.two.ShouldBe(expected), x => x.three.ShouldBe(expected));

        var (first, second, third, fourth) = (Output(), Output(), Output(), Output());
        Digests.Compute(hash, Seed, first);
        Digests.Compute(hash, Seed.AsSpan(..10), Seed.AsSpan(10..), second);
        Digests.Compute(hash, Seed.AsSpan(..10), default, Seed.AsSpan(10..), third);
        Digests.Compute(hash, Seed.AsSpan(..10), Seed.AsSpan(10..20), Seed.AsSpan(20..21), Seed.AsSpan(21..), fourth);
        var digest = CryptographicOperations.HashData(Name(hash), Seed);
        foreach (var output in (byte[][])[first, second, third, fourth])
        {
            output.ShouldBe(digest);
        }

        Digests.Compute(hash, default, first);
        first.ShouldBe(CryptographicOperations.HashData(Name(hash), []));
    }

    [Fact]
    public void Key_without_bytes_and_room_of_another_length_are_bugs()
    {
        Should.Throw<InvariantException>(() => Prf.Compute(HashKind.Sha256, default, Seed, new byte[32]));
        Should.Throw<InvariantException>(() => Prf.Compute(HashKind.Sha256, Key, Seed, new byte[31]));
        Should.Throw<InvariantException>(() => Digests.Compute(HashKind.Sha256, Seed, new byte[20]));
    }

    private static byte[] Reference(HashKind hash, int length)
    {
        var output = new List<byte>();
        byte[] previous = [];
        for (var round = 1; output.Count < length; round++)
        {
            previous = CryptographicOperations.HmacData(Name(hash), Key, (byte[])[.. previous, .. Seed, (byte)round]);
            output.AddRange(previous);
        }

        return [.. output.Take(length)];
    }

    private static HashAlgorithmName Name(HashKind hash) => new(hash.ToString().ToUpperInvariant());
}
