using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Tests.Model;

public class ProposalUnionTests
{
    private const string Usual = "aes256gcm16-aes128gcm16-prfsha256-prfsha384-x25519-ecp256-ecp384";
    private const string Strict = "aes256gcm16-prfsha384-ecp384";
    private const string Plain = "aes256-aes128-prfsha256-sha256-ecp256-modp2048";
    private const string Old = "aes128-prfsha1-sha1-modp2048";

    [Fact]
    public void Networks_that_take_the_same_are_as_one() => Texts([Usual, Plain], [Usual, Plain]).ShouldBe([Usual, Plain]);

    [Fact]
    public void What_all_take_comes_first() => Texts([Usual], [Strict]).ShouldBe([Strict, Usual]);

    [Fact]
    public void Where_nothing_is_common_all_that_any_takes_is_there_and_the_strong_before_the_weak()
    {
        Texts([Old], [Plain], [Usual]).ShouldBe([Usual, Plain, Old]);
        Texts().ShouldBeEmpty();
    }

    [Fact]
    public void What_is_weak_comes_last_even_where_all_take_it() => Texts([Usual, Old], [Plain, Old]).ShouldBe([Usual, Plain, Old]);

    [Fact]
    public void A_peer_that_offers_much_is_given_what_its_strict_network_accepts()
    {
        var offer = Read("aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp256-ecp384");
        ProposalChoice.TryChoose([offer], ProposalUnion.Of([[Read(Usual)], [Read(Strict)]]), KeyExchangeMethod.None, out var chosen).ShouldBeTrue();
        ProposalChoice.TryChoose([chosen], [Read(Strict)], KeyExchangeMethod.None, out _).ShouldBeTrue();
    }

    [Fact]
    public void Many_different_networks_do_not_multiply()
    {
        string[] many = [.. Enumerable.Range(0, 8).Select(i => i % 2 == 0 ? Usual : Plain)];
        Texts([.. Enumerable.Repeat(many, 50)]).Count.ShouldBe(2);
    }

    private static List<string> Texts(params string[][] networks) =>
        [.. ProposalUnion.Of([.. networks.Select(network => (IReadOnlyList<Proposal>)[.. network.Select(Read)])]).Select(proposal => proposal.ToString())];

    private static Proposal Read(string text) => ProposalText.TryParseIke(text, out var proposal, out var error) ? proposal : throw new ArgumentException(error);
}
