using System.Text;
using Sallyport.Core.OpenVpn.Negotiation;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

public sealed class KeyMethod2Tests
{
    private const string ClientOptions =
        "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,key-method 2,tls-client";

    [Fact]
    public void A_clients_message_comes_back_whole()
    {
        using var sent = Client("meter-7", "sesame", "IV_VER=2.6.14\nIV_PROTO=990\n");
        KeyMethod2Client.TryParse(Write(sent), out var received).ShouldBe(KeyMethod2Status.Complete);

        received!.PreMaster.ToArray().ShouldBe(sent.PreMaster.ToArray());
        received.Random1.ToArray().ShouldBe(sent.Random1.ToArray());
        received.Random2.ToArray().ShouldBe(sent.Random2.ToArray());
        received.Random1.ToArray().ShouldNotBe(received.Random2.ToArray());
        received.Options.Text.ShouldBe(ClientOptions);
        received.Username.ShouldBe("meter-7");
        Encoding.UTF8.GetString(received.Password).ShouldBe("sesame");
        received.PeerInfo.Version.ShouldBe("2.6.14");
        received.Dispose();
    }

    [Fact]
    public void A_servers_message_comes_back_whole_and_ends_with_three_empty_strings()
    {
        using var sent = KeyMethod2Server.Create(new SeededEntropy(2), OptionString.Parse("V4,tls-server"u8));
        var plaintext = new byte[NegotiationLimits.PlaintextMax];
        var length = sent.Write(plaintext);
        plaintext.AsSpan(0, 5).ToArray().ShouldBe([0, 0, 0, 0, 2]);
        plaintext.AsSpan(length - 7, 7).ToArray().ShouldBe([0, 0, 0, 0, 0, 0, 0]);

        KeyMethod2Server.TryParse(plaintext.AsSpan(0, length), out var received).ShouldBe(KeyMethod2Status.Complete);
        received!.Random1.ToArray().ShouldBe(sent.Random1.ToArray());
        received.Random2.ToArray().ShouldBe(sent.Random2.ToArray());
        received.Options.Text.ShouldBe("V4,tls-server");
        received.Dispose();
    }

    [Fact]
    public void A_message_may_end_after_its_options_as_old_clients_have_it()
    {
        using var sent = Client("", "", "");
        var whole = Write(sent);
        KeyMethod2Client.TryParse(whole.AsSpan(0, whole.Length - 6), out var received).ShouldBe(KeyMethod2Status.Complete);
        received!.Username.ShouldBeEmpty();
        received.PeerInfo.Lines.ShouldBeEmpty();
        KeyMethod2Client.TryParse(whole.AsSpan(0, whole.Length - 2), out _).ShouldBe(KeyMethod2Status.Complete);
    }

    [Fact]
    public void An_empty_string_may_be_a_lone_nul()
    {
        using var sent = Client("", "", "");
        var whole = Write(sent);
        KeyMethod2Client.TryParse([.. whole.AsSpan(0, whole.Length - 6), 0, 1, 0, 0, 1, 0], out var received)
            .ShouldBe(KeyMethod2Status.Complete);
        received!.Username.ShouldBeEmpty();
        received.Password.Length.ShouldBe(0);
    }

    [Theory]
    [InlineData(128, 512, KeyMethod2Status.Complete)]
    [InlineData(129, 10, KeyMethod2Status.CredentialTooLong)]
    [InlineData(10, 513, KeyMethod2Status.CredentialTooLong)]
    [InlineData(27, 233, KeyMethod2Status.Complete)]
    public void Long_credentials_are_refused_by_name_not_by_abort(int username, int password, KeyMethod2Status expected)
    {
        using var sent = Client("", "", "");
        var whole = Write(sent);
        var message = whole.AsSpan(0, whole.Length - 6).ToArray()
            .Concat(String(new string('u', username))).Concat(String(new string('p', password))).Concat(String("IV_VER=2.4.5\n"));
        KeyMethod2Client.TryParse([.. message], out var received).ShouldBe(expected);

        received!.PreMaster.ToArray().ShouldBe(sent.PreMaster.ToArray());
        received.PeerInfo.Version.ShouldBe("2.4.5");
        var kept = expected == KeyMethod2Status.Complete;
        received.Username.Length.ShouldBe(kept ? username : 0);
        received.Password.Length.ShouldBe(kept ? password : 0);
    }

