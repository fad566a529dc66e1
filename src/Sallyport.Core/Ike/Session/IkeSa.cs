using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// The messages of one pair of IKE SPIs: numbers and windows (RFC 7296 sections 2.1 to 2.3), repetition, sealing, fragments. What messages mean is the
/// exchanges' business.
/// </summary>
internal sealed class IkeSa : IDisposable
{
    /// <summary>Between repetitions, as stock peers do it (strongSwan's retransmit_base).</summary>
    private const double PauseGrowth = 1.8;

    private readonly IEntropy _entropy;
    private readonly List<PendingRequest> _pending = [];
    private readonly List<CachedResponse> _responses = [];
    private readonly List<uint> _early = [];
    private readonly Dictionary<(bool IsResponse, uint Id), FragmentBuffer> _fragments = [];
    private uint _sendNext;
    private uint _receiveNext;
    private ulong _sealed;

    public IkeSa(bool isInitiator, ulong local, ulong remote, IEntropy entropy)
    {
        IsInitiator = isInitiator;
        LocalSpi = local;
        RemoteSpi = remote;
        _entropy = entropy;
    }

    /// <summary>We began this IKE SA; a rekeyed one, who rekeyed it.</summary>
    public bool IsInitiator { get; }

    public ulong LocalSpi { get; }

    public ulong RemoteSpi { get; set; }

    public ulong InitiatorSpi => IsInitiator ? LocalSpi : RemoteSpi;

    public ulong ResponderSpi => IsInitiator ? RemoteSpi : LocalSpi;

    public IkeKeys? Keys { get; private set; }

    /// <summary>
    /// Those that the last request of the peer's came under, where its answer has strengthened them: the peer may ask for that answer again. Null otherwise.
    /// </summary>
    public IkeKeys? KeysBefore { get; private set; }

    public bool CanFragment { get; set; }

    /// <summary>What the peer says that it can have under way at once.</summary>
    public int PeerWindow { get; set; } = 1;

    /// <summary>Messages of both come one by one, in order, until the peer is known.</summary>
    public bool IsStrict { get; set; } = true;

    public bool HasRequestUnderWay => _pending.Count > 0;

    /// <summary>A request goes when all are answered that lie further back than the peer's window (RFC 7296 section 2.3).</summary>
    public bool HasRoomForRequest => _pending.Count == 0 || _sendNext - _pending[0].MessageId < Math.Min(PeerWindow, IkeLimits.WindowSize);

    public IReadOnlyList<PendingRequest> Pending => _pending;

    /// <summary>Another pair of SPIs has taken the place of this one: until then it answers. Never for the one that is in use.</summary>
    public Instant DropAt { get; set; } = Instant.Never;

    /// <summary>Number of the newest UPDATE_SA_ADDRESSES that was taken (RFC 4555 section 3.5).</summary>
    public uint? LastMove { get; set; }

    /// <summary>The hash of where the peer sees us, behind a NAT.</summary>
    public byte[] SeenAs { get; set; } = [];

    /// <summary>When a request is due again, or all of it ends.</summary>
    public Instant NextDeadline
    {
        get
        {
            var next = DropAt;
            foreach (var request in _pending)
            {
                next = Instant.Min(next, request.Due);
            }

            return next;
        }
    }

    /// <summary>Whether there is an answer to be kept for a peer that asks again.</summary>
    public bool HasCachedResponses => _responses.Count > 0;

    /// <summary>Takes the keys over.</summary>
    public void UseKeys(IkeKeys keys)
    {
        Keys?.Dispose();
        Keys = keys;
    }

    /// <summary>Takes the keys over, and keeps those so far for a peer that has not got the answer under them (RFC 9370 section 2.2.2).</summary>
    public void StrengthenKeys(IkeKeys keys)
    {
        ForgetKeysBefore();
        (KeysBefore, Keys) = (Keys, keys);
    }

    public void ForgetKeysBefore()
    {
        KeysBefore?.Dispose();
        KeysBefore = null;
    }

    /// <summary>After an exchange in the clear that both ends count: IKE_SA_INIT, IKE_SESSION_RESUME.</summary>
    public void CountFirstExchange() => (_sendNext, _receiveNext) = IsInitiator ? (1u, 0u) : (0u, 1u);

    public uint NextRequestId => _sendNext;

