using System.Globalization;
using System.Net;
using Sallyport.Api.Nodes;
using Sallyport.Api.Tunnels;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tunnels;

/// <summary>A tunnel as its gateway last reported it. A run is one process of one gateway.</summary>
internal sealed record TunnelEntry(string Gateway, long RunId, TunnelState State);

/// <summary>
/// The tunnels that are up, and the last one of every identity. A tunnel whose gateway is not connected to control is unknown:
/// it may well be up, because gateways keep forwarding without control.
/// </summary>
internal sealed class TunnelRegistry(ChangeFeed feed)
{
    public const string Up = "up";
    public const string Down = "down";
    public const string Unknown = "unknown";

    private readonly Lock gate = new();
    private readonly Dictionary<(long RunId, long TunnelId), TunnelEntry> up = [];
    private readonly Dictionary<int, TunnelEntry> lastByIdentity = [];

    // A site has a tunnel for each of its uplinks.
    private readonly Dictionary<int, List<(long RunId, long TunnelId)>> upByIdentity = [];
    private readonly Dictionary<string, long> connectedRuns = [];

    /// <summary>What is known from before the start.</summary>
    public void Restore(IEnumerable<TunnelEntry> entries)
    {
        lock (gate)
        {
            foreach (var entry in entries)
            {
                Remember(entry);
                if (entry.State.Up)
                {
                    SetUp((entry.RunId, entry.State.TunnelId), entry);
                }
            }
        }
    }

    /// <summary>The gateway is connected. Tunnels of an earlier process of it ended with that process; they are answered.</summary>
    public IReadOnlyList<TunnelEntry> Connected(string gateway, long runId)
    {
        lock (gate)
        {
            connectedRuns[gateway] = runId;
            var ended = up.Values.Where(entry => entry.Gateway == gateway && entry.RunId != runId)
                .Select(entry => entry with { State = entry.State with { Up = false, EndReason = "the gateway was restarted" } }).ToList();
            foreach (var entry in ended)
            {
                SetDown((entry.RunId, entry.State.TunnelId), entry.State.IdentityId);
                Remember(entry);
            }

            return ended;
        }
    }

    public void Disconnected(string gateway, long runId)
    {
        lock (gate)
        {
            if (connectedRuns.GetValueOrDefault(gateway) == runId)
            {
                connectedRuns.Remove(gateway);
            }
        }
    }

    /// <summary>Takes a report; true where the tunnel came or went, rather than just moved.</summary>
    public bool Report(TunnelEntry entry)
    {
        lock (gate)
        {
            var key = (entry.RunId, entry.State.TunnelId);
            var wasUp = up.ContainsKey(key);
            if (entry.State.Up)
            {
                SetUp(key, entry);
            }
            else
            {
                SetDown(key, entry.State.IdentityId);
                // A tunnel that came and went between two reports is still news.
                wasUp |= !lastByIdentity.TryGetValue(entry.State.IdentityId, out var last) || (last.RunId, last.State.TunnelId) != key;
            }

            Remember(entry);
            return wasUp != entry.State.Up;
        }
    }

    /// <summary>"online", "offline" or "unknown", with the tunnel that says so.</summary>
    public (string Presence, TunnelInfo? Tunnel) PresenceOf(int identityId)
    {
        lock (gate)
        {
            if (!lastByIdentity.TryGetValue(identityId, out var entry))
            {
                return ("offline", null);
            }

            var info = ToInfo(entry.State is { Up: true, Ike.HasChildren: false } ? OtherUp(identityId, state => state.Ike is not { HasChildren: false }) ?? entry : entry);
            var presence = info?.State switch
            {
                Up => "online",
                Unknown => "unknown",
                _ => "offline",
            };
            return (presence, info);
        }
    }

    /// <summary>Whether its tunnel is known to be up.</summary>
    public bool IsUp(int identityId)
    {
        lock (gate)
        {
            return lastByIdentity.TryGetValue(identityId, out var entry) && entry.State.Up && IsConnected(entry);
        }
    }

    /// <summary>Whose tunnels are known to be up.</summary>
    public IReadOnlyList<int> IdentitiesUp()
    {
        lock (gate)
        {
            return [.. up.Values.Where(IsConnected).Select(entry => entry.State.IdentityId).Distinct()];
        }
    }

    /// <summary>Of its tunnel, or of its last one; that of nobody where there was none.</summary>
    public Situation SituationOf(int identityId)
    {
        lock (gate)
        {
            return lastByIdentity.TryGetValue(identityId, out var entry) && IPEndPoint.TryParse(entry.State.OuterAddress, out var outer)
                ? new Situation(TunnelWords.ReadProtocol(entry.State.Protocol), TunnelWords.ReadCipher(entry.State.Cipher), IpAddress.From(outer.Address)) : default;
        }
    }

    /// <param name="identityId">Null for all.</param>
    public IReadOnlyList<TunnelInfo> List(int? networkId, int? identityId, bool ended)
    {
        lock (gate)
        {
            var entries = ended ? up.Values.Concat(lastByIdentity.Values.Where(entry => !entry.State.Up)) : up.Values;
            return
            [
                .. entries
                    .Where(entry => identityId is null || entry.State.IdentityId == identityId)
                    .Where(entry => networkId is null || feed.State.Identities.GetValueOrDefault(entry.State.IdentityId)?.NetworkId == networkId)
                    .OrderBy(entry => entry.State.IdentityId).ThenBy(entry => entry.State.TunnelId)
                    .Select(ToInfo).OfType<TunnelInfo>(),
            ];
        }
    }

