using Sallyport.Core.Ike.Wire;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// Parts of one message, each proven genuine before it comes here (RFC 7383 section 2.6). A greater total replaces what was there: the peer has found a
/// smaller path.
/// </summary>
internal sealed class FragmentBuffer
{
    private byte[]?[] _parts = [];
    private int _have;
    private int _bytes;

    public PayloadType First { get; private set; }

    /// <summary>True when the message is whole; false where parts are missing, or this one is of no use.</summary>
    public bool Add(int number, int total, PayloadType first, ReadOnlySpan<byte> part)
    {
        if (total > IkeLimits.FragmentsMax || number < 1 || number > total)
        {
            return false;
        }

        if (total > _parts.Length)
        {
            Clear();
            _parts = new byte[]?[total];
        }

        if (total != _parts.Length || _parts[number - 1] is not null || _bytes + part.Length > IkeLimits.MessageMax)
        {
            return false;
        }

        _parts[number - 1] = part.ToArray();
        _bytes += part.Length;
        _have++;
        First = number == 1 ? first : First;
        return _have == _parts.Length;
    }

    /// <summary>The payloads of the whole message; the buffer is empty then.</summary>
    public byte[] Take()
    {
        var whole = new byte[_bytes];
        var at = 0;
        foreach (var part in _parts)
        {
            part!.CopyTo(whole, at);
            at += part!.Length;
        }

        Clear();
        return whole;
    }

    public void Clear()
    {
        foreach (var part in _parts)
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(part);
        }

        (_parts, _have, _bytes) = ([], 0, 0);
    }
}
