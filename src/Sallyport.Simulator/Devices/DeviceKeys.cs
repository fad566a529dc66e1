using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Session;

namespace Sallyport.Simulator.Devices;

/// <summary>The key in use and the one before or after it.</summary>
internal sealed class DeviceKeys
{
    private DataKey first;
    private DataKey second;
    private int firstId = -1;
    private int secondId = -1;
    private bool sealsWithSecond;

    /// <summary>Makes room at the place of the key that is not in use.</summary>
    public void Add(KeysReady made, uint peerId)
    {
        ref var place = ref second;
        if (made.IsFirst || sealsWithSecond)
        {
            place = ref first;
            firstId = made.KeyId;
        }
        else
        {
            secondId = made.KeyId;
        }

        place.Free();
        place = DataKey.Create(made.Keys, made.Format, isServer: false, made.KeyId, peerId);
        if (made.IsFirst)
        {
            sealsWithSecond = false;
        }
    }

    /// <summary>Seals with that one from now on.</summary>
    public void Use(int keyId)
    {
        if (keyId == secondId || keyId == firstId)
        {
            sealsWithSecond = keyId == secondId;
        }
    }

    public ref DataKey Sealing => ref sealsWithSecond ? ref second : ref first;

    public DropReason Open(int keyId, Span<byte> packet, out int start, out int length)
    {
        if (keyId == firstId)
        {
            return first.Open(packet, out start, out length);
        }

        if (keyId == secondId)
        {
            return second.Open(packet, out start, out length);
        }

        (start, length) = (0, 0);
        return DropReason.UnknownKey;
    }

    public void Free()
    {
        first.Free();
        second.Free();
        firstId = secondId = -1;
    }
}
