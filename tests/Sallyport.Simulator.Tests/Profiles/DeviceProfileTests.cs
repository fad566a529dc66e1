using Sallyport.Simulator.Profiles;

namespace Sallyport.Simulator.Tests.Profiles;

public sealed class DeviceProfileTests
{
    [Theory]
    [InlineData("dev tun\n", "no remote")]
    [InlineData("remote 127.0.0.1 1194 tcp\n", "UDP")]
    [InlineData("remote 127.0.0.1 99999\n", "no port")]
    [InlineData("remote 127.0.0.1 1194 udp\n", "no <ca>")]
    [InlineData("remote 127.0.0.1 1194 udp\n<tls-crypt>\nnonsense\n</tls-crypt>\n", "static key")]
    [InlineData("remote 127.0.0.1 1194 udp\n<tls-crypt-v2>\nnonsense\n</tls-crypt-v2>\n", "tls-crypt-v2")]
    public void A_profile_that_cannot_be_played_is_refused_with_its_name(string text, string expected)
    {
        var refused = Should.Throw<FormatException>(() => DeviceProfile.Parse("pump-17", text));
        refused.Message.ShouldContain("pump-17");
        refused.Message.ShouldContain(expected);
    }
}
