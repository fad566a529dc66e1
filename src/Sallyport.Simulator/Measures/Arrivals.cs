namespace Sallyport.Simulator.Measures;

/// <summary>Which packets of one sender came, by their numbers: how many, and how many after a later one.</summary>
public struct Arrivals
{
    private uint nextExpected;

    public long Count { get; private set; }

    public long Reordered { get; private set; }

    public void Record(uint sequence)
    {
        Count++;
        if (sequence < nextExpected)
        {
            Reordered++;
        }
        else
        {
            nextExpected = sequence + 1;
        }
    }
}
