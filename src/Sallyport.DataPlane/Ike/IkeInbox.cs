using System.Collections.Concurrent;
using Sallyport.Core.Gateway;
using Sallyport.DataPlane.Handshakes;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// How messages reach one thread of IKE. Who has proven who it is finds a place whatever strangers send: what comes under an SPI that is nobody's here takes none, first
/// messages, under any source, take half of the places at most, those of handshakes that are under way three quarters, and one IKE SA takes few, whoever floods it.
/// </summary>
internal sealed class IkeInbox() : HandshakeInbox(DataPlaneLimits.IkeInCapacity, DataPlaneLimits.IkeMessageMax)
{
    private readonly ConcurrentDictionary<ulong, Share> _shares = new();

    /// <summary>Any packet thread.</summary>
    /// <param name="message">At least <see cref="IkeInboxes.HeadLength"/> bytes, without the non-ESP marker.</param>
    public DropReason Put(in OuterPath from, ReadOnlySpan<byte> message)
    {
        var spi = IkeInboxes.OurSpi(message);
        if (spi == 0)
        {
            return HasRoomForStrangers && TryPut(from, message) ? DropReason.None : DropReason.HandshakeQueueFull;
        }

        if (!_shares.TryGetValue(spi, out var share))
        {
            return DropReason.UnknownPeer;
        }

        if (!(share.HasPeer || IsBelow(quarters: 3)) || !share.TryTake())
        {
            return DropReason.HandshakeQueueFull;
        }

        if (!TryPut(from, message))
        {
            share.Return();
            return DropReason.HandshakeQueueFull;
        }

        return DropReason.None;
    }

    /// <summary>The thread of IKE.</summary>
    public bool TryTakeMessage(Span<byte> message, out OuterPath from, out int length)
    {
        if (!TryTake(message, out from, out length))
        {
            return false;
        }

        if (_shares.TryGetValue(IkeInboxes.OurSpi(message), out var share))
        {
            share.Return();
        }

        return true;
    }

    /// <summary>An SPI of ours is in use from now on, or more is known of its peer.</summary>
    /// <param name="hasPeer">The peer has proven who it is.</param>
    public void Use(ulong spi, bool hasPeer) => _shares.GetOrAdd(spi, _ => new Share()).HasPeer = hasPeer;

    public void Free(ulong spi) => _shares.TryRemove(spi, out _);

    /// <summary>What one IKE SA has of the places.</summary>
    private sealed class Share
    {
        private int _count;
        private volatile bool _hasPeer;

        public bool HasPeer
        {
            get => _hasPeer;
            set => _hasPeer = value;
        }

        public bool TryTake()
        {
            if (Interlocked.Increment(ref _count) <= DataPlaneLimits.IkeInPerSa)
            {
                return true;
            }

            Return();
            return false;
        }

        public void Return() => Interlocked.Decrement(ref _count);
    }
}
