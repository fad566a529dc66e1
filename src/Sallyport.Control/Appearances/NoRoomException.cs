using Sallyport.Api.Problems;
using Sallyport.Control.Http;

namespace Sallyport.Control.Appearances;

/// <summary>A range or a pool is too small for what rules from one network to another make appear in it.</summary>
internal sealed class NoRoomException(Problem problem, int fromId, int toId) : ProblemException(problem)
{
    /// <summary>The network of those who are to reach something.</summary>
    public int FromId { get; } = fromId;

    public int ToId { get; } = toId;
}
