using System.Buffers.Binary;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.OpenVpn.Wrapping;

public class WrappedClientKeyTests
{
    private static readonly byte[] Reset = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
    private static readonly TlsCryptV2ServerKey ServerKey = Parse();

    [Fact]
    public void Cve_2026_35058_no_length_makes_the_head_a_part_of_the_wrapped_key()
    {
        for (var length = 0; length <= ushort.MaxValue; length++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(Reset.AsSpan()[^2..], (ushort)length);
            if (WrappedClientKey.TryStrip(Reset, out var controlLength))
            {
                controlLength.ShouldBe(Reset.Length - length);
                controlLength.ShouldBeGreaterThanOrEqualTo(50);
                length.ShouldBeInRange(OpenVpnLimits.MinWrappedKey, OpenVpnLimits.MaxWrappedKey);
            }
        }
    }

    [Fact]
    public void Every_truncation_from_either_end_is_refused()
    {
        var packet = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
        for (var length = 0; length < packet.Length; length++)
        {
            Opens(packet[..length]).ShouldBeFalse($"cut at {length}");
        }

        var wkcStart = packet.Length - BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan()[^2..]);
        for (var from = wkcStart - 49; from < packet.Length; from++)
        {
            Opens(packet[from..]).ShouldBeFalse($"from {from}");
        }

        Opens(packet).ShouldBeTrue();
    }

    [Fact]
    public void Every_flipped_bit_of_a_wrapped_key_is_refused()
    {
        var packet = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
        var wkcStart = packet.Length - BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan()[^2..]);
        for (var bit = 8 * wkcStart; bit < 8 * packet.Length; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
            Opens(packet).ShouldBeFalse($"bit {bit}");
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Cve_2026_12932_and_13698_opening_wrapped_keys_by_the_thousand_allocates_nothing()
    {
        var good = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
        var bad = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
        bad[^10] ^= 1;
        var key = new byte[256];
        var metadata = new byte[OpenVpnLimits.MaxMetadata];
        Open(100);
        var opened = 0;
        Allocations.Least(() => opened = Open(5000)).ShouldBe(0);
        opened.ShouldBe(5000);

        int Open(int count)
        {
            var opened = 0;
            for (var i = 0; i < count; i++)
            {
                opened += ServerKey.TryUnwrapClient(good, out _, key, metadata, out _) ? 1 : 0;
                opened -= ServerKey.TryUnwrapClient(bad, out _, key, metadata, out _) ? 1 : 0;
            }

            return opened;
        }
    }

    [Fact]
    public void Mutated_packets_are_refused_or_unchanged_where_it_matters()
    {
        var entropy = new SeededEntropy(123);
        var valid = Convert.FromHexString(StockVectors.TlsCryptV2Reset);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = Mutations.Mutate(valid, entropy);
            if (Opens(bytes))
            {
                bytes[^300..].ShouldBe(valid[^300..]);
            }
        }
    }

    [Fact]
    public void Metadata_is_ours_only_with_its_type_and_length()
    {
        var metadata = new byte[WrappedKeyMetadata.Length];
        byte[] id = [.. Enumerable.Range(50, 16).Select(i => (byte)i)];
        WrappedKeyMetadata.Write(metadata, id);
        WrappedKeyMetadata.TryRead(metadata, out var read).ShouldBeTrue();
        read.ToArray().ShouldBe(id);
        for (var length = 0; length < metadata.Length; length++)
        {
            WrappedKeyMetadata.TryRead(metadata.AsSpan(0, length), out _).ShouldBeFalse();
        }

        WrappedKeyMetadata.TryRead([.. metadata, 0], out _).ShouldBeFalse();
        metadata[0] = 1;
        WrappedKeyMetadata.TryRead(metadata, out _).ShouldBeFalse();
    }

    private static bool Opens(byte[] packet) =>
        ServerKey.TryUnwrapClient(packet, out _, new byte[256], new byte[OpenVpnLimits.MaxMetadata], out _);

    private static TlsCryptV2ServerKey Parse()
    {
        TlsCryptV2ServerKey.TryParsePem(StockVectors.ServerKeyPem, out var key).ShouldBeTrue();
        return key;
    }
}
