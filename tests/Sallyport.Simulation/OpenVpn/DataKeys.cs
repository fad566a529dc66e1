using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>The data channel of one end as a shard keeps it: all keys open, the newest that the peer has shown seals.</summary>
internal sealed class DataKeys(bool isServer) : IDisposable
{
    private readonly DataKey[] _byKeyId = new DataKey[8];
    private int _sealing = -1;

    public bool CanSend => _sealing >= 0;

    public void Add(KeysReady ready, uint peerId)
    {
        ref var slot = ref _byKeyId[ready.KeyId];
        slot.Free();
        slot = DataKey.Create(ready.Keys, ready.Format, isServer, ready.KeyId, peerId);
        ready.Keys.Dispose();
        if (ready.IsFirst)
        {
            _sealing = ready.KeyId;
        }
    }

    /// <summary>Both ends have the key: it takes over.</summary>
    public void Use(int keyId) => _sealing = keyId;

    public byte[] Seal(ReadOnlySpan<byte> inner)
    {
        ref var key = ref _byKeyId[_sealing];
        var buffer = new byte[key.Headroom + inner.Length + key.Tailroom];
        inner.CopyTo(buffer.AsSpan(key.Headroom));
        key.Seal(buffer, key.Headroom, inner.Length, out var start, out var length).ShouldBeTrue();
        return buffer[start..(start + length)];
    }

    public DropReason Open(Span<byte> packet, out ReadOnlySpan<byte> inner)
    {
        inner = default;
        ref var key = ref _byKeyId[new PacketHead(packet[0]).KeyId];
        if (!key.Exists)
        {
            return DropReason.UnknownKey;
        }

        var reason = key.Open(packet, out var start, out var length);
        if (reason == DropReason.None)
        {
            inner = packet.Slice(start, length);
        }

        return reason;
    }

    public void Dispose()
    {
        foreach (ref var key in _byKeyId.AsSpan())
        {
            key.Free();
        }
    }
}
