namespace Sallyport.EndToEnd.Harness;

/// <summary>Runs when every other collection is done: xunit keeps those without parallelization for the end.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AfterAllOthers
{
    public const string Name = "After all others";
}

[Collection(AfterAllOthers.Name)]
public sealed class CleanlinessTests
{
    [NetworkFact]
    public void No_namespace_of_this_run_is_left() => Namespace.Existing().ShouldBeEmpty();

    [NetworkFact]
    public void A_test_that_fails_leaves_nothing_behind()
    {
        Should.Throw<InvalidOperationException>(() =>
        {
            using var topology = new Topology();
            topology.Gateway.Batch("no such command");
        });
        Namespace.Existing().ShouldBeEmpty();
    }
}
