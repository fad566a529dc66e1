using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Ike;

/// <summary>What one IKE thread of the gateway knows of peers: it asks the model of the moment. One thread.</summary>
internal sealed class GatewayPeers(int index, int threads, HandshakeContext context, Func<IkeCertificates?> certificates, IEntropy entropy, IkeInbox inbox) : IIkeOwner
{
    public Func<ulong, bool> IsSpiTaken { get; set; } = _ => false;

    /// <summary>Whether an identity that has proven who it is may begin a session now; it may not too often.</summary>
    public Func<int, bool> MayBegin { get; set; } = _ => true;

    public IkeCertificate? Certificate => certificates()?.Own;

    public CertificateAnchors? Anchors => certificates()?.Anchors;

    public ReadOnlyMemory<byte> AuthorityHashes => certificates()?.AuthorityHashes ?? [];

    /// <summary>Who comes by EAP-TLS shows a certificate.</summary>
    public TlsContext? EapTls => context.Tls.Strict;

    public ImmutableArray<IkeProof> EapMethods => Model.Ike.EapMethods;

    private GatewayModel Model => context.Model.Current;

    /// <summary>Messages of a session come to one thread: our SPI says to which.</summary>
    public ulong NewIkeSpi()
    {
        Span<byte> bytes = stackalloc byte[8];
        while (true)
        {
            entropy.Fill(bytes);
            var random = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            var spi = random - (random % (ulong)threads) + (ulong)index;
            if (spi != 0 && spi % (ulong)threads == (ulong)index && !IsSpiTaken(spi))
            {
                return spi;
            }
        }
    }

    public void UseIkeSpi(ulong spi, bool hasPeer) => inbox.Use(spi, hasPeer);

    public void FreeIkeSpi(ulong spi) => inbox.Free(spi);

    public bool TryNewEspSpi(IkeSession session, out uint spi) => ShardOf(session).Spis.TryAllot(out spi);

    public void FreeEspSpi(uint spi) => context.Shards[(int)(spi % (uint)context.Shards.Count)].Spis.Return(spi);

    /// <summary>All SAs of a session are on one packet thread.</summary>
    public Shards.Shard ShardOf(IkeSession session) => context.Shards[ShardIndexOf(session)];

    /// <summary>Every thread numbers its sessions by itself, and begins with another shard.</summary>
    public int ShardIndexOf(IkeSession session) => (int)((session.Number + index) % context.Shards.Count);

    public IkeSecret? FindPsk(IkeIdentity peer) =>
        Model.Ike.Psks.GetValueOrDefault(peer) is { Credential.Secret: { Length: > 0 } key } entry ? new IkeSecret(entry, key) : null;

    public IkeSecret? FindEapHash(string user) =>
        Model.Ike.EapUsers.GetValueOrDefault(user) is { Credential.Secret: { Length: > 0 } hash } entry ? new IkeSecret(entry, hash) : null;

    public IkeSecret? FindPpk(ReadOnlySpan<byte> id) =>
        Model.Ike.Ppks.GetValueOrDefault(Encoding.UTF8.GetString(id)) is { Credential.Ppk: { Length: > 0 } key } entry ? new IkeSecret(entry, key) : null;

    public IkeVerdict Judge(IkeClaim claim)
    {
        var verdict = IkeJudge.Judge(claim, Model);
        return verdict.Grant?.Tag is Admittance admitted && claim.Target is null && !MayBegin(admitted.Identity.Id)
            ? IkeVerdict.RefuseForNow($"{admitted.Name} begins sessions too often", admitted.Identity)
            : verdict;
    }
}