    /// <summary>Makes the request's message and keeps it until it is answered.</summary>
    public IReadOnlyList<byte[]> Send(Exchange exchange, PayloadType first, ReadOnlySpan<byte> payloads, TimeSpan pause, Instant now)
    {
        var id = _sendNext++;
        var datagrams = Compose(exchange.Type, id, isResponse: false, first, payloads);
        Keep(exchange, id, datagrams, pause, now);
        return datagrams;
    }

    /// <summary>A first request is sent as it is, and sent anew where the peer wants a cookie or another method.</summary>
    public void Keep(Exchange exchange, uint id, IReadOnlyList<byte[]> datagrams, TimeSpan pause, Instant now)
    {
        _pending.RemoveAll(request => request.MessageId == id);
        _pending.Add(new PendingRequest
        {
            MessageId = id,
            Exchange = exchange,
            Datagrams = datagrams,
            Begun = now,
            Due = now + pause,
            Pause = pause,
        });
    }

    /// <summary>Makes the message of an answer and keeps it for a peer that did not get it.</summary>
    public IReadOnlyList<byte[]> Answer(ExchangeType exchange, uint id, PayloadType first, ReadOnlySpan<byte> payloads)
    {
        var datagrams = Compose(exchange, id, isResponse: true, first, payloads);
        KeepAnswer(id, datagrams);
        return datagrams;
    }

    public void KeepAnswer(uint id, IReadOnlyList<byte[]> datagrams)
    {
        // In the order of their numbers, whichever was answered first: the peer may still wait for a low one when it has the answers to all that came behind it.
        _responses.Insert(_responses.FindLastIndex(response => response.MessageId < id) + 1, new CachedResponse(id, datagrams));
        if (_responses.Count > IkeLimits.WindowSize)
        {
            _responses.RemoveAt(0);
        }
    }

    /// <summary>No peer asks again after such a time.</summary>
    public void ForgetAnswers() => _responses.Clear();

    public PendingRequest? FindPending(uint id) => _pending.Find(request => request.MessageId == id);

    public void Done(PendingRequest request) => _pending.Remove(request);

    /// <summary>Requests that will never be answered.</summary>
    public void AbandonRequests(IkeSession session)
    {
        Disown(session);
        _pending.Clear();
    }

    /// <summary>Answers mean nothing any more. The requests are repeated all the same: the peer takes none that comes after one that it never saw.</summary>
    public void Disown(IkeSession session)
    {
        foreach (var request in _pending)
        {
            request.Exchange.Abandon(session);
            request.Exchange = new DisownedExchange(request.Exchange.Type);
        }
    }

    /// <summary>What is due again now, of requests that have not been given up. True where one has: the peer is dead.</summary>
    public bool Repeat(Instant now, TimeSpan deadAfter, List<byte[]> again)
    {
        foreach (var request in _pending)
        {
            if (request.Due > now)
            {
                continue;
            }

            if (now - request.Begun >= deadAfter)
            {
                return true;
            }

            request.Pause *= PauseGrowth;
            request.Due = Instant.Min(now + request.Pause, request.Begun + deadAfter);
            again.AddRange(request.Datagrams);
        }

        return false;
    }

    /// <summary>What is under way goes out at once: the path is another.</summary>
    public void RepeatAll(List<byte[]> again)
    {
        foreach (var request in _pending)
        {
            again.AddRange(request.Datagrams);
        }
    }

    /// <summary>Whether a request of this number is to be done: None. Where it was done before, its answer comes back.</summary>
    public DropReason Admit(uint id, out CachedResponse? again)
    {
        again = _responses.Find(response => response.MessageId == id);
        if (again is not null)
        {
            return DropReason.Replayed;
        }

        if (id < _receiveNext || _early.Contains(id))
        {
            return DropReason.Replayed;
        }

        return id - _receiveNext < (IsStrict ? 1u : IkeLimits.WindowSize) ? DropReason.None : DropReason.NotRequested;
    }

    /// <summary>The request of this number was genuine, and is done.</summary>
    public void Took(uint id)
    {
        _early.Add(id);
        while (_early.Remove(_receiveNext))
        {
            _receiveNext++;
        }
    }

