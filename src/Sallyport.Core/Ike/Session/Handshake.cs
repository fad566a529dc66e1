using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;

namespace Sallyport.Core.Ike.Session;

/// <summary>What is only of use until both ends are known. Dropped, and what is secret in it erased, when the session is up.</summary>
internal sealed class Handshake : IDisposable
{
    /// <summary>As they went over the wire: AUTH covers them.</summary>
    public byte[] Request { get; set; } = [];

    public byte[] Response { get; set; } = [];

    public byte[] InitiatorNonce { get; set; } = [];

    public byte[] ResponderNonce { get; set; } = [];

    /// <summary>The peer takes signatures of RFC 7427 with these hashes; none where it did not say.</summary>
    public ImmutableArray<ushort> PeerHashes { get; set; } = [];

    /// <summary>Key exchanges that are still to be done, in IKE_INTERMEDIATE.</summary>
    public Queue<KeyExchangeMethod> Additional { get; } = new();

    /// <summary>The PRF's value over all IKE_INTERMEDIATE messages so far (RFC 9242 section 3.3.2), of each side; empty without any.</summary>
    public byte[] IntermediateOfInitiator { get; set; } = [];

    public byte[] IntermediateOfResponder { get; set; } = [];

    public bool PeerHasIntermediate { get; set; }

    public bool PeerHasPpk { get; set; }

    public bool PeerHasChildless { get; set; }

    /// <summary>The peer's identity as it said it, and the bytes of it that AUTH covers.</summary>
    public IkeIdentity? Peer { get; set; }

    public ImmutableArray<byte> PeerIdBody { get; set; } = [];

    public IkeIdentity? Wanted { get; set; }

    public IkeIdentity? OurName { get; set; }

    /// <summary>Which has proven to be the peer's.</summary>
    public byte[]? PeerCertificate { get; set; }

    public bool IsInitialContact { get; set; }

    /// <summary>The CHILD_SA that comes with IKE_AUTH; null for none.</summary>
    public ChildRequest? Child { get; set; }

    public CpPayload? Cp { get; set; }

    public bool PeerWantsTicket { get; set; }

    public EapConversation? Eap { get; set; }

    /// <summary>The claim that EAP has proven, once it has.</summary>
    public IkeClaim? Claim { get; set; }

    public IkeSecret? Ppk { get; set; }

    /// <summary>What a ticket said; null where the session is not resumed.</summary>
    public TicketContent? Resumed { get; set; }

    /// <summary>Which IKE_AUTH exchange it is, from 1: the number goes into AUTH behind intermediate exchanges (RFC 9242).</summary>
    public uint FirstAuthId { get; set; } = 1;

    public int Rounds { get; set; }

    /// <summary>IntAuth of RFC 9242: both values and the number of the first IKE_AUTH; empty without intermediate exchanges.</summary>
    public byte[] Intermediate
    {
        get
        {
            if (IntermediateOfInitiator.Length == 0)
            {
                return [];
            }

            byte[] all = [.. IntermediateOfInitiator, .. IntermediateOfResponder, 0, 0, 0, 0];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(all.AsSpan(all.Length - 4), FirstAuthId);
            return all;
        }
    }

    public void Add(ImmutableArray<KeyExchangeMethod> additional)
    {
        foreach (var method in additional)
        {
            Additional.Enqueue(method);
        }
    }

    /// <summary>Adds a message: IntAuth_n = prf(SK_p, IntAuth_(n-1) | its head and payloads).</summary>
    public void AddIntermediate(IkeKeys keys, bool ofInitiator, byte[] octets)
    {
        var before = ofInitiator ? IntermediateOfInitiator : IntermediateOfResponder;
        var next = new byte[keys.Suite.Prf.Length()];
        Prf.Compute(keys.Suite.Prf, keys.Proof(ofInitiator), before, octets, next);
        if (ofInitiator)
        {
            IntermediateOfInitiator = next;
        }
        else
        {
            IntermediateOfResponder = next;
        }
    }

    public void Dispose()
    {
        Eap?.Dispose();
        Eap = null;
        if (Resumed is { } resumed)
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(resumed.Derivation);
        }
    }
}

/// <summary>A CHILD_SA as a peer asks for it.</summary>
internal sealed record ChildRequest(
    ImmutableArray<Proposal> Offered, ImmutableArray<Esp.TrafficSelector> TsInitiator, ImmutableArray<Esp.TrafficSelector> TsResponder, bool WantsTransport);
