namespace Sallyport.Simulator.Scenarios;

/// <summary>A scenario that did not come about, said to whoever ordered it.</summary>
public sealed class ScenarioException(string message) : Exception(message);
