using System.Runtime.CompilerServices;
using Sallyport.Core.Policy;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Policy;

[Collection(nameof(AloneInTheProcess))]
public sealed class NameIndexTests
{
    [Fact]
    public void Knows_after_any_history_what_a_dictionary_knows()
    {
        var index = NameIndex.Empty;
        var known = new Dictionary<(int Scope, string Name), SortedSet<int>>();
        var random = new SeededEntropy(7);
        var bytes = new byte[4];
        for (var round = 0; round < 60; round++)
        {
            var editor = index.Edit();
            for (var i = 0; i < (round == 0 ? 3000 : 40); i++)
            {
                random.Fill(bytes);
                var (scope, name, id) = (1 + (bytes[0] % 3), $"pump-{bytes[1] % 200}", 1 + (bytes[2] % 4));
                var ids = known.TryGetValue((scope, name), out var there) ? there : known[(scope, name)] = [];
                if (bytes[3] % 3 == 0)
                {
                    editor.Remove(scope, name, id);
                    ids.Remove(id);
                }
                else
                {
                    editor.Add(scope, name, id);
                    ids.Add(id);
                }
            }

            var before = index;
            index = editor.Done();
            ReferenceEquals(before, index).ShouldBeFalse();
            foreach (var ((scope, name), ids) in known)
            {
                index.Find(scope, name).Where(id => ids.Contains(id)).ShouldBe(ids, $"{name} in round {round}");
            }
        }

        index.Find(9, "nobody").ShouldBeEmpty();
    }

    [Fact]
    public void Empties_itself_again()
    {
        var editor = NameIndex.Empty.Edit();
        foreach (var id in Enumerable.Range(1, 5000))
        {
            editor.Add(1, $"device-{id}", id);
        }

        var full = editor.Done();
        Enumerable.Range(1, 5000).ShouldAllBe(id => full.Find(1, $"device-{id}").Contains(id));
        editor = full.Edit();
        foreach (var id in Enumerable.Range(1, 5000))
        {
            editor.Remove(1, $"device-{id}", id);
        }

        var empty = editor.Done();
        empty.Find(1, "device-1").ShouldBeEmpty();
        editor = empty.Edit();
        editor.Add(1, "device-1", 1);
        editor.Done().Find(1, "device-1").ShouldBe([1]);
        full.Find(1, "device-4999").ShouldBe([4999], "the one before stays as it was");
        ReferenceEquals(full.Edit().Done(), full).ShouldBeTrue();
    }

    [Fact]
    public void A_name_of_a_hundred_thousand_takes_nine_bytes()
    {
        var held = MemoryWithIndex() - GC.GetTotalMemory(forceFullCollection: true);
        held.ShouldBeInRange(8 * 100_000, 9 * 100_000);
    }

    /// <summary>What it refers to is gone when it returns.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long MemoryWithIndex()
    {
        var index = Make();
        index.Find(1, "device-77777").ShouldContain(77_777);
        var held = GC.GetTotalMemory(forceFullCollection: true);
        GC.KeepAlive(index);
        return held;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static NameIndex Make()
    {
        var editor = NameIndex.Empty.Edit();
        foreach (var id in Enumerable.Range(1, 100_000))
        {
            editor.Add(1, $"device-{id}", id);
        }

        return editor.Done();
    }
}
