using System.Numerics;
using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>
/// Every conversation of one gateway thread, allowed or denied, in one array: found from both directions by one lookup, forgotten by a
/// timer wheel, reported by queues that are lists through the same array. So a report can be late, merged with later ones, but its flow
/// is in at most one queue, and no queue grows. Nothing is allocated after the constructor.
/// </summary>
internal sealed class FlowTable
{
    /// <summary>How many entries are looked at for the one that makes room.</summary>
    private const int EvictionSearch = 64;

    private readonly FlowLimits _limits;
    private readonly TranslationTable _translations;
    private readonly SipHash _hash;
    private readonly Flow[] _flows;
    private readonly int[] _buckets;
    private readonly TimerWheel _wheel;
    private readonly IdentityShares<IdentityShare> _shares;

    /// <summary>By flow; beside the array, so that the collector need not look through it.</summary>
    private readonly Dictionary<int, FlowNames> _named = [];
    private readonly FlowList _news;
    private readonly FlowList _counters;
    private readonly FlowList _ended;
    private readonly long _idBase;
    private long _lastId;
    private int _free = -1;
    private int _hand;
    private int _lastFound;

    public FlowTable(FlowLimits limits, IdentityShares<IdentityShare> shares, TranslationTable translations, IEntropy entropy, Instant start, ushort shard)
    {
        limits.Check();
        _limits = limits;
        BeyondMax = limits.Capacity;
        _translations = translations;
        _shares = shares;
        _hash = new SipHash(entropy);
        // One more than can be in use, for the moment in which an ended flow's record is given up.
        _flows = new Flow[limits.Capacity + limits.DeniedCapacity + limits.EndedBacklog + 1];
        _buckets = new int[(int)BitOperations.RoundUpToPowerOf2((uint)_flows.Length)];
        _buckets.AsSpan().Fill(-1);
        _wheel = new TimerWheel(_flows, start);
        _news = new FlowList(_flows, FlowQueue.News);
        _counters = new FlowList(_flows, FlowQueue.Counters);
        _ended = new FlowList(_flows, FlowQueue.Ended);
        _idBase = (long)shard << 48;
    }

    public int AllowedCount { get; private set; }

    public int DeniedCount { get; private set; }

    /// <summary>Those of <see cref="AllowedCount"/> that lead beyond the gateway host.</summary>
    public int BeyondCount { get; private set; }

    /// <summary>How many of those there may be: as many as the host's kernel should remember. No more than half of the table in any case.</summary>
    public int BeyondMax
    {
        get;
        set => field = Math.Clamp(value, 0, _limits.Capacity / 2);
    }

    /// <summary>Last records that were given up because nobody fetched them in time.</summary>
    public long RecordsLost { get; private set; }

    /// <summary>Entries that were ever in use: what a walk over all flows must look at.</summary>
    public int Extent { get; private set; }

    public ref Flow this[int index] => ref _flows[index];

    public Instant NextDeadline =>
        _counters.IsEmpty ? _wheel.NextDeadline : Instant.Min(_wheel.NextDeadline, _flows[_counters.First].ReportDue);

    /// <summary>-1 where there is none.</summary>
    public int Find(in FlowKey key)
    {
        // Packets of one flow come behind each other.
        ref var last = ref _flows[_lastFound];
        if (last.Status is FlowStatus.Allowed or FlowStatus.Denied && last.Key == key)
        {
            return _lastFound;
        }

        var hash = key.Hash(_hash);
        var index = _buckets[hash & (uint)(_buckets.Length - 1)];
        while (index >= 0)
        {
            ref var flow = ref _flows[index];
            if (flow.Hash == hash && flow.Key == key)
            {
                _lastFound = index;
                return index;
            }

            index = flow.Next;
        }

        return -1;
    }

    /// <summary>Begins a flow that is not there yet. -1 where its kind has no room, for all or for this identity.</summary>
    public int Begin(in FlowKey key, bool openerIsLow, int fromId, int toId, in Judgement judgement, Instant now, bool isMirror = false, bool isBeyond = false)
    {
        var decision = judgement.Decision;
        if (!MakeRoom(decision.Allowed, fromId, isBeyond))
        {
            return -1;
        }

        var index = _free;
        if (index >= 0)
        {
            _free = _flows[index].Next;
        }
        else
        {
            index = Extent++;
        }

        var hash = key.Hash(_hash);
        ref var bucket = ref _buckets[hash & (uint)(_buckets.Length - 1)];
        _flows[index] = new Flow
        {
            Key = key,
            Hash = hash,
            Next = bucket,
            OpenerIsLow = openerIsLow,
            IsMirror = isMirror,
            IsBeyond = isBeyond,
            Status = decision.Allowed ? FlowStatus.Allowed : FlowStatus.Denied,
            Changes = FlowChanges.Began,
            Reason = decision.Reason,
            JudgedBy = judgement.By,
            FromId = fromId,
            ToId = toId,
            RuleId = decision.RuleId,
            ApplicationId = decision.ApplicationId,
            Id = _idBase | ++_lastId,
            FirstSeen = now,
            LastSeen = now,
        };
        bucket = index;
        AddToCounts(_flows[index], 1);
        if (!isMirror)
        {
            _news.Append(index);
        }

        return index;
    }

