namespace Sallyport.MicroBench.Works;

/// <summary>One small thing that is done for every packet or flow.</summary>
public interface IWork
{
    /// <summary>Does it so many times at each call, so that the call itself does not count.</summary>
    const int Repeats = 64;

    /// <summary>False where it did not do what it should: then there is nothing to measure.</summary>
    bool Run();
}
