using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// When which site is called: those that have an address to be called at and no tunnel, again and again, each time later than the time before. Names are asked
/// for beside the thread, because that may take long. One thread; answers about names, and news of who came or left by itself, come from others as well.
/// </summary>
internal sealed class SiteCaller(IkeRoads roads, IEntropy entropy, Action wake) : IDisposable
{
    /// <summary>
    /// A site that lost its tunnel, or that has none when we begin, gets this long to come by itself, so that both do not call at once: stock peers keep both then.
    /// </summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);

    private readonly Dictionary<(int IdentityId, int Uplink), Line> _lines = [];

    /// <summary>Sessions that are up, whoever began them; also of sites that are not called, because that may change.</summary>
    private readonly Dictionary<(int IdentityId, int Uplink), int> _up = [];
    private readonly ConcurrentQueue<Found> _found = new();
    private readonly Queue<(SiteCall Call, string Why)> _lost = new();
    private readonly ConcurrentQueue<(int IdentityId, int Uplink, bool IsUp)> _news = new();
    private readonly CancellationTokenSource _stop = new();
    private GatewayModel? _model;

    public Instant NextDeadline
    {
        get
        {
            var next = Instant.Never;
            foreach (var line in _lines.Values)
            {
                next = Instant.Min(next, line.Due);
            }

            return next;
        }
    }

    /// <summary>False where it is the one that there was.</summary>
    public bool UseModel(GatewayModel model, Instant now)
    {
        if (ReferenceEquals(model, _model))
        {
            return false;
        }

        _model = model;
        var wanted = Wanted(model).ToDictionary(call => (call.IdentityId, call.Uplink));
        foreach (var gone in _lines.Keys.Where(key => !wanted.ContainsKey(key)).ToList())
        {
            _lines[gone].UseTicket(null);
            _lines.Remove(gone);
        }

        foreach (var (key, call) in wanted)
        {
            if (!_lines.TryGetValue(key, out var line))
            {
                _lines[key] = line = new Line { Call = call, Due = Instant.Never };
                if (!IsUp(line))
                {
                    Later(line, now);
                }
            }
            else if (line.Call != call)
            {
                // Somebody has mended what was wrong: that is tried soon.
                (line.Call, line.Elsewhere) = (call, null);
                line.UseTicket(null);
                line.Pause = FirstPause;
                if (line.Due != Instant.Never)
                {
                    Later(line, now);
                }
            }
            else
            {
                line.Call = call;
            }
        }

        return true;
    }

    /// <summary>A call whose time has come, and where it goes.</summary>
    public bool TryTakeDue(Instant now, [NotNullWhen(true)] out DueCall? call)
    {
        call = null;
        foreach (var line in _lines.Values)
        {
            if (line.Due <= now)
            {
                line.Due = Instant.Never;
                _ = FindAsync(line);
            }
        }

        while (_found.TryDequeue(out var found))
        {
            if (found.Path is { } way && _lines.GetValueOrDefault((found.Line.Call.IdentityId, found.Line.Call.Uplink)) == found.Line && !IsUp(found.Line))
            {
                call = new DueCall(found.Line.Call, way, found.RedirectedFrom, found.Line.TakeTicket());
                return true;
            }

            if (found.Path is null)
            {
                _lost.Enqueue((found.Line.Call, found.Why));
                Later(found.Line, now);
            }
        }

        return false;
    }

    /// <summary>There was no way to a site whose time had come, for operators.</summary>
    public bool TryTakeLost(out (SiteCall Call, string Why) lost) => _lost.TryDequeue(out lost);

    /// <summary>Whether it is still to be called, at that address and with that credential.</summary>
    public bool Wants(SiteCall call) => _lines.TryGetValue((call.IdentityId, call.Uplink), out var line) && line.Call == call;

    /// <summary>The site sends our session elsewhere: once it is over, it is called there at once. False where it has done so too often; it is then called at its own address.</summary>
    /// <param name="from">Where it was called.</param>
    public bool TryFollow(SiteCall call, string gateway, IpAddress from, Instant now)
    {
        if (!_lines.TryGetValue((call.IdentityId, call.Uplink), out var line) || line.Call != call || !line.Redirections.TryFollow(now))
        {
            return false;
        }

        line.Elsewhere = (gateway, from);
        return true;
    }

    /// <summary>For the next call; null where there is to be none.</summary>
    public void Keep(SiteCall call, ResumptionTicket? ticket)
    {
        if (_lines.TryGetValue((call.IdentityId, call.Uplink), out var line) && line.Call == call)
        {
            line.UseTicket(ticket);
        }
    }

    /// <summary>A session of it is up, whoever began it. From any thread.</summary>
    public void CameUp(int identityId, int uplink) => Tell(identityId, uplink, isUp: true);

    /// <summary>A session that had been up is over. From any thread.</summary>
    public void Left(int identityId, int uplink) => Tell(identityId, uplink, isUp: false);

    /// <summary>Our call came to nothing.</summary>
    public void Failed(SiteCall call, Instant now)
    {
        if (_lines.TryGetValue((call.IdentityId, call.Uplink), out var line) && !IsUp(line))
        {
            Later(line, now);
        }
    }

