using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Core.Tests.Ike;

public sealed class IkeWireTests
{
    [Theory]
    [InlineData("10.0.0.1", IdentityType.Ipv4)]
    [InlineData("2001:db8::1", IdentityType.Ipv6)]
    [InlineData("pump-17.plant-a.sallyport", IdentityType.Fqdn)]
    [InlineData("@pump-17", IdentityType.Fqdn)]
    [InlineData("somebody@example.com", IdentityType.Email)]
    [InlineData("keyid:pump", IdentityType.KeyId)]
    [InlineData("KEYID:0x00FF", IdentityType.KeyId)]
    public void Identities_are_read_as_operators_write_them(string text, IdentityType type)
    {
        IkeIdentity.TryParse(text, out var identity).ShouldBeTrue();
        identity.Type.ShouldBe(type);
        var body = new byte[identity.BodyLength];
        IkeIdentity.TryRead(body.AsSpan(0, identity.Write(body)), out var again).ShouldBeTrue();
        again.ShouldBe(identity);
        again.GetHashCode().ShouldBe(identity.GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("two words")]
    [InlineData("keyid:")]
    [InlineData("tést")]
    public void What_is_no_identity_is_none(string text) => IkeIdentity.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Names_are_equal_whatever_their_case_and_numbers_are_not()
    {
        IkeIdentity.Fqdn("Pump.Example").ShouldBe(IkeIdentity.Fqdn("pump.example"));
        IkeIdentity.Fqdn("Pump.Example").GetHashCode().ShouldBe(IkeIdentity.Fqdn("pump.example").GetHashCode());
        new IkeIdentity(IdentityType.KeyId, "A"u8).ShouldNotBe(new IkeIdentity(IdentityType.KeyId, "a"u8));
        new IkeIdentity(IdentityType.Email, "a@b"u8).ShouldNotBe(new IkeIdentity(IdentityType.Fqdn, "a@b"u8));
    }

    [Theory]
    [InlineData("0100000001020304", true)]
    [InlineData("01000000010203", false)]
    [InlineData("0500000001020304", false)]
    [InlineData("02000000", false)]
    [InlineData("0200000061006200", false)]
    [InlineData("020000006120", false)]
    [InlineData("0a00000061", false)]
    [InlineData("0b00000000", true)]
    [InlineData("09000000ffff", true)]
    public void Identities_of_peers_are_bounded_and_printable(string body, bool isRead)
    {
        IkeIdentity.TryRead(Convert.FromHexString(body), out var identity).ShouldBe(isRead);
        (identity?.ToString() ?? "").ShouldAllBe(character => character >= ' ' && character < 127);
    }

    [Fact]
    public void A_head_whose_length_lies_is_none()
    {
        var message = new byte[40];
        new IkeHeader { InitiatorSpi = 1, ResponderSpi = 2, NextPayload = PayloadType.None, Exchange = ExchangeType.Informational, Flags = IkeFlags.Initiator, MessageId = 3, Length = 40 }.Write(message);
        IkeHeader.TryRead(message, out var header).ShouldBeTrue();
        (header.ReceiverSpi, header.SenderSpi, header.MessageId, header.IsResponse).ShouldBe((2ul, 1ul, 3u, false));
        IkeHeader.TryRead(message.AsSpan(..39), out _).ShouldBeFalse();
        IkeHeader.TryRead(new byte[41], out _).ShouldBeFalse();
        IkeHeader.TryRead(message.AsSpan(..27), out _).ShouldBeFalse();
    }

    [Fact]
    public void A_buffer_of_parts_is_bounded()
    {
        var buffer = new FragmentBuffer();
        foreach (var (number, total) in new[] { (0, 1), (2, 1), (1, IkeLimits.FragmentsMax + 1), (-1, 3), (1, 65_535), (1, 0) })
        {
            buffer.Add(number, total, PayloadType.Notify, new byte[10]).ShouldBeFalse();
        }

        for (var number = 1; number <= IkeLimits.FragmentsMax; number++)
        {
            buffer.Add(number, IkeLimits.FragmentsMax, PayloadType.Notify, new byte[IkeLimits.MessageMax / 31]).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_greater_number_of_parts_begins_anew_and_a_smaller_one_does_not()
    {
        var buffer = new FragmentBuffer();
        buffer.Add(1, 2, PayloadType.Notify, [1]).ShouldBeFalse();
        buffer.Add(3, 3, PayloadType.None, [3]).ShouldBeFalse();
        buffer.Add(2, 2, PayloadType.None, [9]).ShouldBeFalse();
        buffer.Add(1, 3, PayloadType.Delete, [1]).ShouldBeFalse();
        buffer.Add(1, 3, PayloadType.Nonce, [8]).ShouldBeFalse();
        buffer.Add(2, 3, PayloadType.None, [2]).ShouldBeTrue();
        buffer.First.ShouldBe(PayloadType.Delete);
        buffer.Take().ShouldBe([1, 2, 3]);
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("2001:db8::1")]
    [InlineData("gw-2.example.com")]
    public void A_redirection_comes_back_with_our_nonce_or_not_at_all(string gateway)
    {
        var nonce = new byte[32];
        var data = IkeDoor.RedirectData(gateway, nonce);
        IkeSaInit.TryReadRedirect(data, nonce, out var read).ShouldBeTrue();
        read.ShouldBe(gateway);
        nonce[5] = 1;
        IkeSaInit.TryReadRedirect(data, nonce, out _).ShouldBeFalse();
        IkeSaInit.TryReadRedirect(data.AsSpan(..^1), new byte[32], out _).ShouldBeFalse();
    }

    /// <summary>CVE-2026-50721: a signature, or the hash in it, that is cut off.</summary>
    [Fact]
    public void A_signature_that_is_cut_or_changed_is_none()
    {
        using var certificate = Crypto.TestCertificate.Root();
        SigningKey.TryReadPkcs8(certificate.Pkcs8, out var key).ShouldBeTrue();
        using (key)
        {
            byte[] octets = [1, 2, 3];
            foreach (var hashes in new ushort[][] { [2], [] })
            {
                AuthProof.TrySign(key!, [.. hashes], octets, out var method, out var auth).ShouldBeTrue();
                method.ShouldBe(hashes.Length > 0 ? AuthMethod.DigitalSignature : AuthMethod.EcdsaSha256P256);
                AuthProof.IsSigned(new AuthValue(method, [.. auth]), certificate.Der, octets, out _).ShouldBeTrue();
                AuthProof.IsSigned(new AuthValue(method, [.. auth]), certificate.Der, [1, 2, 4], out _).ShouldBeFalse();
                for (var length = 0; length < auth.Length; length++)
                {
                    AuthProof.IsSigned(new AuthValue(method, [.. auth[..length]]), certificate.Der, octets, out var why).ShouldBeFalse();
                    why.ShouldNotBeEmpty();
                }

                AuthProof.IsSigned(new AuthValue(method, [.. auth, 0]), certificate.Der, octets, out _).ShouldBeFalse();
                foreach (var other in new[] { AuthMethod.Rsa, AuthMethod.EcdsaSha384P384, AuthMethod.EcdsaSha512P521, AuthMethod.PreSharedKey, (AuthMethod)200 })
                {
                    AuthProof.IsSigned(new AuthValue(other, [.. auth]), certificate.Der, octets, out _).ShouldBeFalse();
                }
            }
        }
    }

    [Fact]
    public void A_ticket_is_ours_until_it_is_too_old_and_whole_or_nothing()
    {
        var key = new byte[32];
        var now = Instant.FromUnixSeconds(1_800_000_000);
        using var office = new TicketOffice(key, new Chance(3));
        Core.Ike.Proposals.ProposalText.TryParseIke("aes256gcm16-prfsha256-x25519", out var agreed, out _).ShouldBeTrue();
        var ticket = office.Seal(new TicketContent(IkeIdentity.Fqdn("pump"), IkeProof.Certificate, agreed, new byte[32], [1, 2], now + TimeSpan.FromHours(1)));
        office.TryOpen(ticket, now, out var content).ShouldBeTrue();
        content.OwnerData.ShouldBe([1, 2]);
        office.TryOpen(ticket, now + TimeSpan.FromHours(1), out _).ShouldBeFalse();
        for (var at = 0; at < ticket.Length; at++)
        {
            var other = ticket.ToArray();
            other[at] ^= 1;
            office.TryOpen(other, now, out _).ShouldBeFalse();
            office.TryOpen(ticket.AsSpan(..at), now, out _).ShouldBeFalse();
        }

        using var elsewhere = new TicketOffice([.. Enumerable.Repeat((byte)1, 32)], new Chance(3));
        elsewhere.TryOpen(ticket, now, out _).ShouldBeFalse();
        using var none = new TicketOffice([], new Chance(3));
        none.TryOpen(ticket, now, out _).ShouldBeFalse();
    }
}
