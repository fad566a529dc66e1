using Sallyport.Api.Networks;
using Sallyport.Cli.Output;

namespace Sallyport.Apps.Tests.Cli.Output;

public sealed class CutTextTests
{
    [Theory]
    [InlineData(1, "ike", "", "1 tunnel of IPsec goes on: --ike holds from its next new keys on (at once: sallyport tunnel disconnect WHO)")]
    [InlineData(2, "ike esp", "", "2 tunnels of IPsec go on: --ike, --esp hold from their next new keys on (at once: sallyport tunnel disconnect WHO)")]
    [InlineData(1, "", "reauthenticate", "1 tunnel of IPsec goes on: --reauthenticate holds when it connects anew (at once: sallyport tunnel disconnect WHO)")]
    [InlineData(3, "esp", "encapsulate copy-dscp",
        "3 tunnels of IPsec go on: --esp holds from their next new keys on; --encapsulate, --copy-dscp hold when they connect anew (at once: sallyport tunnel disconnect WHO)")]
    public void What_tunnels_follow_later_is_told_with_when(int tunnels, string keys, string connecting, string line)
    {
        static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var output = new StringWriter();
        var following = new IpsecFollowing { Tunnels = tunnels, WithNewKeys = Words(keys), WhenConnecting = Words(connecting) };
        CutText.PrintFollowing(new Printer(OutputFormat.Table, output, TextWriter.Null), following);
        CutText.PrintFollowing(new Printer(OutputFormat.Json, output, TextWriter.Null), following);
        CutText.PrintFollowing(new Printer(OutputFormat.Table, output, TextWriter.Null), null);
        output.ToString().TrimEnd().ShouldBe(line);
    }
}