    /// <summary>Tunnels that are known to be up.</summary>
    public int CountUp()
    {
        lock (gate)
        {
            return up.Values.Count(IsConnected);
        }
    }

    /// <summary>Of one network, by whichever way they carry ESP.</summary>
    public int CountIpsecUp(int networkId)
    {
        lock (gate)
        {
            return up.Values.Count(entry => IsConnected(entry) && entry.State.Protocol.StartsWith("ipsec/", StringComparison.Ordinal)
                && feed.State.Identities.GetValueOrDefault(entry.State.IdentityId)?.NetworkId == networkId);
        }
    }

    public IReadOnlyDictionary<string, int> CountByProtocol()
    {
        lock (gate)
        {
            return up.Values.Where(IsConnected).GroupBy(entry => entry.State.Protocol).ToDictionary(group => group.Key, group => group.Count());
        }
    }

    private void Remember(TunnelEntry entry)
    {
        // The end of a tunnel that another one replaced must not hide the living one.
        if (lastByIdentity.TryGetValue(entry.State.IdentityId, out var last)
            && (last.RunId, last.State.TunnelId) != (entry.RunId, entry.State.TunnelId)
            && last.State.Up && (!entry.State.Up || entry.State.Since < last.State.Since))
        {
            return;
        }

        lastByIdentity[entry.State.IdentityId] = entry.State.Up ? entry : OtherUp(entry.State.IdentityId) ?? entry;
    }

    /// <summary>Another tunnel of the identity that is up, the newest of them: that one uplink is gone does not make a site be gone.</summary>
    private TunnelEntry? OtherUp(int identityId, Func<TunnelState, bool>? condition = null) => upByIdentity.TryGetValue(identityId, out var keys)
        ? keys.Select(key => up[key]).Where(entry => condition?.Invoke(entry.State) is not false).MaxBy(entry => entry.State.Since) : null;

    private void SetUp((long RunId, long TunnelId) key, TunnelEntry entry)
    {
        if (!up.ContainsKey(key))
        {
            if (!upByIdentity.TryGetValue(entry.State.IdentityId, out var keys))
            {
                upByIdentity[entry.State.IdentityId] = keys = [];
            }

            keys.Add(key);
        }

        up[key] = entry;
    }

    private void SetDown((long RunId, long TunnelId) key, int identityId)
    {
        if (up.Remove(key) && upByIdentity.TryGetValue(identityId, out var keys) && keys.Remove(key) && keys.Count == 0)
        {
            upByIdentity.Remove(identityId);
        }
    }

    private bool IsConnected(TunnelEntry entry) => connectedRuns.TryGetValue(entry.Gateway, out var run) && run == entry.RunId;

    private static IkeSaInfo ToInfo(IkeState ike) => new()
    {
        SpiInitiator = ike.InitiatorSpi.ToString("x16", CultureInfo.InvariantCulture),
        SpiResponder = ike.ResponderSpi.ToString("x16", CultureInfo.InvariantCulture),
        Initiator = ike.ByGateway ? "gateway" : "peer",
        Suite = ike.Suite,
        Since = UnixTime.ToTime(ike.Since),
        Rekeys = ike.Rekeys,
    };

    private static SaInfo ToInfo(SaState sa) => new()
    {
        SpiIn = sa.InboundSpi.ToString("x8", CultureInfo.InvariantCulture),
        SpiOut = sa.OutboundSpi.ToString("x8", CultureInfo.InvariantCulture),
        Suite = sa.Suite,
        Mode = sa.Mode,
        Sends = sa.Sends,
        Local = sa.Local,
        Remote = sa.Remote,
        Since = UnixTime.ToTime(sa.Since),
        Rekeys = sa.Rekeys,
        BytesIn = sa.BytesIn,
        BytesOut = sa.BytesOut,
        PacketsIn = sa.PacketsIn,
        PacketsOut = sa.PacketsOut,
        BadTags = sa.BadTags,
        Replays = sa.Replays,
    };

    private TunnelInfo? ToInfo(TunnelEntry entry)
    {
        var fleet = feed.State;
        if (!fleet.Identities.TryGetValue(entry.State.IdentityId, out var identity) || !fleet.Networks.TryGetValue(identity.NetworkId, out var network))
        {
            return null;
        }

        var state = entry.State;
        return new TunnelInfo
        {
            Gateway = entry.Gateway,
            TunnelId = state.TunnelId,
            IdentityKind = identity.Kind,
            Identity = identity.Name,
            Network = network.Name,
            State = !state.Up ? Down : IsConnected(entry) ? Up : Unknown,
            Protocol = state.Protocol,
            OuterAddress = state.OuterAddress,
            Cipher = state.Cipher,
            Tls = state.Tls,
            Wrapping = state.Wrapping,
            ClientVersion = state.ClientVersion,
            ClientPlatform = state.ClientPlatform,
            Uplink = state.Uplink,
            Since = UnixTime.ToTime(state.Since),
            LastSeen = UnixTime.ToTime(state.LastSeen),
            BytesIn = state.BytesIn,
            BytesOut = state.BytesOut,
            PacketsIn = state.PacketsIn,
            PacketsOut = state.PacketsOut,
            Renegotiations = state.Renegotiations,
            Sas = [.. state.Sas.Select(ToInfo)],
            Ike = state.Ike is { } ike ? ToInfo(ike) : null,
            IkeOnly = state is { Up: true, Ike.HasChildren: false },
            EndReason = state.EndReason.Length == 0 ? null : state.EndReason,
        };
    }
}