    [Fact]
    public void A_user_name_that_is_no_text_is_refused_and_shown_nowhere()
    {
        using var sent = Client("", "", "");
        var whole = Write(sent);
        byte[][] names = [[0x1b, (byte)'['], [0xff, 0xfe], [(byte)'a', (byte)'\n']];
        foreach (var name in names)
        {
            byte[] message = [.. whole.AsSpan(0, whole.Length - 6), 0, (byte)(name.Length + 1), .. name, 0, 0, 0, 0, 0];
            KeyMethod2Client.TryParse(message, out var received).ShouldBe(KeyMethod2Status.CredentialNotText);
            received!.Username.ShouldBeEmpty();
        }
    }

    [Fact]
    public void Another_key_method_is_refused()
    {
        using var sent = Client("a", "b", "");
        var message = Write(sent);
        message[4] = 1;
        KeyMethod2Client.TryParse(message, out var received).ShouldBe(KeyMethod2Status.Malformed);
        received.ShouldBeNull();
    }

    [Fact]
    public void Options_that_are_too_long_are_refused()
    {
        using var sent = Client("", "", "");
        var whole = Write(sent);
        var head = whole.AsSpan(0, 5 + 48 + 64).ToArray();
        KeyMethod2Client.TryParse([.. head, .. String(new string('x', 511))], out _).ShouldBe(KeyMethod2Status.Complete);
        KeyMethod2Client.TryParse([.. head, .. String(new string('x', 512))], out _).ShouldBe(KeyMethod2Status.Malformed);
    }

    [Fact]
    public void Every_cut_gets_an_answer()
    {
        using var sent = Client("meter-7", "sesame", "IV_VER=2.6.14\n");
        var message = Write(sent);
        for (var length = 0; length < message.Length; length++)
        {
            var status = KeyMethod2Client.TryParse(message.AsSpan(0, length), out var received);
            (received is null).ShouldBe(status == KeyMethod2Status.Malformed);
            KeyMethod2Server.TryParse(message.AsSpan(0, length), out _);
        }
    }

    [Fact]
    public void Mutated_messages_never_throw()
    {
        using var sent = Client("meter-7", "sesame", "IV_VER=2.6.14\nIV_PROTO=990\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\n");
        var message = Write(sent);
        var entropy = new SeededEntropy(77);
        for (var i = 0; i < 20_000; i++)
        {
            var hostile = Mutations.Mutate(message, entropy);
            if (KeyMethod2Client.TryParse(hostile, out var received) != KeyMethod2Status.Malformed)
            {
                received!.Username.Length.ShouldBeLessThanOrEqualTo(NegotiationLimits.UsernameMax);
                PrintableText.IsPrintable(received.Username).ShouldBeTrue();
                PrintableText.IsPrintable(received.Options.Text).ShouldBeTrue();
                received.PeerInfo.Lines.Count.ShouldBeLessThanOrEqualTo(NegotiationLimits.PeerInfoLinesMax);
            }

            KeyMethod2Server.TryParse(hostile, out _);
        }
    }

    [Fact]
    public void Disposing_zeroes_the_secrets()
    {
        var sent = Client("meter-7", "sesame", "");
        sent.Dispose();
        sent.PreMaster.ContainsAnyExcept((byte)0).ShouldBeFalse();
        sent.Random1.ContainsAnyExcept((byte)0).ShouldBeFalse();
        sent.Random2.ContainsAnyExcept((byte)0).ShouldBeFalse();
        sent.Password.ContainsAnyExcept((byte)0).ShouldBeFalse();
    }

    private static KeyMethod2Client Client(string username, string password, string peerInfo) => KeyMethod2Client.Create(
        new SeededEntropy(1),
        OptionString.Parse(Encoding.ASCII.GetBytes(ClientOptions)),
        username,
        Encoding.UTF8.GetBytes(password),
        PeerInfo.Parse(Encoding.ASCII.GetBytes(peerInfo)));

    private static byte[] Write(KeyMethod2Client message)
    {
        var plaintext = new byte[NegotiationLimits.PlaintextMax];
        return plaintext[..message.Write(plaintext)];
    }

    private static byte[] String(string text) =>
        [(byte)((text.Length + 1) >> 8), (byte)(text.Length + 1), .. Encoding.ASCII.GetBytes(text), 0];
}
