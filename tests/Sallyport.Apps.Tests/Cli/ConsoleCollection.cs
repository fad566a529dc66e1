namespace Sallyport.Apps.Tests.Cli;

/// <summary>Standard output is one for the process: these tests take turns, with nobody beside them.</summary>
[CollectionDefinition("console", DisableParallelization = true)]
public sealed class ConsoleCollection;
