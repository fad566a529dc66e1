using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// A part of what an application offers in which every flow of one identity is decided alike: the addresses of a prefix but for those of
/// narrower parts and of other carriers, and neighbouring ports.
/// </summary>
/// <param name="Example">An address of the part: what is decided about it holds for all of it.</param>
/// <param name="Protocol">ICMP as in the family of the address.</param>
public readonly record struct ReachCell(IpPrefix Prefix, IpAddress Example, IpProtocol Protocol, ushort FromPort, ushort ToPort);

/// <summary>Somebody may open flows to a part of an application: now, or when the clock has brought a rule into force.</summary>
/// <param name="Application">Whose part it is; the rule may lead to another one at the same place, see <paramref name="Decision"/>.</param>
/// <param name="Decision">The one that allows it.</param>
/// <param name="Opens">The moment that was asked for where it is allowed then, else the next one at which it is.</param>
/// <param name="Closes">When it is allowed no more; <see cref="Instant.Never"/> where no end of it is known.</param>
public readonly record struct Reach(Identity From, Application Application, ReachCell Cell, Decision Decision, Instant Opens, Instant Closes);

/// <summary>When the clock changes what leads to one application, and whom that concerns.</summary>
/// <param name="subjects">Of rules without their conditions: whom they speak of at all.</param>
internal sealed class ReachTimes(ImmutableArray<Instant> moments, SubjectIndex subjects)
{
    public static readonly ReachTimes None = new([], SubjectIndex.Empty);

    /// <summary>By rising time, after the one that was asked for.</summary>
    public ImmutableArray<Instant> Moments => moments;

    /// <summary>Those that may change something for one identity.</summary>
    public ImmutableArray<Instant> MomentsFor(Identity from) => moments.IsEmpty || subjects.FindRule(new Asker(from, default, default)) == 0 ? [] : moments;
}
