using Sallyport.Core.Dns;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Dns;

/// <summary>A question that another server is asked, and where its answer goes.</summary>
/// <param name="Message">What the identity asked, to the end of its question.</param>
/// <param name="Shard">Which one has the tunnel.</param>
/// <param name="IsTied">Something beyond the gateway host is an application: the addresses in the answer are remembered as what the name stands for.</param>
internal sealed record UpstreamQuestion(
    int IdentityId, int NetworkId, int Shard, byte[] Message, DnsQuery Query, UdpReply Reply, DnsForward Forward, bool IsTied);

/// <summary>What another server answered, for the shard that has the tunnel.</summary>
/// <param name="Answer">Null where none of them did.</param>
internal sealed record DeliverAnswer(UpstreamQuestion Question, UpstreamAnswer? Answer) : ShardCommand;
