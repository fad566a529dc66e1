namespace Sallyport.Simulator.Scenarios;

/// <summary>A scenario that did not come about, said to whoever ordered it: what, where (a flag), and how to go on.</summary>
public sealed class ScenarioException(string message, string where = "", string fix = "") : Exception(message)
{
    public string Where { get; } = where;

    public string Fix { get; } = fix;
}
