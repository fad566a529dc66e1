using Sallyport.Core.Flows;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>Who wants a port on an address that he shares.</summary>
/// <param name="Host">His own address: of a site, which one behind it.</param>
/// <param name="Replaced">The flow whose place the new one takes, and whose port with it; -1 for none.</param>
internal readonly record struct PortSeeker(int IdentityId, IpAddress Host, int Replaced);

/// <summary>
/// Ports, or identifiers of echo, on an address that several share: only the same other end must not see one twice. Each packet thread has
/// its own, so that two never give out the same; the sender's own is kept where it is free and the thread's. Where none is free, whoever has
/// most of them for that other end makes room: so one who takes all that there are keeps nobody else out.
/// </summary>
internal sealed class SharedPorts(TranslationTable translations, FlowTable flows, IEntropy entropy, int shard, int shards)
{
    /// <summary>RFC 6335 section 6: below are the ports of services.</summary>
    private const int First = 1024;

    /// <summary>Ports next to the sender's own that are looked at first.</summary>
    private const int Near = 16;

    /// <summary>
    /// All that are looked at: the others lie evenly over the whole range, so that they speak for it, and elsewhere for each sender, since
    /// a fleet may send from one and the same port. Of ports of which nine in ten are taken, one is found free in 99 cases of 100.
    /// </summary>
    private const int Tries = 64;

    private readonly SipHash _hash = new(entropy);
    private readonly int _count = ((ushort.MaxValue + 1 - First) / shards) - 1;

    private readonly int _step = Math.Max(1, (((ushort.MaxValue + 1 - First) / shards) - 1) / (Tries - Near));

    /// <summary>Which packet thread has given out a port.</summary>
    public static int ThreadOf(ushort port, int shards) => Math.Max(0, port - First) % shards;

    /// <summary>0 where none is free and nobody has so many that he makes room.</summary>
    /// <param name="ends">On the far side, with the sender's own port.</param>
    /// <param name="idleSince">Of what is no TCP only who has been silent since then makes room: nothing tells its ends that it is over.</param>
    /// <param name="makesRoom">The flow that has the port and is to be ended before; -1 where it is free.</param>
    public ushort Find(in PortSeeker seeker, int networkId, PacketEnds ends, Instant idleSince, out int makesRoom)
    {
        Invariant.Check(ends.Kind != PacketKind.EchoReply, "who answers has opened nothing");
        makesRoom = -1;
        var wanted = Math.Max(ends.SourcePort - First, 0) / shards;
        var elsewhere = (int)(Hash(seeker, ends.SourcePort) % (uint)_count);
        Span<int> taken = stackalloc int[Tries];
        for (var i = 0; i < Tries; i++)
        {
            var at = i < Near ? wanted + i : elsewhere + ((i - Near) * _step);
            ends.SourcePort = (ushort)(First + (at % _count * shards) + shard);
            taken[i] = translations.Find(FlowKey.Of(networkId, ends, out _));
            if (taken[i] == 0 || translations[taken[i]].Flow == seeker.Replaced)
            {
                return ends.SourcePort;
            }
        }

        idleSince = ends.Protocol == IpProtocol.Tcp ? Instant.Never : idleSince;
        var found = WhoMakesRoom(taken, seeker, PortHolderKey.Of(seeker.IdentityId, networkId, ends), idleSince);
        if (found == 0)
        {
            return 0;
        }

        makesRoom = translations[found].Flow;
        return translations[found].GuestPort;
    }

    private uint Hash(in PortSeeker seeker, ushort port)
    {
        var state = _hash.Begin();
        state.Add(((ulong)(uint)seeker.IdentityId << 32) | port);
        state.Add(seeker.Host.Bits);
        return state.Finish(3);
    }

    /// <summary>
    /// The conversation that was idle for longest among those of whoever has clearly more than the one who asks. Where that is nobody, the
    /// one who asks may be a site: there the same holds among the hosts behind it, as far as these ports tell.
    /// </summary>
    private int WhoMakesRoom(ReadOnlySpan<int> taken, in PortSeeker seeker, in PortHolderKey key, Instant idleSince)
    {
        var own = translations.Holders.Find(key);
        var (richest, most) = (own, translations.Holders.CountOf(own) + 1);
        foreach (var index in taken)
        {
            var holder = translations[index].Holder;
            if (translations.Holders.CountOf(holder) > most)
            {
                (richest, most) = (holder, translations.Holders.CountOf(holder));
            }
        }

        if (richest == 0)
        {
            return 0;
        }

        var enough = richest == own ? CountOfHost(taken, own, seeker.Host) + 1 : 0;
        var (best, bestCount) = (0, enough);
        var (host, count) = (default(IpAddress), -1); // mostly they are one device's, which need not be counted again
        foreach (var index in taken)
        {
            if (translations[index].Holder != richest || LastSeen(index) > idleSince)
            {
                continue;
            }

            if (count < 0 || HostOf(index) != host)
            {
                host = HostOf(index);
                count = CountOfHost(taken, richest, host);
            }

            if (count > bestCount || (best != 0 && count == bestCount && LastSeen(index) < LastSeen(best)))
            {
                (best, bestCount) = (index, count);
            }
        }

        return best;
    }

    private int CountOfHost(ReadOnlySpan<int> taken, int holder, IpAddress host)
    {
        var count = 0;
        foreach (var index in taken)
        {
            count += translations[index].Holder == holder && HostOf(index) == host ? 1 : 0;
        }

        return count;
    }

    private IpAddress HostOf(int translation) => flows[translations[translation].Flow].Source;

    private Instant LastSeen(int translation) => flows[translations[translation].Flow].LastSeen;
}
