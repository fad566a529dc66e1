using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Simulator.Devices;

namespace Sallyport.Simulator.Tests.Devices;

public sealed class DeviceKeysTests
{
    private static readonly DataFormat Format = new(DataCipher.Aes256Gcm, HashKind.Sha256, UsePeerId: true, CompressionFraming.None);

    [Fact]
    public void A_new_key_opens_at_once_and_seals_only_when_it_is_taken_into_use()
    {
        var keys = new DeviceKeys();
        keys.Add(Ready(0, isFirst: true), peerId: 1);
        keys.Add(Ready(1, isFirst: false), peerId: 1);
        KeyIdOf(keys).ShouldBe(0);
        Opens(keys, 1).ShouldBe(DropReason.None);

        keys.Use(1);
        KeyIdOf(keys).ShouldBe(1);
        Opens(keys, 0).ShouldBe(DropReason.None, "what is under way with the old key still arrives");
        keys.Free();
    }

    [Fact]
    public void The_third_key_takes_the_place_of_the_first()
    {
        var keys = new DeviceKeys();
        keys.Add(Ready(0, isFirst: true), peerId: 1);
        keys.Add(Ready(1, isFirst: false), peerId: 1);
        keys.Use(1);
        keys.Add(Ready(2, isFirst: false), peerId: 1);
        KeyIdOf(keys).ShouldBe(1);
        Opens(keys, 0).ShouldBe(DropReason.UnknownKey);
        Opens(keys, 2).ShouldBe(DropReason.None);
        keys.Free();
    }

    [Fact]
    public void After_a_reconnection_only_the_new_key_counts()
    {
        var keys = new DeviceKeys();
        keys.Add(Ready(0, isFirst: true), peerId: 1);
        keys.Free();
        Opens(keys, 0).ShouldBe(DropReason.UnknownKey);
    }

    private static KeysReady Ready(int keyId, bool isFirst) => new(keyId, Material(keyId), Format, isFirst);

    private static KeyMaterial Material(int keyId)
    {
        var bytes = new byte[KeyMaterial.Length];
        Array.Fill(bytes, (byte)(keyId + 1));
        return new KeyMaterial(bytes);
    }

    /// <summary>The low three bits of what it seals.</summary>
    private static int KeyIdOf(DeviceKeys keys)
    {
        ref var key = ref keys.Sealing;
        var buffer = new byte[128];
        key.Seal(buffer, key.Headroom, 20, out var start, out _).ShouldBeTrue();
        return buffer[start] & 7;
    }

    /// <summary>A packet that a server seals with the key of that id.</summary>
    private static DropReason Opens(DeviceKeys keys, int keyId)
    {
        using var material = Material(keyId);
        var server = DataKey.Create(material, Format, isServer: true, keyId, peerId: 1);
        var buffer = new byte[128];
        server.Seal(buffer, server.Headroom, 20, out var start, out var length).ShouldBeTrue();
        server.Free();
        return keys.Open(keyId, buffer.AsSpan(start, length), out _, out _);
    }
}
