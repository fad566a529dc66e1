using System.Globalization;
using System.Text;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Tunnels;

namespace Sallyport.Control.Nodes;

/// <summary>The metrics in Prometheus's text format 0.0.4. No label names a device: a fleet would be a million series.</summary>
internal sealed class MetricsText(ChangeFeed feed, GatewayLinks links, TunnelRegistry tunnels, TrafficLog traffic, TimeProvider time)
{
    private readonly DateTimeOffset started = time.GetUtcNow();

    public string Write()
    {
        var text = new StringBuilder();
        var fleet = feed.State;
        Head(text, "sallyport_build_info", "gauge", "Version of control.");
        Sample(text, "sallyport_build_info", 1, ("version", ControlHost.SoftwareVersion));
        Gauge(text, "sallyport_start_time_seconds", "When control started, in seconds since the Unix epoch.", started.ToUnixTimeSeconds());
        Gauge(text, "sallyport_networks", "Networks.", fleet.Networks.Count);
        Head(text, "sallyport_identities", "gauge", "Devices and sites by whether they may come in.");
        foreach (var group in fleet.Identities.Values.GroupBy(identity => (identity.Kind, identity.Active)).OrderBy(group => group.Key))
        {
            Sample(text, "sallyport_identities", group.Count(), ("kind", group.Key.Kind), ("active", group.Key.Active ? "true" : "false"));
        }

        Gauge(text, "sallyport_rules", "Rules.", fleet.Rules.Count);
        Gauge(text, "sallyport_model_version", "Version of the model that gateways are to run on.", fleet.Version);
        Head(text, "sallyport_tunnels", "gauge", "Tunnels that are up.");
        foreach (var (protocol, count) in tunnels.CountByProtocol().OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Sample(text, "sallyport_tunnels", count, ("protocol", protocol));
        }

        Gauge(text, "sallyport_flows_stored", "Flow records in the store.", traffic.CountFlows());
        Head(text, "sallyport_reports_dropped_total", "counter", "Reports of gateways that were not stored because the disk did not follow.");
        Sample(text, "sallyport_reports_dropped_total", traffic.Dropped);
        Gateways(text);
        return text.ToString();
    }

    private void Gateways(StringBuilder text)
    {
        var gateways = links.List();
        Head(text, "sallyport_gateway_connected", "gauge", "Whether a gateway is connected to control.");
        foreach (var gateway in gateways)
        {
            Sample(text, "sallyport_gateway_connected", gateway.Connected ? 1 : 0, ("gateway", gateway.Name));
        }

        Head(text, "sallyport_gateway_records_skipped", "gauge", "Records of a gateway's reports, since it connected, that were wrong and not taken.");
        foreach (var link in links.Connected)
        {
            Sample(text, "sallyport_gateway_records_skipped", link.Skipped, ("gateway", link.Name));
        }

        Head(text, "sallyport_gateway_model_version", "gauge", "Version of the model that a gateway's packet path has confirmed.");
        foreach (var gateway in gateways)
        {
            Sample(text, "sallyport_gateway_model_version", gateway.AcknowledgedVersion, ("gateway", gateway.Name));
        }

        Head(text, "sallyport_drops_total", "counter", "Packets that a gateway dropped since it started, by reason.");
        foreach (var gateway in gateways)
        {
            foreach (var (reason, count) in gateway.Drops.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                Sample(text, "sallyport_drops_total", count, ("gateway", gateway.Name), ("reason", reason));
            }
        }
    }

    private static void Gauge(StringBuilder text, string name, string help, long value)
    {
        Head(text, name, "gauge", help);
        Sample(text, name, value);
    }

    private static void Head(StringBuilder text, string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    private static void Sample(StringBuilder text, string name, long value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        text.Append(name);
        for (var i = 0; i < labels.Length; i++)
        {
            var escaped = labels[i].Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal);
            text.Append(i == 0 ? '{' : ',').Append(labels[i].Name).Append("=\"").Append(escaped).Append('"');
        }

        text.Append(labels.Length > 0 ? "} " : " ").Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
