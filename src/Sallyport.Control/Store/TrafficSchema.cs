namespace Sallyport.Control.Store;

/// <summary>
/// The schema of traffic.db: what gateways reported. A file of its own, so that a burst of flow records never delays the commit of a revocation.
/// Names are kept as they were, because the records outlive what they speak of.
/// </summary>
internal static class TrafficSchema
{
    public static readonly IReadOnlyList<string> Migrations =
    [
        """
        CREATE TABLE gateway_runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            gateway TEXT NOT NULL,
            process TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            UNIQUE (gateway, process)) STRICT;

        CREATE TABLE tunnels (
            run_id INTEGER NOT NULL REFERENCES gateway_runs(id),
            tunnel_id INTEGER NOT NULL,
            identity_id INTEGER NOT NULL,
            state TEXT NOT NULL,
            since INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            PRIMARY KEY (run_id, tunnel_id)) STRICT, WITHOUT ROWID;
        CREATE INDEX tunnels_by_identity ON tunnels (identity_id, since);

        CREATE TABLE flows (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            run_id INTEGER NOT NULL REFERENCES gateway_runs(id),
            flow_id INTEGER NOT NULL,
            gateway TEXT NOT NULL,
            network_id INTEGER NOT NULL,
            network TEXT NOT NULL,
            from_id INTEGER NOT NULL,
            from_kind TEXT NOT NULL,
            from_name TEXT NOT NULL,
            to_id INTEGER NOT NULL,
            to_kind TEXT,
            to_name TEXT,
            protocol TEXT NOT NULL,
            source TEXT NOT NULL,
            source_port INTEGER NOT NULL,
            destination TEXT NOT NULL,
            destination_port INTEGER NOT NULL,
            allowed INTEGER NOT NULL,
            cut INTEGER NOT NULL,
            rule_id INTEGER NOT NULL,
            application_id INTEGER NOT NULL,
            application TEXT,
            reason TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            packets_out INTEGER NOT NULL,
            bytes_out INTEGER NOT NULL,
            packets_back INTEGER NOT NULL,
            bytes_back INTEGER NOT NULL,
            ended INTEGER NOT NULL,
            UNIQUE (run_id, flow_id)) STRICT;
        CREATE INDEX flows_by_from ON flows (from_id, id);
        CREATE INDEX flows_by_to ON flows (to_id, id);
        CREATE INDEX flows_by_last_seen ON flows (last_seen);
        CREATE INDEX flows_open ON flows (run_id) WHERE ended = 0;

        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            source TEXT NOT NULL,
            subject TEXT,
            network TEXT,
            outer_address TEXT,
            detail TEXT NOT NULL) STRICT;
        CREATE INDEX events_by_kind ON events (kind, id);
        """,
        """
        CREATE TABLE dns_queries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            gateway TEXT NOT NULL,
            network_id INTEGER NOT NULL,
            network TEXT NOT NULL,
            from_id INTEGER NOT NULL,
            from_kind TEXT NOT NULL,
            from_name TEXT NOT NULL,
            name TEXT NOT NULL,
            type TEXT NOT NULL,
            code TEXT NOT NULL,
            addresses TEXT NOT NULL,
            first_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            count INTEGER NOT NULL) STRICT;
        CREATE INDEX dns_queries_by_from ON dns_queries (from_id, id);
        CREATE INDEX dns_queries_by_last ON dns_queries (last_at);
        """,
        """
        CREATE TABLE meters (
            gateway TEXT NOT NULL,
            kind TEXT NOT NULL,
            id INTEGER NOT NULL,
            period INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            PRIMARY KEY (gateway, kind, id)) STRICT, WITHOUT ROWID;
        CREATE INDEX meters_by_subject ON meters (kind, id);
        """,
        """
        ALTER TABLE flows ADD COLUMN dns_name TEXT;
        ALTER TABLE flows ADD COLUMN server_name TEXT;
        """,
        """
        ALTER TABLE flows ADD COLUMN far_network TEXT;
        ALTER TABLE flows ADD COLUMN far_source TEXT;
        ALTER TABLE flows ADD COLUMN far_destination TEXT;
        """,
        """
        ALTER TABLE flows ADD COLUMN far_network_id INTEGER;
        ALTER TABLE flows ADD COLUMN far_source_port INTEGER;
        CREATE INDEX flows_by_guest ON flows (far_network_id, far_source, id) WHERE far_network_id IS NOT NULL;
        CREATE INDEX flows_by_far_network ON flows (far_network_id, id) WHERE far_network_id IS NOT NULL;
        """,
        """
        UPDATE tunnels SET state = json_set(state, '$.sas', json('[]')) WHERE json_extract(state, '$.sas') IS NULL;
        """,
    ];
}
