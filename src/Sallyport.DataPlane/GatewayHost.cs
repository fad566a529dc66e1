using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Api.Nodes;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Host;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;
using CertificateRequest = System.Security.Cryptography.X509Certificates.CertificateRequest;

namespace Sallyport.DataPlane;

public sealed record GatewayOptions
{
    /// <summary>Path of control's Unix socket.</summary>
    public required string ControlSocket { get; init; }

    /// <summary>What control and operators call this gateway.</summary>
    public required string Name { get; init; }

    public required string SoftwareVersion { get; init; }
}

/// <summary>
/// A whole gateway: the link to control, the packet threads and the handshake threads. It opens its listeners when it has a model and
/// a certificate for the first time, and from then on needs nobody.
/// </summary>
public sealed class GatewayHost : INodeLinkOwner, IDisposable
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);

    private readonly GatewayOptions _options;
    private readonly GatewayLog _log;
    private readonly Clock _clock;
    private readonly TimeProvider _time;
    private readonly Uplink _uplink;
    private readonly ModelHolder _model = new();
    private readonly HostDevice _host;
    private readonly DnsForwarder _names;
    private readonly NameTies _ties = new();
    private readonly TlsContexts _tls = new();
    private readonly Meters _meters = new();
    private readonly IEntropy _entropy = new SystemEntropy();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Shard[] _shards = [];
    private Handshaker[] _handshakers = [];
    private IkeThread[] _ikeThreads = [];
    private volatile IkeCertificates? _ikeCertificates;
    private IkeInbox[] _ike = [];
    private GatewayModel? _pendingModel;
    private GatewaySettings? _listeningFor;
    private DateTimeOffset _renewAt = DateTimeOffset.MinValue;
    private Instant _askedAt;
    private bool _hasCertificate;

    public GatewayHost(GatewayOptions options, TimeProvider time, GatewayLog log)
    {
        _options = options;
        _time = time;
        _log = log;
        _clock = new Clock(time);
        _uplink = new Uplink(_clock);
        _host = new HostDevice(_clock, _uplink, log);
        _names = new DnsForwarder(_clock, _entropy, _ties, log);
        _names.Failed += Fail;
    }

    /// <summary>
    /// Runs until cancelled, then stops in order: clients are told, no new packets, what happened is reported, the link is closed. Throws what a
    /// packet or handshake thread died of, or why listening is impossible.
    /// </summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var linkStop = new CancellationTokenSource();
        var link = new NodeLink(
            _options.ControlSocket, _options.Name, _options.SoftwareVersion, _uplink, this, _clock, _log).RunAsync(linkStop.Token);
        var cancelled = new TaskCompletionSource();
        await using (cancel.Register(() => cancelled.TrySetResult()).ConfigureAwait(false))
        {
            await Task.WhenAny(cancelled.Task, _failed.Task, link).ConfigureAwait(false);
        }

        if (!_failed.Task.IsCompleted)
        {
            await SayGoodbyeAsync().ConfigureAwait(false);
        }

        StopThreads();
        await linkStop.CancelAsync().ConfigureAwait(false);
        await link.ConfigureAwait(false);
        if (_failed.Task.IsCompleted)
        {
            throw await _failed.Task.ConfigureAwait(false);
        }
    }

    byte[]? INodeLinkOwner.CertificateRequest(bool isNewConnection)
    {
        var now = _clock.Now;
        if ((_hasCertificate && _time.GetUtcNow() < _renewAt) || (!isNewConnection && now - _askedAt < AskAgain))
        {
            return null;
        }

        _askedAt = now;
        return new CertificateRequest($"CN={_options.Name}", _key, HashAlgorithmName.SHA256).CreateSigningRequest();
    }

    NodeMessage? INodeLinkOwner.HandleCertificate(Certificate certificate)
    {
        var privateKey = _key.ExportPkcs8PrivateKey();
        try
        {
            _tls.Use(certificate.Chain, certificate.Anchors, privateKey);
            _ikeCertificates = IkeCertificates.Create(certificate.Chain, certificate.Anchors, privateKey);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"Control's certificate cannot be used: {e.Message}", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(privateKey);
        }

        using var leaf = X509CertificateLoader.LoadCertificate(certificate.Chain[0]);
        var (from, to) = (new DateTimeOffset(leaf.NotBefore.ToUniversalTime()), new DateTimeOffset(leaf.NotAfter.ToUniversalTime()));
        _renewAt = to - ((to - from) / 3);
        _hasCertificate = true;
        _log.Write("certificate.installed", $"valid until {to:yyyy-MM-dd}");
        return TryStart();
    }

    NodeMessage? INodeLinkOwner.HandleModel(GatewayModel model, ModelChange change)
    {
        _pendingModel = model;
        if (_listeningFor is null)
        {
            return TryStart();
        }

        if (!SameListeners(_listeningFor, model.Settings))
        {
            _listeningFor = model.Settings;
            _log.Write("settings.restart-needed", "listeners, threads, the host's device or table sizes changed; they take effect at the next start");
        }

        Adopt(model, change);
        return null;
    }

    void INodeLinkOwner.HandleDisconnect(Disconnect disconnect)
    {
        foreach (var shard in _shards)
        {
            shard.Mailbox.Order(new DisconnectIdentity(disconnect.IdentityId));
        }
    }

    NodeMessage? INodeLinkOwner.Ready() => _shards.Length == 0 ? null : new Ready([.. _shards[0].Listening]);

    IReadOnlyDictionary<string, long> INodeLinkOwner.Drops()
    {
        Span<long> sums = stackalloc long[DropCounters.Reasons];
        sums.Clear();
        foreach (var shard in _shards)
        {
            shard.AddDropsTo(sums);
        }

        foreach (var handshaker in _handshakers)
        {
            handshaker.Drops.AddTo(sums);
        }

        foreach (var ike in _ikeThreads)
        {
            ike.Drops.AddTo(sums);
        }

        var drops = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var i = 1; i < sums.Length; i++)
        {
            if (sums[i] != 0)
            {
                drops.Add(((DropReason)i).ToString(), sums[i]);
            }
        }

        return drops;
    }

    void INodeLinkOwner.Restore(MeterReport report)
    {
        foreach (var reading in report.Meters.Select(MeterStates.Read).OfType<MeterReading>())
        {
            _meters.Restore(reading);
        }
    }

    IReadOnlyList<MeterState> INodeLinkOwner.Meters(bool everything) =>
        [.. (everything ? _meters.Readings() : _meters.News()).Select(reading => MeterStates.Of(reading))];

    public void Dispose()
    {
        try
        {
            StopThreads();
        }
        finally
        {
            // Whatever a thread died of: what is ours on the host goes.
            _host.Dispose();
        }

        foreach (var handshaker in _handshakers)
        {
            handshaker.Dispose();
        }

        foreach (var ike in _ikeThreads)
        {
            ike.Dispose();
        }

        foreach (var inbox in _ike)
        {
            inbox.Dispose();
        }

        foreach (var shard in _shards)
        {
            shard.Dispose();
        }

        _names.Dispose();
        _key.Dispose();
    }

    /// <summary>Listens once there is both a model and a certificate. Returns the frame that says so.</summary>
    private Ready? TryStart()
    {
        if (_shards.Length > 0 || !_hasCertificate || _pendingModel is not { } model)
        {
            return null;
        }

        try
        {
            Start(model);
        }
        catch (Exception e) when (e is Linux.LinuxException or FormatException)
        {
            _log.Write("listen.failed", e.Message);
            _failed.TrySetResult(e);
            return null;
        }

        Adopt(model, new ModelChange { Everything = true });
        foreach (var handshaker in _handshakers)
        {
            handshaker.Start();
        }

        foreach (var ike in _ikeThreads)
        {
            ike.Start();
        }

        _names.Start([.. _shards.Select(shard => shard.Mailbox)]);
        foreach (var shard in _shards)
        {
            shard.Start();
        }

        _log.Write("listening", string.Join(", ", _shards[0].Listening));
        return new Ready([.. _shards[0].Listening]);
    }

    private void Start(GatewayModel model)
    {
        var settings = model.Settings;
        var inboxes = new HandshakeInbox[Math.Max(1, settings.HandshakeThreads)];
        for (var i = 0; i < inboxes.Length; i++)
        {
            inboxes[i] = new HandshakeInbox();
        }

        var hasIpsec = settings.Ike.Count + settings.IkeNat.Count > 0;
        _ike = hasIpsec ? [.. Enumerable.Range(0, Math.Max(1, settings.IkeThreads)).Select(_ => new IkeInbox())] : [];
        _shards = OpenShards(settings, inboxes);
        _listeningFor = settings;
        var context = new HandshakeContext
        {
            Shards = _shards,
            Model = _model,
            Tls = _tls,
            Uplink = _uplink,
            Clones = new CloneWatch(),
            Clock = _clock,
            Log = _log,
            TunnelIds = new TunnelIds(),
        };
        _handshakers = [.. inboxes.Select((inbox, index) => new Handshaker(index, inbox, context, _entropy))];
        foreach (var handshaker in _handshakers)
        {
            handshaker.Failed += Fail;
        }

        var roads = new IkeRoads(_shards[0].Sockets);
        var ikeThreads = new List<IkeThread>();
        foreach (var (index, inbox) in _ike.Index())
        {
            ikeThreads.Add(new IkeThread(index, _ike.Length, inbox, context, roads, () => _ikeCertificates, _entropy, ikeThreads.FirstOrDefault()));
        }

        _ikeThreads = [.. ikeThreads];
        foreach (var ike in _ikeThreads)
        {
            ike.Failed += Fail;
        }
    }

    private Shard[] OpenShards(GatewaySettings settings, HandshakeInbox[] inboxes)
    {
        // The other half of the cores has the kernel's receiving, the handshakes, and control to do.
        var count = Math.Min(settings.PacketThreads ?? Math.Max(1, Environment.ProcessorCount / 2), DataPlaneLimits.ShardsMax);
        var fabric = new Fabric(count, _meters);
        var shards = new List<Shard>(count);
        try
        {
            for (var i = 0; i < count; i++)
            {
                var options = new ShardOptions
                {
                    Index = i,
                    Fabric = fabric,
                    Sockets = i == 0 ? Wanted(settings) : shards[0].Sockets,
                    Tcp = i == 0 ? [.. settings.OpenVpnTcp.Select(ParseAddress)] : shards[0].BoundTcp,

                    // A conversation between two shards is known to both.
                    Flows = new FlowLimits { Capacity = count == 1 ? settings.FlowTableCapacity : settings.FlowTableCapacity * 2 / count },
                    Ike = _ike,
                    AskUpstream = _names.TryAsk,
                    Ties = _ties,
                };
                var shard = new Shard(options, _clock, _entropy, _uplink, inboxes, _log);
                shard.Failed += Fail;
                shards.Add(shard);
            }
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }

        if (count > 1 && !shards[0].TrySteer())
        {
            _log.Write("steering.missing", "the kernel does not steer datagrams by peer-id and SPI; packet threads hand them to each other");
        }

        return [.. shards];
    }

    /// <summary>
    /// Shards first: a tunnel is never opened under a newer model than its shard's. The host last: whoever waits for what a change cuts does
    /// not wait for devices and routes.
    /// </summary>
    private void Adopt(GatewayModel model, ModelChange change)
    {
        var adoption = new Adoption(model.Version, change.Due, _shards.Length + 1);
        foreach (var shard in _shards)
        {
            shard.Mailbox.Order(new AdoptModel(model, change, adoption));
        }

        _model.Replace(model, change);
        adoption.Done(_clock.ToWall(_clock.Now), 0, 0, 0, _uplink);
        _host.Follow(model, _shards);
    }

    /// <summary>Clients need not find out by their ping-restart. Packets are forwarded meanwhile.</summary>
    private async Task SayGoodbyeAsync()
    {
        var said = Task.WhenAll(_handshakers.Select(handshaker => handshaker.SayGoodbyeAsync()).Concat(_ikeThreads.Select(ike => ike.SayGoodbyeAsync())));
        await Task.WhenAny(said, Task.Delay(DataPlaneLimits.FarewellMax, _time, CancellationToken.None)).ConfigureAwait(false);
    }

    private void StopThreads()
    {
        foreach (var handshaker in _handshakers)
        {
            handshaker.Stop();
        }

        foreach (var ike in _ikeThreads)
        {
            ike.Stop();
        }

        _names.Stop();
        foreach (var shard in _shards)
        {
            shard.Stop();
        }
    }

    private void Fail(Exception e) => _failed.TrySetResult(e);

    private static bool SameListeners(GatewaySettings a, GatewaySettings b) =>
        a.OpenVpnUdp.SequenceEqual(b.OpenVpnUdp) && a.OpenVpnTcp.SequenceEqual(b.OpenVpnTcp)
        && a.Ike.SequenceEqual(b.Ike) && a.IkeNat.SequenceEqual(b.IkeNat) && a.EspRaw == b.EspRaw && a.IkeThreads == b.IkeThreads
        && a.Tun == b.Tun && a.TunOffloads == b.TunOffloads && a.HandshakeThreads == b.HandshakeThreads && a.PacketThreads == b.PacketThreads && a.FlowTableCapacity == b.FlowTableCapacity;

    /// <summary>ESP as an IP protocol comes to the addresses that IKE has.</summary>
    private static IReadOnlyList<BoundSocket> Wanted(GatewaySettings settings)
    {
        var ike = settings.Ike.Concat(settings.IkeNat).Select(ParseAddress).Select(address => address with { Port = 0 }).Distinct();
        return
        [
            .. settings.OpenVpnUdp.Select(text => new BoundSocket(SocketKind.OpenVpn, ParseAddress(text))),
            .. settings.Ike.Select(text => new BoundSocket(SocketKind.Ike, ParseAddress(text))),
            .. settings.IkeNat.Select(text => new BoundSocket(SocketKind.IkeNat, ParseAddress(text))),
            .. settings.EspRaw ? ike.Select(address => new BoundSocket(SocketKind.Esp, address)) : [],
        ];
    }

    private static OuterAddress ParseAddress(string text) =>
        System.Net.IPEndPoint.TryParse(text, out var endpoint)
            ? new OuterAddress(IpAddress.From(endpoint.Address), (ushort)endpoint.Port)
            : throw new FormatException($"'{text}' is not an address to listen on.");
}