    /// <summary>Takes the news; says who has come, so that it need not be called any more.</summary>
    public bool TryTakeArrival(Instant now, out int identityId, out int uplink)
    {
        while (_news.TryDequeue(out var news))
        {
            (identityId, uplink) = (news.IdentityId, news.Uplink);
            var count = _up.GetValueOrDefault((identityId, uplink)) + (news.IsUp ? 1 : -1);
            if (count > 0)
            {
                _up[(identityId, uplink)] = count;
            }
            else
            {
                _up.Remove((identityId, uplink));
            }

            if (!_lines.TryGetValue((identityId, uplink), out var line))
            {
                continue;
            }

            if (news.IsUp)
            {
                line.Due = Instant.Never;
                line.UpSince = now;
                return true;
            }

            if (!IsUp(line))
            {
                // What came up and went at once is called as seldom as what does not come up.
                line.Pause = now - line.UpSince > LongestPause ? FirstPause : line.Pause;
                Later(line, now);
            }
        }

        (identityId, uplink) = (0, 0);
        return false;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private bool IsUp(Line line) => _up.ContainsKey((line.Call.IdentityId, line.Call.Uplink));

    private void Tell(int identityId, int uplink, bool isUp)
    {
        _news.Enqueue((identityId, uplink, isUp));
        wake();
    }

    private void Later(Line line, Instant now)
    {
        if (line.Elsewhere is not null)
        {
            line.Due = now;
            return;
        }

        // Between three and five quarters, so that a site's uplinks, and the sites of one place, do not call in step.
        Span<byte> chance = stackalloc byte[1];
        entropy.Fill(chance);
        line.Due = now + (line.Pause * (0.75 + (chance[0] / 512.0)));
        line.Pause = line.Pause * 2 > LongestPause ? LongestPause : line.Pause * 2;
    }

    private static IEnumerable<SiteCall> Wanted(GatewayModel model)
    {
        foreach (var (id, peer) in model.IpsecPeers)
        {
            if (model.Fleet.Identity(id) is not { Active: true })
            {
                continue;
            }

            for (var uplink = 1; uplink <= peer.Remotes.Count; uplink++)
            {
                var remote = peer.Remotes[uplink - 1];
                var entry = model.Credentials.GetValueOrDefault(id, [])
                    .Where(entry => entry.Credential.Uplink == uplink && entry.Credential.Kind is "psk" or "certificate")
                    .OrderBy(entry => entry.Credential.Kind == "psk" ? 0 : 1).ThenByDescending(entry => entry.Id).FirstOrDefault();
                if (remote.Length > 0 && entry is not null)
                {
                    yield return new SiteCall(id, uplink, remote, entry);
                }
            }
        }
    }

    private async Task FindAsync(Line line)
    {
        IkePath? path = null;
        var why = "the way to it could not be found";

        // Where it sent us is tried once: whatever comes of that, its own address is next.
        var (remote, from) = line.Elsewhere is { } elsewhere ? (elsewhere.Gateway, elsewhere.From) : (line.Call.Remote, (IpAddress?)null);
        line.Elsewhere = null;
        try
        {
            var addresses = IPAddress.TryParse(remote, out var one)
                ? [one]
                : await System.Net.Dns.GetHostAddressesAsync(remote, _stop.Token).ConfigureAwait(false);
            path = addresses.Select(Way).FirstOrDefault(way => way is not null);
            why = $"no address that the gateway speaks IKE at has a way to {remote}";
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ArgumentException)
        {
            // The next look asks again.
            why = $"the name {remote} is not found";
        }
        finally
        {
            _found.Enqueue(new Found(line, path, from, why));
            wake();
        }
    }

    /// <summary>From which of our addresses it goes; null where there is no way.</summary>
    private IkePath? Way(IPAddress peer)
    {
        try
        {
            // Connecting a datagram socket sends nothing: it asks the kernel for the route.
            using var socket = new Socket(peer.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(peer, IkePath.Port);
            return socket.LocalEndPoint is IPEndPoint local ? roads.ForCall(IpAddress.From(local.Address), IpAddress.From(peer)) : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <param name="Path">Null where there is no way, and <paramref name="Why"/>.</param>
    private sealed record Found(Line Line, IkePath? Path, IpAddress? RedirectedFrom, string Why);

    private sealed class Line
    {
        public required SiteCall Call { get; set; }

        public required Instant Due { get; set; }

        public TimeSpan Pause { get; set; } = FirstPause;

        public Instant UpSince { get; set; }

        public Redirections Redirections { get; } = new();

        /// <summary>Where the site has sent us, and from where.</summary>
        public (string Gateway, IpAddress From)? Elsewhere { get; set; }

        private ResumptionTicket? _ticket;

        public void UseTicket(ResumptionTicket? ticket)
        {
            CryptographicOperations.ZeroMemory(_ticket?.Derivation);
            _ticket = ticket;
        }

        /// <summary>For one call: with the same ticket twice two sessions would have keys of the same secret (RFC 5723 section 4.3.4).</summary>
        public ResumptionTicket? TakeTicket()
        {
            var taken = _ticket;
            _ticket = null;
            return taken;
        }
    }
}
