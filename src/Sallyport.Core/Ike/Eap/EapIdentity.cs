using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// The question who somebody is, and its answer (RFC 3748 section 5.1). The answer proves nothing: it says which method and whose secret to try.
/// </summary>
public static class EapIdentity
{
    public static byte[] Request(byte identifier) => EapMessage.Request(identifier, EapType.Identity, default);

    /// <param name="identity">Up to <see cref="EapLimits.MaxIdentity"/> bytes of UTF-8.</param>
    public static byte[] Response(byte identifier, string identity)
    {
        var bytes = Encoding.UTF8.GetBytes(identity);
        Invariant.Check(IsValid(bytes), "an identity for EAP has 1 to 253 bytes, and nothing in it that is not seen");
        return EapMessage.Response(identifier, EapType.Identity, bytes);
    }

    /// <summary>False where it is no answer to this question, or no name that can be shown.</summary>
    public static bool TryReadResponse(ReadOnlySpan<byte> packet, byte identifier, [NotNullWhen(true)] out string? identity)
    {
        identity = null;
        if (!EapMessage.TryRead(packet, out var message)
            || message.Code != EapCode.Response || message.Identifier != identifier || message.Type != EapType.Identity || !IsValid(message.Data))
        {
            return false;
        }

        identity = Encoding.UTF8.GetString(message.Data);
        return true;
    }

    public static bool IsValid(ReadOnlySpan<byte> identity) =>
        identity.Length is > 0 and <= EapLimits.MaxIdentity && Utf8.IsValid(identity) && !PlainText.HasUnsafe(Encoding.UTF8.GetString(identity));
}
