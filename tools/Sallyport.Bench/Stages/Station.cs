using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Stages;

/// <summary>Identities for a stream: many that send and one that takes it.</summary>
/// <param name="Target">Where the devices send.</param>
internal sealed record Station(IReadOnlyList<string> Devices, string Sink, InnerEnd Target);
