namespace Sallyport.Core.Flows;

/// <summary>A queue of flows, linked through their own array.</summary>
internal sealed class FlowList(Flow[] flows, FlowQueue name)
{
    private int _last = -1;

    public int First { get; private set; } = -1;

    public int Count { get; private set; }

    public bool IsEmpty => First < 0;

    public void Append(int index)
    {
        ref var flow = ref flows[index];
        flow.Queue = name;
        flow.QueueNext = -1;
        flow.QueuePrevious = _last;
        if (_last >= 0)
        {
            flows[_last].QueueNext = index;
        }
        else
        {
            First = index;
        }

        _last = index;
        Count++;
    }

    public int TakeFirst()
    {
        var index = First;
        Remove(index);
        return index;
    }

    public void Remove(int index)
    {
        ref var flow = ref flows[index];
        if (flow.QueuePrevious >= 0)
        {
            flows[flow.QueuePrevious].QueueNext = flow.QueueNext;
        }
        else
        {
            First = flow.QueueNext;
        }

        if (flow.QueueNext >= 0)
        {
            flows[flow.QueueNext].QueuePrevious = flow.QueuePrevious;
        }
        else
        {
            _last = flow.QueuePrevious;
        }

        flow.Queue = FlowQueue.None;
        Count--;
    }
}
