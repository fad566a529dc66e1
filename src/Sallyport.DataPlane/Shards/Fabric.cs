using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>
/// What the shards of one gateway share: where tunnels are and how it stands with them, what was carried, and how one reaches another. Filled
/// before the first one starts.
/// </summary>
internal sealed class Fabric(int shards, Meters meters)
{
    private readonly Mailbox?[] _mailboxes = new Mailbox?[shards];
    private readonly Lane?[,] _lanes = new Lane?[shards, shards];

    public int Shards { get; } = shards;

    public TunnelDirectory Tunnels { get; } = new();

    public Situations Situations { get; } = new();

    public Meters Meters { get; } = meters;

    /// <param name="inbound">Makes the lane that ends at this shard; asked once for each other shard.</param>
    public void Join(int shard, Mailbox mailbox, Func<int, Lane> inbound)
    {
        _mailboxes[shard] = mailbox;
        for (int from = 0, count = 0; from < Shards; from++)
        {
            if (from != shard)
            {
                _lanes[from, shard] = inbound(count++);
            }
        }
    }

    public Lane Lane(int from, int to) => _lanes[from, to] ?? throw new InvariantException("every shard has joined before one starts");

    public Mailbox Mailbox(int shard) => _mailboxes[shard] ?? throw new InvariantException("every shard has joined before one starts");
}

/// <summary>One shard's side of the <see cref="Fabric"/>. For its thread.</summary>
internal sealed class Crossing(Fabric fabric, int shard)
{
    private readonly bool[] _toWake = new bool[fabric.Shards];
    private bool _anyToWake;

    public int Shard => shard;

    public int Shards => fabric.Shards;

    public TunnelDirectory Tunnels => fabric.Tunnels;

    /// <summary>How it stands with the tunnel of an identity.</summary>
    public Situation Situation(int identityId) => fabric.Situations.Of(identityId);

    /// <summary>False where the other shard does not keep up.</summary>
    public bool TryHandOver(int to, in HandedOver head, ReadOnlySpan<byte> packet)
    {
        if (!fabric.Lane(shard, to).TryPut(head, packet))
        {
            return false;
        }

        _toWake[to] = _anyToWake = true;
        return true;
    }

    /// <summary>Once a turn: one wake-up for all that was handed over in it.</summary>
    public void WakeOthers()
    {
        if (!_anyToWake)
        {
            return;
        }

        _anyToWake = false;
        for (var i = 0; i < _toWake.Length; i++)
        {
            if (_toWake[i])
            {
                _toWake[i] = false;
                fabric.Mailbox(i).WakeUp.Signal();
            }
        }
    }

    /// <summary>The identity has a tunnel here now: wherever else it had one of the same uplink, that one is replaced.</summary>
    public void Announce(int identityId, long tunnelId, in Successor successor, int uplink = 1)
    {
        var before = Tunnels.Register(identityId, new TunnelPlace(shard, tunnelId), uplink);
        if (before.Exists && before.Shard != shard)
        {
            fabric.Mailbox(before.Shard).Order(new ReplaceTunnel(identityId, before.TunnelId, successor));
        }
    }

    /// <summary>How it stands with the identity's tunnel, which is here: every shard judges the next packet of its flows by it.</summary>
    public void Situate(int identityId, long tunnelId, in Situation situation) => fabric.Situations.Set(identityId, tunnelId, situation);

    /// <summary>A tunnel that was here is gone.</summary>
    public void LeaveSituation(int identityId, long tunnelId) => fabric.Situations.Leave(identityId, tunnelId);

    /// <summary>The tunnel that spoke for the identity is gone: one that is still here takes its place.</summary>
    public bool IsSituationLeft(int identityId) => fabric.Situations.IsLeft(identityId);

    /// <summary>For the taking side: what other shards have handed over waits in these.</summary>
    public IEnumerable<Lane> Inbound => Enumerable.Range(0, fabric.Shards).Where(from => from != shard).Select(from => fabric.Lane(from, shard));
}
