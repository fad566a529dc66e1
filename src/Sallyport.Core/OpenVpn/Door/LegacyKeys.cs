using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>The shared keys of all networks, ready for use: which of them opens a packet tells the network.</summary>
internal sealed class LegacyKeys : IDisposable
{
    private IReadOnlyList<LegacyWrapping>? _source;
    private Entry[] _entries = [];

    /// <summary>Any network allows packets without a wrapping.</summary>
    public bool AllowsPlain { get; private set; }

    public int Count => _entries.Length;

    /// <summary>Cheap while the list is the one of the last call.</summary>
    public void Adopt(IReadOnlyList<LegacyWrapping> wrappings)
    {
        if (ReferenceEquals(wrappings, _source))
        {
            return;
        }

        Dispose();
        var tried = wrappings.Take(OpenVpnLimits.MaxLegacyWrappings).ToList();
        AllowsPlain = tried.Exists(w => w.Kind == WrappingKind.None);
        _entries = [.. tried.Where(w => w.Kind != WrappingKind.None).Select(Entry.Create)];
        _source = wrappings;
    }

    /// <summary>Which entry opens the packet, or -1. Every entry is tried, which <see cref="OpenVpnLimits.MaxLegacyWrappings"/> bounds.</summary>
    public int Find(ReadOnlySpan<byte> packet, Span<byte> clear, out int length)
    {
        for (var i = 0; i < _entries.Length; i++)
        {
            if (_entries[i].TryOpen(packet, clear, out length))
            {
                return i;
            }
        }

        length = 0;
        return -1;
    }

    public LegacyWrapping WrappingOf(int index) => _entries[index].Wrapping;

    public int OverheadOf(int index) => _entries[index].Overhead;

    public int Seal(int index, ReadOnlySpan<byte> clear, ulong counter, Span<byte> wrapped) =>
        _entries[index].Seal(clear, counter, wrapped);

    public void Dispose()
    {
        foreach (ref var entry in _entries.AsSpan())
        {
            entry.Free();
        }

        _entries = [];
        _source = null;
    }

    private struct Entry
    {
        private TlsAuthKey _authSend;
        private TlsAuthKey _authReceive;
        private TlsCryptKey _cryptSend;
        private TlsCryptKey _cryptReceive;

        public LegacyWrapping Wrapping { get; private init; }

        public readonly int Overhead => _authSend.Exists ? _authSend.Overhead : TlsCryptKey.Overhead;

        public static Entry Create(LegacyWrapping wrapping)
        {
            Invariant.Check(wrapping.Key is not null, "a wrapping other than none has a key");
            var key = wrapping.Key.Bytes;
            if (wrapping.Kind != WrappingKind.TlsAuth)
            {
                return new Entry
                {
                    Wrapping = wrapping,
                    _cryptSend = TlsCryptKey.Create(key, half: 0),
                    _cryptReceive = TlsCryptKey.Create(key, half: 1),
                };
            }

            var direction = wrapping.ClientDirection.Opposite();
            return new Entry
            {
                Wrapping = wrapping,
                _authSend = TlsAuthKey.Create(wrapping.Digest, key, direction.SendHalf()),
                _authReceive = TlsAuthKey.Create(wrapping.Digest, key, direction.ReceiveHalf()),
            };
        }

        public readonly bool TryOpen(ReadOnlySpan<byte> packet, Span<byte> clear, out int length)
        {
            length = 0;
            return packet.Length > ControlPacket.HeadLength + Overhead
                && (_authReceive.Exists
                    ? _authReceive.TryOpen(packet, clear, out length, out _)
                    : _cryptReceive.TryOpen(packet, clear, out length, out _));
        }

        public readonly int Seal(ReadOnlySpan<byte> clear, ulong counter, Span<byte> wrapped) =>
            _authSend.Exists ? _authSend.Seal(clear, counter, wrapped) : _cryptSend.Seal(clear, counter, wrapped);

        public void Free()
        {
            _authSend.Free();
            _authReceive.Free();
            _cryptSend.Free();
            _cryptReceive.Free();
        }
    }
}