    /// <summary>Takes a new decision. False where the flow is now allowed but there is no room: then it stays as it was.</summary>
    public bool Judge(int index, in Judgement judgement)
    {
        var decision = judgement.Decision;
        ref var flow = ref _flows[index];
        var wasAllowed = flow.Status == FlowStatus.Allowed;
        if (decision.Allowed != wasAllowed)
        {
            if (decision.Allowed && !MakeRoom(allowed: true, flow.FromId, flow.IsBeyond))
            {
                return false;
            }

            // Making room may have ended the flow itself.
            if (flow.Status is FlowStatus.Ended or FlowStatus.Free)
            {
                return false;
            }

            AddToCounts(flow, -1);
            flow.Status = decision.Allowed ? FlowStatus.Allowed : FlowStatus.Denied;
            AddToCounts(flow, 1);
        }

        if (decision.Allowed != wasAllowed || decision.RuleId != flow.RuleId
            || decision.ApplicationId != flow.ApplicationId || decision.Reason != flow.Reason)
        {
            flow.Changes |= FlowChanges.VerdictChanged;
            MoveTo(_news, index);
        }

        flow.JudgedBy = judgement.By;
        flow.RuleId = decision.RuleId;
        flow.ApplicationId = decision.ApplicationId;
        flow.Reason = decision.Reason;
        return true;
    }

    /// <summary>Counts a packet and moves the deadline.</summary>
    public void Touch(int index, bool fromOpener, int length, TimeSpan lifetime, Instant now)
    {
        ref var flow = ref _flows[index];
        flow.Count(fromOpener, length);
        flow.LastSeen = now;
        flow.Deadline = now + lifetime;
        _wheel.Schedule(index);
        Moved(index, now);
    }

    /// <summary>Counts a packet that says nothing about the life of the flow.</summary>
    public void Count(int index, bool fromOpener, int length, Instant now)
    {
        _flows[index].Count(fromOpener, length);
        Moved(index, now);
    }

    /// <summary>Moves the deadline alone.</summary>
    public void Extend(int index, TimeSpan lifetime, Instant now)
    {
        _flows[index].Deadline = now + lifetime;
        _wheel.Schedule(index);
    }

    /// <summary>A mirror becomes the record: the opener's packets come here from now on.</summary>
    public void TakeOver(int index)
    {
        ref var flow = ref _flows[index];
        flow.IsMirror = false;
        flow.Changes |= FlowChanges.Began | FlowChanges.CountersMoved;
        _news.Append(index);
    }

    /// <summary>Something happened that is worth knowing at once.</summary>
    public void Announce(int index)
    {
        _flows[index].Changes |= FlowChanges.CountersMoved;
        MoveTo(_news, index);
    }

    /// <summary>Takes the flow out of the index. Its last record waits to be fetched.</summary>
    public void End(int index)
    {
        ref var flow = ref _flows[index];
        Invariant.Check(flow.Status is FlowStatus.Allowed or FlowStatus.Denied, "only what lives ends");
        ref var link = ref _buckets[flow.Hash & (uint)(_buckets.Length - 1)];
        while (link != index)
        {
            link = ref _flows[link].Next;
        }

        link = flow.Next;
        if (flow.Translation != 0)
        {
            _translations.Unlink(flow.Translation);
        }

        _wheel.Remove(index);
        AddToCounts(flow, -1);
        if (flow.IsMirror)
        {
            Free(index);
            return;
        }

        flow.Status = FlowStatus.Ended;
        flow.Changes |= FlowChanges.Ended;
        MoveTo(_ended, index);
        if (_ended.Count > _limits.EndedBacklog)
        {
            RecordsLost++;
            Free(_ended.TakeFirst());
        }
    }

    /// <summary>
    /// Ends what has expired and makes the counters that are due known. Only so many flows are looked at;
    /// <see cref="NextDeadline"/> stays in the past while there are more.
    /// </summary>
    public void HandleTimeout(Instant now)
    {
        var budget = _limits.TimerBudget;
        while (_wheel.TakeExpired(now, ref budget) is >= 0 and var index)
        {
            End(index);
        }

        while (!_counters.IsEmpty && _flows[_counters.First].ReportDue <= now)
        {
            _news.Append(_counters.TakeFirst());
        }
    }

    public bool TryDequeue(out FlowRecord record)
    {
        if (!_ended.IsEmpty)
        {
            var ended = _ended.TakeFirst();
            record = RecordOf(ended);
            Free(ended);
            return true;
        }

        if (_news.IsEmpty)
        {
            record = default;
            return false;
        }

        var index = _news.TakeFirst();
        ref var flow = ref _flows[index];
        record = RecordOf(index);
        flow.Changes = FlowChanges.None;
        return true;
    }

    /// <summary>Whether an identity has as many allowed flows, or those to beyond the gateway host, as one may have.</summary>
    public bool IsAtItsLimit(int identityId, bool isBeyond)
    {
        ref var share = ref _shares[identityId];
        return share.Allowed >= _limits.AllowedPerIdentity || (isBeyond && share.Beyond >= BeyondOfOne);
    }

