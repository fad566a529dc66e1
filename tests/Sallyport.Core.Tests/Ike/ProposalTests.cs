using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Core.Tests.Ike;

public sealed class ProposalTests
{
    [Theory]
    [InlineData("aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384")]
    [InlineData("aes256-sha256-modp2048", "aes256-prfsha256-sha256-modp2048")]
    [InlineData("AES128-SHA2_512-curve25519", "aes128-prfsha512-sha512-x25519")]
    [InlineData("aes128gcm128-sha384-x25519", "aes128gcm16-prfsha384-x25519")]
    [InlineData("aes256-aes128-sha384-sha256-x25519-ecp256", "aes256-aes128-prfsha384-prfsha256-sha384-sha256-x25519-ecp256")]
    [InlineData("chacha20poly1305-prfsha512-x25519-ke1_mlkem768-ke7_ecp521", "chacha20poly1305-prfsha512-x25519-ke1_mlkem768-ke7_ecp521")]
    public void Proposals_of_an_IKE_SA_are_read_and_written(string text, string written)
    {
        ProposalText.TryParseIke(text, out var proposal, out var error).ShouldBeTrue(error);
        proposal.ToString().ShouldBe(written);
        ProposalText.TryParseIke(written, out var again, out _).ShouldBeTrue();
        again.Transforms.ShouldBe(proposal.Transforms);
    }

    [Theory]
    [InlineData("aes256gcm16", "aes256gcm16-noesn")]
    [InlineData("aes128-sha256-x25519-none-esn-noesn", "aes128-sha256-x25519-none-esn-noesn")]
    [InlineData("aes256gmac", "aes256gmac-noesn")]
    [InlineData("aes256gcm16-x25519-ke1_mlkem768", "aes256gcm16-x25519-noesn-ke1_mlkem768")]
    [InlineData("aes256gcm16-x25519-none-ke1_mlkem768-ke1_none", "aes256gcm16-x25519-none-noesn-ke1_mlkem768-ke1_none")]
    public void Proposals_of_ESP_are_read_and_written(string text, string written)
    {
        ProposalText.TryParseEsp(text, out var proposal, out var error).ShouldBeTrue(error);
        proposal.ToString().ShouldBe(written);
        ProposalText.TryParseEsp(written, out var again, out _).ShouldBeTrue();
        again.Transforms.ShouldBe(proposal.Transforms);
    }

    [Theory]
    [InlineData("", "is no algorithm")]
    [InlineData("aes256gcm16-prfsha256", "no key exchange")]
    [InlineData("aes256gcm16-x25519", "no PRF")]
    [InlineData("prfsha256-x25519", "no cipher")]
    [InlineData("aes256-prfsha256-x25519", "needs integrity")]
    [InlineData("aes256-aes256gcm16-sha256-x25519", "make two of it")]
    [InlineData("aes256gmac-prfsha256-x25519", "GMAC is for ESP")]
    [InlineData("aes256gcm16-prfsha256-none", "'none' is for ESP")]
    [InlineData("aes256gcm16-prfsha256-x25519-esn", "is for ESP")]
    [InlineData("3des-sha1-modp1024", "'3des' is no algorithm that IKE can have here")]
    [InlineData("aes256gcm16-prfsha256-ke1_sha256-x25519", "is no algorithm")]
    public void What_is_no_proposal_is_told_why(string text, string why)
    {
        ProposalText.TryParseIke(text, out var proposal, out var error).ShouldBeFalse();
        proposal.ShouldBeNull();
        error.ShouldContain(why);
    }

    [Theory]
    [InlineData("aes256gcm16-prfsha256-x25519", "a PRF is for IKE SAs")]
    [InlineData("aes256", "needs integrity")]
    [InlineData("aes256gcm16-ke1_mlkem768", "follows a first one")]
    [InlineData("aes256gcm16-none-ke1_mlkem768", "follows a first one")]
    public void What_is_no_proposal_of_ESP_is_told_why(string text, string why)
    {
        ProposalText.TryParseEsp(text, out _, out var error).ShouldBeFalse();
        error.ShouldContain(why);
    }