    /// <summary>
    /// Opens a message of the peer's in place. None: its payloads, whole. <see cref="DropReason.IpFragment"/>: a part of it, and others are missing.
    /// </summary>
    /// <param name="transcript">What an IKE_INTERMEDIATE exchange adds to AUTH (RFC 9242 section 3.3.2).</param>
    public DropReason Open(Span<byte> message, in IkeHeader header, out PayloadType first, out byte[] payloads, out IntermediateTranscript transcript)
    {
        (first, payloads, transcript) = (PayloadType.None, [], default);
        if (Keys is null || !MessageCipher.TryOpen(Keys, message, header, fromInitiator: !IsInitiator, out var opened))
        {
            return DropReason.BadTag;
        }

        var body = message.Slice(opened.Start, opened.Length);
        if (opened.Total == 0)
        {
            (first, payloads) = (opened.First, body.ToArray());
            _fragments.Remove((header.IsResponse, header.MessageId));
        }
        else
        {
            // Answers and requests have numbers of their own. There are as many of both as windows allow.
            var key = (header.IsResponse, header.MessageId);
            if (!_fragments.TryGetValue(key, out var buffer))
            {
                _fragments[key] = buffer = new FragmentBuffer();
            }

            if (!buffer.Add(opened.Number, opened.Total, opened.First, body))
            {
                return DropReason.IpFragment;
            }

            first = buffer.First;
            payloads = buffer.Take();
            _fragments.Remove(key);
        }

        transcript = new IntermediateTranscript(header, first);
        return DropReason.None;
    }

    /// <summary>An answer in the clear, of the first exchange.</summary>
    public byte[] ComposeClear(ExchangeType exchange, uint id, bool isResponse, PayloadType first, ReadOnlySpan<byte> payloads)
    {
        var message = new byte[IkeLimits.HeaderLength + payloads.Length];
        (Header(exchange, id, isResponse) with { NextPayload = first, Length = message.Length }).Write(message);
        payloads.CopyTo(message.AsSpan(IkeLimits.HeaderLength));
        return message;
    }

    public IkeHeader Header(ExchangeType exchange, uint id, bool isResponse) => new()
    {
        InitiatorSpi = InitiatorSpi,
        ResponderSpi = ResponderSpi,
        NextPayload = PayloadType.None,
        Exchange = exchange,
        Flags = (IsInitiator ? IkeFlags.Initiator : IkeFlags.None) | (isResponse ? IkeFlags.Response : IkeFlags.None),
        MessageId = id,
    };

    public void Dispose()
    {
        Keys?.Dispose();
        Keys = null;
        ForgetKeysBefore();
        foreach (var buffer in _fragments.Values)
        {
            buffer.Clear();
        }

        _fragments.Clear();
        _pending.Clear();
        _responses.Clear();
    }

    private IReadOnlyList<byte[]> Compose(ExchangeType exchange, uint id, bool isResponse, PayloadType first, ReadOnlySpan<byte> payloads)
    {
        Invariant.Check(Keys is not null, "a message is sealed with keys");
        var header = Header(exchange, id, isResponse);
        var overhead = MessageCipher.Overhead(Keys!.Suite);
        if (!CanFragment || payloads.Length + overhead <= IkeLimits.FragmentSize)
        {
            var room = new byte[payloads.Length + overhead];
            var length = MessageCipher.Seal(Keys, header, first, payloads, _sealed++, _entropy, room);
            return [room[..length]];
        }

        var each = IkeLimits.FragmentSize - overhead;
        var total = (payloads.Length + each - 1) / each;
        var parts = new byte[total][];
        for (var i = 0; i < total; i++)
        {
            var part = payloads[(i * each)..Math.Min(payloads.Length, (i + 1) * each)];
            var room = new byte[part.Length + overhead];
            var length = MessageCipher.SealFragment(Keys, header, first, part, i + 1, total, _sealed++, _entropy, room);
            parts[i] = room[..length];
        }

        return parts;
    }
}

/// <summary>
/// The head of an IKE_INTERMEDIATE message as AUTH covers it (RFC 9242 section 3.3.2): as if it had been neither padded nor cut into fragments.
/// </summary>
internal readonly record struct IntermediateTranscript(IkeHeader Header, PayloadType First)
{
    /// <summary>The head, and the payloads in the clear behind it.</summary>
    public byte[] Write(ReadOnlySpan<byte> payloads)
    {
        const int heads = IkeLimits.HeaderLength + IkeLimits.PayloadHeadLength;
        var octets = new byte[heads + payloads.Length];
        (Header with { NextPayload = PayloadType.Encrypted, Length = octets.Length }).Write(octets);
        octets[IkeLimits.HeaderLength] = (byte)First;
        BinaryPrimitives.WriteUInt16BigEndian(octets.AsSpan(IkeLimits.HeaderLength + 2), (ushort)(IkeLimits.PayloadHeadLength + payloads.Length));
        payloads.CopyTo(octets.AsSpan(heads));
        return octets;
    }
}
