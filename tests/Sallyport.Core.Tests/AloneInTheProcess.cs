namespace Sallyport.Core.Tests;

/// <summary>Tests that measure what the whole process holds: no other test runs beside them.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;