    [Theory]
    [InlineData("aes256gcm16-aes128gcm16-prfsha256-x25519-ecp256", "aes128gcm16-aes256gcm16-prfsha256-ecp256-x25519", KeyExchangeMethod.None, "aes128gcm16-prfsha256-ecp256")]
    [InlineData("aes256gcm16-aes128gcm16-prfsha256-x25519-ecp256", "aes128gcm16-aes256gcm16-prfsha256-ecp256-x25519", KeyExchangeMethod.X25519, "aes128gcm16-prfsha256-x25519")]
    [InlineData("aes256gcm16-prfsha256-x25519", "aes256gcm16-prfsha384-x25519", KeyExchangeMethod.X25519, null)]
    [InlineData("aes256-sha256-x25519", "aes256gcm16-prfsha256-x25519", KeyExchangeMethod.X25519, null)]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_ecp384", "aes256gcm16-prfsha256-x25519", KeyExchangeMethod.X25519, null)]
    [InlineData("aes256gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-x25519-ke1_ecp384", KeyExchangeMethod.X25519, null)]
    [InlineData("aes256gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-x25519-ke1_ecp384-ke1_none", KeyExchangeMethod.X25519, "aes256gcm16-prfsha256-x25519")]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_ecp384-ke2_ecp384", "aes256gcm16-prfsha256-x25519-ke1_ecp384-ke2_ecp384", KeyExchangeMethod.X25519, null)]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_ecp256-ke1_ecp384-ke2_ecp384", "aes256gcm16-prfsha256-x25519-ke1_ecp384-ke1_ecp256-ke2_ecp384", KeyExchangeMethod.X25519, "aes256gcm16-prfsha256-x25519-ke1_ecp256-ke2_ecp384")]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_ecp384-ke2_ecp384-ke2_none", "aes256gcm16-prfsha256-x25519-ke1_ecp384-ke2_ecp384-ke2_none", KeyExchangeMethod.X25519, "aes256gcm16-prfsha256-x25519-ke1_ecp384-ke2_none")]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_x25519", "aes256gcm16-prfsha256-x25519-ke1_x25519", KeyExchangeMethod.X25519, "aes256gcm16-prfsha256-x25519-ke1_x25519")]
    public void The_first_of_ours_that_the_peer_has_is_taken(string offered, string taken, KeyExchangeMethod brought, string? chosen)
    {
        ProposalChoice.TryChoose([Ike(offered) with { Number = 7 }], [Ike(taken)], brought, out var found).ShouldBe(chosen is not null);
        found?.ToString().ShouldBe(chosen);
        found?.Number.ShouldBe((byte)7);
    }

    [Theory]
    [InlineData("aes256gcm16-x25519-noesn", "aes256gcm16-x25519-none-noesn", true)]
    [InlineData("aes256gcm16-noesn", "aes256gcm16-x25519-noesn", false)]
    [InlineData("aes256gcm16-noesn", "aes256gcm16-x25519-none-noesn", true)]
    [InlineData("aes256gcm16-x25519-noesn", "aes256gcm16-noesn", false)]
    [InlineData("aes256gcm16-esn", "aes256gcm16-noesn", false)]
    [InlineData("aes256gcm16-x25519-ke1_ecp384-noesn", "aes256gcm16-x25519-none-ke1_ecp384-noesn", true)]
    [InlineData("aes256gcm16-x25519-none-noesn", "aes256gcm16-x25519-ke1_ecp384-noesn", false)]
    [InlineData("aes256gcm16-x25519-ke1_ecp384-noesn", "aes256gcm16-x25519-noesn", false)]
    public void Secrecy_of_its_own_and_long_numbers_are_met_or_not(string offered, string taken, bool isMet) =>
        ProposalChoice.TryChoose([Esp(offered) with { Spi = 4711 }], [Esp(taken)], KeyExchangeMethod.X25519, out _).ShouldBe(isMet);

    [Fact]
    public void A_proposal_without_a_number_for_its_SA_is_none()
    {
        foreach (var spi in new ulong[] { 0, 1, 255 })
        {
            ProposalChoice.TryChoose([Esp("aes256gcm16") with { Spi = spi }], [Esp("aes256gcm16")], KeyExchangeMethod.None, out _).ShouldBeFalse();
        }
    }

    [Fact]
    public void What_differs_is_said()
    {
        var offered = Ike("aes128-sha256-modp2048");
        var foreign = offered with { Transforms = [.. offered.Transforms.Where(transform => transform.Type != TransformType.KeyExchange), new Transform(TransformType.KeyExchange, 2)] };
        var text = ProposalChoice.Explain([foreign, Ike("chacha20poly1305-prfsha512-ecp521")], [Ike("aes128-sha256-x25519-ecp256"), Ike("aes256gcm16-prfsha256-x25519")]);
        text.ShouldContain("peer offered [aes128-prfsha256-sha256-modp1024, chacha20poly1305-prfsha512-ecp521]");
        text.ShouldContain("accepted here [aes128-prfsha256-sha256-x25519-ecp256, aes256gcm16-prfsha256-x25519]");
        text.ShouldEndWith("what differs: group (peer modp1024; here x25519 ecp256)");
        ProposalChoice.Explain([], [offered]).ShouldBe("the peer offered nothing");
        ProposalChoice.Explain([Esp("aes256gcm16")], [offered]).ShouldEndWith("none of them is for the same protocol");
    }

    [Theory]
    [InlineData("aes256gcm16-prfsha256-x25519", true)]
    [InlineData("aes256gcm16-prfsha256-ecp256", true)]
    [InlineData("aes128gcm16-prfsha256-x25519", false)]
    [InlineData("aes256gcm16-prfsha256-x25519-ecp256", false)]
    [InlineData("aes256gcm16-prfsha256-x25519-ke1_ecp384", false)]
    public void A_responder_takes_of_what_was_offered_one_of_each(string chosen, bool isFrom)
    {
        var offered = Ike("aes256gcm16-prfsha256-x25519-ecp256") with { Number = 1 };
        ProposalChoice.IsFrom(Ike(chosen) with { Number = 1 }, [offered]).ShouldBe(isFrom);
        ProposalChoice.IsFrom(Ike(chosen) with { Number = 2 }, [offered]).ShouldBeFalse();
    }

    /// <summary>RFC 9370 section 2.2.1.</summary>
    [Theory]
    [InlineData("aes256gcm16-x25519-ke1_ecp384-ke2_ecp256", true)]
    [InlineData("aes256gcm16-x25519-ke1_ecp384-ke2_ecp384", false)]
    [InlineData("aes256gcm16-x25519-ke1_none-ke2_ecp384", true)]
    [InlineData("aes256gcm16-x25519", false)]
    public void Additional_key_exchanges_that_are_chosen_differ(string chosen, bool isFrom)
    {
        var offered = Esp("aes256gcm16-x25519-none-ke1_ecp384-ke1_none-ke2_ecp384-ke2_ecp256") with { Number = 1 };
        ProposalChoice.IsFrom(Esp(chosen) with { Number = 1, Spi = 4711 }, [offered]).ShouldBe(isFrom);
    }

    [Fact]
    public void Additional_key_exchanges_without_a_first_one_are_none()
    {
        var offered = Esp("aes256gcm16-x25519-none-ke1_ecp384") with { Number = 1, Spi = 4711 };
        var headless = offered with { Transforms = [.. offered.Transforms.Where(transform => transform.Type != TransformType.KeyExchange)] };
        ProposalChoice.IsFrom(headless, [offered]).ShouldBeFalse();
        ProposalChoice.TryChoose([headless], [offered], KeyExchangeMethod.None, out _).ShouldBeFalse();
        ProposalChoice.Explain([headless], [offered]).ShouldContain("what differs: group (peer none");
    }

    [Fact]
    public void A_responder_leaves_nothing_out()
    {
        var offered = Ike("aes256-sha256-x25519") with { Number = 1 };
        foreach (var type in offered.Transforms.Select(transform => transform.Type))
        {
            ProposalChoice.IsFrom(offered with { Transforms = [.. offered.Transforms.Where(transform => transform.Type != type)] }, [offered]).ShouldBeFalse();
        }
    }

    /// <summary>Choices against the definition, for random proposals.</summary>
    [Fact]
    public void A_choice_is_what_each_kind_allows()
    {
        var random = new Chance(1);
        string[] ciphers = ["aes256gcm16", "aes128gcm16"];
        string[] prfs = ["prfsha256", "prfsha384", "prfsha512"];
        string[] groups = ["x25519", "ecp256", "ecp384"];
        for (var i = 0; i < 3_000; i++)
        {
            Proposal Any() => Ike(string.Join('-', Some(ciphers).Concat(Some(prfs)).Concat(Some(groups))));
            string[] Some(string[] words)
            {
                var shuffled = words.OrderBy(_ => random.Next()).ToArray();
                return shuffled[..(1 + random.Below(words.Length))];
            }

            var (theirs, ours) = (Any(), Any());
            var isMet = ProposalChoice.TryChoose([theirs], [ours], KeyExchangeMethod.None, out var chosen);
            TransformType[] kinds = [TransformType.Encryption, TransformType.Prf, TransformType.KeyExchange];
            var expected = kinds.Select(kind => ours.Of(kind).Cast<Transform?>().FirstOrDefault(transform => theirs.Contains(transform!.Value))).ToList();
            isMet.ShouldBe(expected.TrueForAll(transform => transform is not null));
            chosen?.Transforms.Select(transform => (Transform?)transform).ShouldBe(expected);
        }
    }

    [Fact]
    public void An_attribute_that_nobody_knows_spoils_its_algorithm_and_no_other()
    {
        // One proposal of ESP: AES-GCM-256 with an attribute 15 behind its key length, and AES-GCM-128.
        var body = Convert.FromHexString("000000300103040300001267" + "0300001001000014800e0100800f0001" + "0300000c01000014800e0080" + "0000000805000000");
        SaPayload.TryRead(body, out var proposals).ShouldBeTrue();
        proposals.Single().Spi.ShouldBe(0x1267u);
        ProposalChoice.TryChoose(proposals, [Esp("aes256gcm16-aes128gcm16")], KeyExchangeMethod.None, out var chosen).ShouldBeTrue();
        chosen!.ToString().ShouldBe("aes128gcm16-noesn");
        ProposalChoice.TryChoose(proposals, [Esp("aes256gcm16")], KeyExchangeMethod.None, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("0000000801010000", true)]
    [InlineData("0000000801030000", false)]
    [InlineData("0000000c0103040000000001", true)]
    [InlineData("0000000c0101040000000001", false)]
    [InlineData("0000000701010000", false)]
    [InlineData("0200000801010000", false)]
    [InlineData("0100000801010000", false)]
    [InlineData("000000080101000000", false)]
    [InlineData("0000000801010001", false)]
    [InlineData("0000000a010902000000", true)]
    public void Lengths_that_lie_are_found_out(string body, bool isRead) => SaPayload.TryRead(Convert.FromHexString(body), out _).ShouldBe(isRead);

    [Fact]
    public void As_many_proposals_as_the_limit_and_no_more()
    {
        foreach (var (count, isRead) in new[] { (IkeLimits.ProposalsMax, true), (IkeLimits.ProposalsMax + 1, false) })
        {
            var writer = new ByteWriter(new byte[4_096]);
            SaPayload.Write(ref writer, [.. Enumerable.Repeat(Ike("aes256gcm16-prfsha256-x25519"), count)]);
            SaPayload.TryRead(writer.Written, out var proposals).ShouldBe(isRead);
            proposals.Length.ShouldBe(isRead ? count : 0);
        }
    }

    private static Proposal Ike(string text)
    {
        // "none" has no word in a proposal of an IKE SA but beside additional exchanges.
        var optional = text.Split('-').Where(word => word.EndsWith("_none", StringComparison.Ordinal)).Select(word => Transform.Additional(word[2] - '1', KeyExchangeMethod.None)).ToList();
        ProposalText.TryParseIke(string.Join('-', text.Split('-').Where(word => !word.EndsWith("_none", StringComparison.Ordinal))), out var proposal, out var error).ShouldBeTrue(error);
        return proposal with { Transforms = [.. proposal.Transforms, .. optional] };
    }

    private static Proposal Esp(string text)
    {
        ProposalText.TryParseEsp(text, out var proposal, out var error).ShouldBeTrue(error);
        return proposal;
    }

    [Fact]
    public void What_the_machine_cannot_do_is_left_out_and_what_asks_for_it_alone_is_left_out_whole()
    {
        var has = KeyExchange.IsAvailable(KeyExchangeMethod.MlKem768);
        ProposalText.TryParseIke("aes256gcm16-prfsha384-x25519-ke1_mlkem768", out var strict, out _).ShouldBeTrue();
        ProposalText.TryParseIke("aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_none", out var lenient, out _).ShouldBeTrue();
        ProposalText.TryParseIke("aes256gcm16-prfsha384-mlkem768-x25519", out var either, out _).ShouldBeTrue();
        strict.WhereAvailable()?.ToString().ShouldBe(has ? strict.ToString() : null);
        lenient.WhereAvailable()!.ToString().ShouldBe(has ? lenient.ToString() : "aes256gcm16-prfsha384-x25519-ke1_none");
        either.WhereAvailable()!.ToString().ShouldBe(has ? either.ToString() : "aes256gcm16-prfsha384-x25519");
    }
}
