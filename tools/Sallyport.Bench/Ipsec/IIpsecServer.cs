using System.Net;
using Sallyport.Harness.Ipsec;
using Sallyport.Harness.Stock;

namespace Sallyport.Bench.Ipsec;

/// <summary>How initiators prove themselves.</summary>
internal enum IkeProof
{
    /// <summary>Each a pre-shared key of its own.</summary>
    Psk,

    /// <summary>Each a certificate of P-256, as the server.</summary>
    Certificate,
}

/// <summary>Somebody who may call the server.</summary>
/// <param name="Name">What it says it is, where it has no certificate.</param>
/// <param name="Remote">Where it calls.</param>
/// <param name="Gateway">What the server says it is.</param>
/// <param name="Secret">Its key, with <see cref="IkeProof.Psk"/>.</param>
/// <param name="Credential">Its certificate, with <see cref="IkeProof.Certificate"/>.</param>
internal sealed record IkeCaller(string Name, string Remote, string Gateway, string? Secret = null, StockCredential? Credential = null);

/// <summary>A responder that is measured: ours or the distribution's. Its initiators are stock for both.</summary>
internal interface IIpsecServer : IAsyncDisposable
{
    /// <summary>The process that speaks IKE and carries the packets.</summary>
    int ProcessId { get; }

    /// <summary>Of the stock initiator that sends, with a virtual address.</summary>
    CharonProfile SenderProfile { get; }

    /// <summary>Of the stock initiator that carries <see cref="Harness.Topology.SiteSubnet"/>, in which the receiver sits.</summary>
    CharonProfile ReceiverProfile { get; }

    /// <summary>The same two by their keys alone, for who needs no stock client to be one of them.</summary>
    IkeCaller Sender { get; }

    /// <inheritdoc cref="Sender"/>
    IkeCaller Receiver { get; }

    /// <summary>Where the sender finds the receiver, once both are connected.</summary>
    IPAddress Target { get; }

    /// <summary>The authority of certificates, of the server's and of its callers'.</summary>
    string AuthorityPem { get; }

    /// <summary>Identities that may call, each with a virtual address. Once for each kind of proof.</summary>
    Task<IReadOnlyList<IkeCaller>> MakeCallers(IkeProof proof, int count);

    /// <summary>Live IKE SAs.</summary>
    Task<int> CountSas();

    /// <summary>A fresh process, nobody connected, which knows all callers made so far.</summary>
    Task Restart();
}
