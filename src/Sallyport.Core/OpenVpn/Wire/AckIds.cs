using System.Runtime.CompilerServices;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wire;

/// <summary>The message ids that a packet acknowledges: 0 to 8 of them.</summary>
public struct AckIds
{
    private Buffer _ids;

    public int Count { get; private set; }

    public readonly uint this[int index]
    {
        get
        {
            Invariant.Check((uint)index < (uint)Count, "an acknowledgement index is below the count");
            return _ids[index];
        }
    }

    public readonly bool Contains(uint id)
    {
        for (var i = 0; i < Count; i++)
        {
            if (_ids[i] == id)
            {
                return true;
            }
        }

        return false;
    }

    internal void Add(uint id)
    {
        Invariant.Check(Count < OpenVpnLimits.MaxAcks, "a packet carries at most 8 acknowledgements");
        _ids[Count++] = id;
    }

    [InlineArray(OpenVpnLimits.MaxAcks)]
    private struct Buffer
    {
        private uint _first;
    }
}
