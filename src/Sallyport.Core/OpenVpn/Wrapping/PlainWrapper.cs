using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>No protection at all, for old clients without a static key. TLS still protects what is inside.</summary>
public sealed class PlainWrapper() : ControlWrapper(WrappingKind.None, overhead: 0, firstPacketId: 1)
{
    public override int Wrap(ReadOnlySpan<byte> clear, Span<byte> wrapped, Instant now)
    {
        clear.CopyTo(wrapped);
        return clear.Length;
    }

    public override DropReason TryUnwrap(ReadOnlySpan<byte> wrapped, Span<byte> clear, out int length)
    {
        length = 0;
        var reason = CheckLength(wrapped, clear, overhead: 0);
        if (reason == DropReason.None)
        {
            wrapped.CopyTo(clear);
            length = wrapped.Length;
        }

        return reason;
    }

    public override void Rest()
    {
    }

    private protected override void ZeroKeys()
    {
    }
}
