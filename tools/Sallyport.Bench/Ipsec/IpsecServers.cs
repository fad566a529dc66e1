using Sallyport.Bench.Stages;

namespace Sallyport.Bench.Ipsec;

/// <summary>The servers that can be measured.</summary>
internal static class IpsecServers
{
    public const string Charon = "charon";

    /// <summary>What the other figures are set beside.</summary>
    public const string Ours = "sallyport";

    /// <summary>In the order of a round.</summary>
    public static IReadOnlyList<string> Names { get; } = [Ours, Charon];

    /// <exception cref="NotSupportedException">This benchmark cannot start it.</exception>
    public static async Task<IIpsecServer> Start(string name, Stage stage) => name switch
    {
        Ours => await SallyportServer.Start(stage),
        Charon => await CharonServer.Start(stage),
        _ => throw new NotSupportedException($"'{name}' is no IPsec server of this benchmark; there are: {string.Join(", ", Names)}"),
    };
}