    /// <summary>
    /// How many flows to beyond the host one identity may have now. Nobody makes room there, since the kernel would remember what we forget;
    /// so the second half is for those who have little.
    /// </summary>
    private int BeyondOfOne => BeyondCount >= BeyondMax ? 0
        : BeyondCount < BeyondMax / 2 ? Math.Max(1, BeyondMax / _limits.BeyondShare)
        : Math.Max(1, BeyondMax / _limits.BeyondShareWhenScarce);

    public FlowNames NamesOf(int index) => _flows[index].HasNames ? _named[index] : default;

    /// <summary>What the flow is called is worth knowing at once.</summary>
    public void Name(int index, in FlowNames names)
    {
        _named[index] = names;
        _flows[index].HasNames = true;
        Announce(index);
    }

    private FlowRecord RecordOf(int index)
    {
        var record = _flows[index].Record();
        if (_flows[index].Translation is not 0 and var number)
        {
            ref var translation = ref _translations[number];
            record = record with { FarSource = translation.Guest, FarSourcePort = translation.GuestPort, FarDestination = translation.Target };
        }

        return _flows[index].HasNames ? record with { DnsName = _named[index].Dns, ServerName = _named[index].Server } : record;
    }

    private void Moved(int index, Instant now)
    {
        ref var flow = ref _flows[index];
        flow.Changes |= FlowChanges.CountersMoved;
        if (flow.Queue == FlowQueue.None && !flow.IsMirror)
        {
            // From the first packet that was not reported: so the queue is in the order of its due times.
            flow.ReportDue = now + _limits.ReportEvery;
            _counters.Append(index);
        }
    }

    private bool MakeRoom(bool allowed, int fromId, bool isBeyond)
    {
        var share = _shares[fromId];
        if (!allowed)
        {
            return share.Denied < _limits.DeniedPerIdentity
                && (DeniedCount < _limits.DeniedCapacity || Evict(allowed: false, share.Denied))
                && AllowedCount + DeniedCount < _limits.Capacity + _limits.DeniedCapacity;
        }

        // Flows that lost their permission stay on as denied ones, beyond the bound for those: they go first.
        return !IsAtItsLimit(fromId, isBeyond)
            && (AllowedCount < _limits.Capacity || Evict(allowed: true, share.Allowed))
            && (AllowedCount + DeniedCount < _limits.Capacity + _limits.DeniedCapacity || Evict(allowed: false, -2));
    }

    /// <summary>
    /// Ends the flow that was idle for longest among the next few of those whose opener has clearly more than the one who asks. What leads
    /// beyond the host stays: it would come back, and the kernel have it twice.
    /// </summary>
    private bool Evict(bool allowed, int share)
    {
        var status = allowed ? FlowStatus.Allowed : FlowStatus.Denied;
        var best = -1;
        var found = 0;
        for (var looked = 0; looked < Extent && found < EvictionSearch; looked++)
        {
            _hand = _hand + 1 < Extent ? _hand + 1 : 0;
            ref var flow = ref _flows[_hand];
            if (flow.Status != status)
            {
                // Only the search for a denied flow, of which there are few, may go far.
                found += allowed ? 1 : 0;
                continue;
            }

            found++;
            var opener = _shares[flow.FromId];
            if (!(allowed && flow.IsBeyond) && (allowed ? opener.Allowed : opener.Denied) > share + 1 && (best < 0 || flow.LastSeen < _flows[best].LastSeen))
            {
                best = _hand;
            }
        }

        if (best < 0)
        {
            return false;
        }

        End(best);
        return true;
    }

    private void AddToCounts(in Flow flow, int by)
    {
        ref var share = ref _shares[flow.FromId];
        if (flow.Status != FlowStatus.Allowed)
        {
            DeniedCount += by;
            share.Denied += by;
            return;
        }

        AllowedCount += by;
        share.Allowed += by;
        if (flow.IsBeyond)
        {
            BeyondCount += by;
            share.Beyond += by;
        }
    }

    private void MoveTo(FlowList list, int index)
    {
        if (_flows[index].IsMirror)
        {
            return;
        }

        switch (_flows[index].Queue)
        {
            case FlowQueue.None:
                break;
            case FlowQueue.News when list == _news:
                return;
            case FlowQueue.News:
                _news.Remove(index);
                break;
            case FlowQueue.Counters:
                _counters.Remove(index);
                break;
            case FlowQueue.Ended:
            default:
                return;
        }

        list.Append(index);
    }

    private void Free(int index)
    {
        ref var flow = ref _flows[index];
        if (flow.HasNames)
        {
            flow.HasNames = false;
            _named.Remove(index);
        }

        if (flow.Translation != 0)
        {
            _translations.Release(flow.Translation);
            flow.Translation = 0;
        }

        flow.Status = FlowStatus.Free;
        flow.Next = _free;
        _free = index;
    }
}

/// <summary>What a flow is called: <see cref="FlowRecord.DnsName"/> and <see cref="FlowRecord.ServerName"/>.</summary>
internal readonly record struct FlowNames(string? Dns, string? Server);
