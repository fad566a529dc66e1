using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Nodes;

namespace Sallyport.DataPlane.Dns;

/// <summary>Counts what one shard was asked for until it is reported. A name that is asked for again costs no line, many different ones cost few.</summary>
internal sealed class QueryLog
{
    /// <summary>Stands for further names of an identity that asks for too many.</summary>
    public const string Others = "*";

    /// <summary>Characters of a name; a wire name without odd bytes is no longer.</summary>
    public const int NameMax = 255;

    private readonly Dictionary<QueryKey, QueryRecord> _window = [];

    /// <summary>Lines in it, by identity.</summary>
    private readonly Dictionary<int, int> _lines = [];
    private Instant _reportAt;

    /// <summary>Questions that were answered and are in no line.</summary>
    private long _lost;

    /// <param name="lines">Of the identity.</param>
    public void Note(QueryKey key, int networkId, IpAddress[] addresses, Instant now, ref TokenBucket lines)
    {
        if (_window.TryGetValue(key, out var known))
        {
            _window[key] = known.With(new QueryRecord(key, networkId, addresses, now, now, 1));
            return;
        }

        var own = _lines.GetValueOrDefault(key.IdentityId);
        var isScarce = _window.Count >= DnsServiceLimits.LogWindowMax / 2;
        if ((isScarce && own >= DnsServiceLimits.LogLinesWhenScarce) || !lines.TryTake(DnsServiceLimits.LogBurst, DnsServiceLimits.LogInterval, now))
        {
            key = key with { Name = Others, Type = default };
            addresses = [];
            known = _window.GetValueOrDefault(key);
        }

        if (known.Count == 0 && _window.Count >= DnsServiceLimits.LogWindowMax)
        {
            _lost++;
            return;
        }

        var one = new QueryRecord(key, networkId, addresses, now, now, 1);
        _window[key] = known.Count == 0 ? one : known.With(one);
        _lines[key.IdentityId] = known.Count == 0 ? own + 1 : own;
    }

    public void Report(Uplink uplink, Instant now, bool everything = false)
    {
        if (_window.Count > 0 && (everything || now >= _reportAt))
        {
            _reportAt = now + DnsServiceLimits.LogWindow;
            uplink.Put(_window.Values, _lost);
            _window.Clear();
            _lines.Clear();
            _lost = 0;
        }
    }
}
