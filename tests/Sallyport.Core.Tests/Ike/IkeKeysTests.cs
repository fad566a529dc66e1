using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Core.Tests.Ike;

/// <summary>Keys and seals against .NET's own HMAC, AES-GCM and AES-CBC, by the formulas of the RFCs.</summary>
public sealed class IkeKeysTests
{
    private static readonly byte[] Ni = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] Nr = [.. Enumerable.Range(100, 40).Select(i => (byte)i)];
    private static readonly byte[] Secret = [.. Enumerable.Range(50, 32).Select(i => (byte)i)];
    private const ulong SpiI = 0x1122334455667788;
    private const ulong SpiR = 0x99aabbccddeeff00;

    public static TheoryData<string> Suites => ["aes256gcm16-prfsha256-x25519", "aes128gcm16-prfsha384-x25519", "chacha20poly1305-prfsha512-x25519", "aes256-sha256-x25519", "aes128-sha512-x25519", "aes256-sha1-x25519"];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Keys_are_what_the_formulas_say(string text)
    {
        var suite = Suite(text);
        using var keys = IkeKeys.First(suite, new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        Check(keys, Prf(suite, [.. Ni, .. Nr], Secret), SpiI, SpiR);

        using var next = keys.Next(suite, new IkeNonces(Nr, Ni, 1, 2), Secret, []);
        Check(next, Prf(suite, keys.Derivation.ToArray(), [.. Secret, .. Nr, .. Ni]), 1, 2, swapped: true);

        // With additional key exchanges (RFC 9370 section 2.2.4).
        using var chained = keys.Next(suite, new IkeNonces(Nr, Ni, 1, 2), Secret, [5, 5, 6, 6]);
        Check(chained, Prf(suite, keys.Derivation.ToArray(), [.. Secret, .. Nr, .. Ni, 5, 5, 6, 6]), 1, 2, swapped: true);

        using var more = keys.Strengthen(new IkeNonces(Ni, Nr, SpiI, SpiR), [7, 7, 7]);
        Check(more, Prf(suite, keys.Derivation.ToArray(), [7, 7, 7, .. Ni, .. Nr]), SpiI, SpiR);

        using var resumed = IkeKeys.Resume(suite, keys.Derivation, new IkeNonces(Ni, Nr, 3, 4));
        Check(resumed, Prf(suite, keys.Derivation.ToArray(), [.. "Resumption"u8, .. Ni, .. Nr]), 3, 4);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_post_quantum_key_changes_three_of_seven(string text)
    {
        var suite = Suite(text);
        using var keys = IkeKeys.First(suite, new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        using var mixed = keys.WithPpk([9, 9, 9]);
        mixed.Derivation.ToArray().ShouldBe(Plus(suite, [9, 9, 9], keys.Derivation.ToArray(), keys.Derivation.Length));
        foreach (var ofInitiator in new[] { true, false })
        {
            mixed.Proof(ofInitiator).ToArray().ShouldBe(Plus(suite, [9, 9, 9], keys.Proof(ofInitiator).ToArray(), keys.Proof(ofInitiator).Length));
            mixed.Encryption(ofInitiator).ToArray().ShouldBe(keys.Encryption(ofInitiator).ToArray());
            mixed.Integrity(ofInitiator).ToArray().ShouldBe(keys.Integrity(ofInitiator).ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Keys_of_a_child_come_of_its_nonces_and_its_own_secret(string text)
    {
        var suite = Suite(text);
        using var keys = IkeKeys.First(suite, new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        foreach (var (secret, more) in new (byte[], byte[])[] { ([], []), (Secret, []), (Secret, [5, 5, 6, 6, 6]) })
        {
            using var child = keys.ForChild(new IkeNonces(Ni, Nr), secret, more, 200);
            child.Bytes.ToArray().ShouldBe(Plus(suite, keys.Derivation.ToArray(), [.. secret, .. Ni, .. Nr, .. more], 200));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void AUTH_is_over_the_message_the_nonce_and_the_name(string text)
    {
        var suite = Suite(text);
        using var keys = IkeKeys.First(suite, new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        byte[] message = [1, 2, 3], id = [2, 0, 0, 0, 97], intermediate = [5, 6];
        var octets = AuthOctets.Signed(keys, ofInitiator: true, message, Nr, id, intermediate);
        octets.ShouldBe([.. message, .. Nr, .. Prf(suite, keys.Proof(true).ToArray(), id), .. intermediate]);
        AuthOctets.ByShared(suite.Prf, "secret"u8, octets).ShouldBe(Prf(suite, Prf(suite, [.. "secret"u8], [.. "Key Pad for IKEv2"u8]), octets));
        AuthOctets.ByProofKey(keys, ofInitiator: false, octets).ShouldBe(Prf(suite, keys.Proof(false).ToArray(), octets));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Whatever_is_sealed_opens_at_the_other_end_and_nowhere_else(string text)
    {
        using var keys = IkeKeys.First(Suite(text), new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        var entropy = new Chance(1);
        for (var length = 0; length < 70; length++)
        {
            var payloads = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
            var datagram = new byte[length + 200];
            var sealedLength = MessageCipher.SealFragment(keys, Head(fromInitiator: true), PayloadType.Notify, payloads, 2, 3, (ulong)length, entropy, datagram);
            sealedLength.ShouldBeLessThanOrEqualTo(length + MessageCipher.Overhead(keys.Suite));
            sealedLength = MessageCipher.Seal(keys, Head(fromInitiator: true), PayloadType.Notify, payloads, (ulong)length, entropy, datagram);
            datagram = datagram[..sealedLength];
            IkeHeader.TryRead(datagram, out var header).ShouldBeTrue();

            MessageCipher.TryOpen(keys, datagram.ToArray(), header, fromInitiator: false, out _).ShouldBeFalse();
            for (var at = IkeLimits.HeaderLength; at < datagram.Length; at++)
            {
                var other = datagram.ToArray();
                other[at] ^= 1;
                MessageCipher.TryOpen(keys, other, header, fromInitiator: true, out _).ShouldBeFalse();
            }

            MessageCipher.TryOpen(keys, datagram, header, fromInitiator: true, out var opened).ShouldBeTrue();
            datagram.AsSpan(opened.Start, opened.Length).ToArray().ShouldBe(payloads);
            opened.First.ShouldBe(PayloadType.Notify);
        }
    }

    [Fact]
    public void A_sealed_message_is_what_RFC_5282_says()
    {
        using var keys = IkeKeys.First(Suite("aes256gcm16-prfsha256-x25519"), new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        byte[] payloads = [0, 0, 0, 8, 1, 2, 3, 4];
        var datagram = new byte[200];
        datagram = datagram[..MessageCipher.Seal(keys, Head(fromInitiator: false), PayloadType.Delete, payloads, 0x0102030405060708, new Chance(1), datagram)];
        datagram[28..32].ShouldBe([(byte)PayloadType.Delete, 0, 0, (byte)(datagram.Length - 28)]);
        datagram[32..40].ShouldBe([1, 2, 3, 4, 5, 6, 7, 8]);
        var key = keys.Encryption(ofInitiator: false).ToArray();
        using var aes = new AesGcm(key[..^4], 16);
        var clear = new byte[payloads.Length + 1];
        byte[] nonce = [.. key[^4..], .. datagram[32..40]];
        aes.Decrypt(nonce, datagram[40..^16], datagram[^16..], clear, datagram[..32]);
        clear.ShouldBe([.. payloads, 0]);
    }

    [Fact]
    public void A_sealed_message_with_CBC_is_what_RFC_7296_says()
    {
        using var keys = IkeKeys.First(Suite("aes256-sha256-x25519"), new IkeNonces(Ni, Nr, SpiI, SpiR), Secret);
        byte[] payloads = [0, 0, 0, 8, 1, 2, 3, 4];
        var datagram = new byte[200];
        datagram = datagram[..MessageCipher.Seal(keys, Head(fromInitiator: true), PayloadType.Delete, payloads, 1, new Chance(1), datagram)];
        HMACSHA256.HashData(keys.Integrity(ofInitiator: true), datagram.AsSpan(..^16))[..16].ShouldBe(datagram[^16..]);
        using var aes = Aes.Create();
        aes.Key = keys.Encryption(ofInitiator: true).ToArray();
        var clear = aes.DecryptCbc(datagram.AsSpan(48..^16), datagram.AsSpan(32..48), PaddingMode.None);
        clear[..8].ShouldBe(payloads);
        clear[^1].ShouldBe((byte)7);
        clear.Length.ShouldBe(16);
    }

    private static IkeHeader Head(bool fromInitiator) => new()
    {
        InitiatorSpi = SpiI, ResponderSpi = SpiR, NextPayload = PayloadType.None, Exchange = ExchangeType.Informational,
        Flags = fromInitiator ? IkeFlags.Initiator : IkeFlags.None, MessageId = 5,
    };

    private static void Check(IkeKeys keys, byte[] skeyseed, ulong initiator, ulong responder, bool swapped = false)
    {
        var suite = keys.Suite;
        var seed = new byte[Ni.Length + Nr.Length + 16];
        (swapped ? Nr : Ni).CopyTo(seed, 0);
        (swapped ? Ni : Nr).CopyTo(seed, swapped ? Nr.Length : Ni.Length);
        BinaryPrimitives.WriteUInt64BigEndian(seed.AsSpan(seed.Length - 16), initiator);
        BinaryPrimitives.WriteUInt64BigEndian(seed.AsSpan(seed.Length - 8), responder);
        byte[] all =
        [
            .. keys.Derivation, .. keys.Integrity(true), .. keys.Integrity(false), .. keys.Encryption(true), .. keys.Encryption(false), .. keys.Proof(true), .. keys.Proof(false),
        ];
        all.ShouldBe(Plus(suite, skeyseed, seed, all.Length));
        all.Length.ShouldBe((3 * suite.Prf.Length()) + (2 * (suite.IntegrityKeyLength + suite.EncryptionKeyLength)));
    }

    private static byte[] Prf(IkeSuite suite, byte[] key, byte[] data) => suite.Prf switch
    {
        HashKind.Sha1 => HMACSHA1.HashData(key, data),
        HashKind.Sha256 => HMACSHA256.HashData(key, data),
        HashKind.Sha384 => HMACSHA384.HashData(key, data),
        _ => HMACSHA512.HashData(key, data),
    };

    private static byte[] Plus(IkeSuite suite, byte[] key, byte[] seed, int length)
    {
        List<byte> all = [];
        byte[] last = [];
        for (byte round = 1; all.Count < length; round++)
        {
            last = Prf(suite, key, [.. last, .. seed, round]);
            all.AddRange(last);
        }

        return [.. all.Take(length)];
    }

    private static IkeSuite Suite(string text)
    {
        ProposalText.TryParseIke(text, out var proposal, out var error).ShouldBeTrue(error);
        return IkeSuite.Of(proposal);
    }
}
