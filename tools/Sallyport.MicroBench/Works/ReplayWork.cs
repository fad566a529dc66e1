using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>Ids in order, but for every eighth, which comes seven late.</summary>
internal sealed class ReplayWork : IWork
{
    private ReplayWindow window;
    private ulong id = 8;

    public bool Run()
    {
        for (var i = 0; i < IWork.Repeats; i++)
        {
            id++;
            var arrived = id % 8 == 0 ? id - 7 : id % 8 == 1 ? id + 7 : id;
            if (!window.IsFresh(arrived))
            {
                return false;
            }

            window.Mark(arrived);
        }

        return true;
    }
}
