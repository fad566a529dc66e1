using Sallyport.Core.Packets;

namespace Sallyport.MicroBench.Works;

internal sealed class ChecksumWork : IWork
{
    private readonly byte[] bytes = [.. Enumerable.Range(0, 1400).Select(i => (byte)i)];

    public bool Run()
    {
        var sum = 0;
        for (var i = 0; i < IWork.Repeats; i++)
        {
            bytes[0] = (byte)i;
            sum += InternetChecksum.Compute(bytes);
        }

        return sum != 0;
    }
}
