using Sallyport.Core.Flows;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// Ports, or identifiers of echo, on an address that several share: only the same other end must not see one twice. Each packet thread has
/// its own, so that two never give out the same; the sender's own is kept where it is free and the thread's.
/// </summary>
internal sealed class SharedPorts(TranslationTable translations, int shard, int shards)
{
    /// <summary>RFC 6335 section 6: below are the ports of services.</summary>
    private const int First = 1024;

    /// <summary>One destination then has so many conversations around one port that another is better found later.</summary>
    private const int Tries = 256;

    private readonly int _count = ((ushort.MaxValue + 1 - First) / shards) - 1;

    /// <summary>Which packet thread has given out a port.</summary>
    public static int ThreadOf(ushort port, int shards) => Math.Max(0, port - First) % shards;

    /// <summary>0 where none is free.</summary>
    /// <param name="ends">On the far side, with the sender's own port.</param>
    public ushort Find(int networkId, PacketEnds ends)
    {
        var isReply = ends.Kind == PacketKind.EchoReply;
        Invariant.Check(!isReply, "who answers has opened nothing");
        var wanted = Math.Max(ends.SourcePort - First, 0) / shards;
        for (var i = 0; i < Tries; i++)
        {
            ends.SourcePort = (ushort)(First + ((wanted + i) % _count * shards) + shard);
            if (translations.Find(FlowKey.Of(networkId, ends, out _)) == 0)
            {
                return ends.SourcePort;
            }
        }

        return 0;
    }
}
