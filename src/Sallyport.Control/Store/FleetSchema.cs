namespace Sallyport.Control.Store;

/// <summary>The schema of sallyport.db: what operators decided. Migrations are numbered by their place and never edited once released.</summary>
internal static class FleetSchema
{
    // Times are nanoseconds since the Unix epoch; addresses 4 or 16 bytes in network order, so that they sort; lists and labels JSON.
    public static readonly IReadOnlyList<string> Migrations =
    [
        """
        CREATE TABLE secrets (
            name TEXT PRIMARY KEY,
            sealed BLOB NOT NULL) STRICT;

        CREATE TABLE certificates (
            name TEXT PRIMARY KEY,
            der BLOB NOT NULL,
            public_key_hash TEXT NOT NULL,
            not_after INTEGER NOT NULL) STRICT;

        CREATE TABLE settings (
            name TEXT PRIMARY KEY,
            value TEXT NOT NULL) STRICT;

        CREATE TABLE tokens (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            role TEXT NOT NULL,
            hash BLOB NOT NULL,
            created_at INTEGER NOT NULL) STRICT;

        CREATE TABLE networks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            prefixes TEXT NOT NULL,
            ciphers TEXT NOT NULL,
            auth_digest TEXT NOT NULL,
            authentication TEXT NOT NULL,
            wrappings TEXT NOT NULL,
            wrapping_key BLOB NOT NULL,
            tls_auth_direction TEXT NOT NULL,
            minimum_tls TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL) STRICT;

        CREATE TABLE identities (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            network_id INTEGER NOT NULL REFERENCES networks(id),
            kind TEXT NOT NULL CHECK (kind IN ('device', 'site')),
            name TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'quarantined', 'retired')),
            state_reason TEXT,
            state_since INTEGER NOT NULL,
            address_v4 BLOB,
            address_v6 BLOB,
            subnets TEXT NOT NULL,
            labels TEXT NOT NULL,
            groups TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            UNIQUE (network_id, name),
            UNIQUE (network_id, address_v4),
            UNIQUE (network_id, address_v6)) STRICT;
        CREATE INDEX identities_by_name ON identities (kind, name);

        CREATE TABLE credentials (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            identity_id INTEGER NOT NULL REFERENCES identities(id) ON DELETE CASCADE,
            kind TEXT NOT NULL CHECK (kind IN ('certificate', 'password')),
            fingerprint TEXT UNIQUE,
            serial TEXT,
            certificate BLOB,
            wrapping TEXT NOT NULL,
            wrapped_key_id TEXT UNIQUE,
            username TEXT,
            password_salt BLOB,
            password_hash BLOB,
            not_before INTEGER,
            not_after INTEGER,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER,
            revoke_reason TEXT) STRICT;
        CREATE INDEX credentials_by_identity ON credentials (identity_id);
        CREATE UNIQUE INDEX credentials_by_username ON credentials (username) WHERE revoked_at IS NULL;

        CREATE TABLE applications (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            network_id INTEGER NOT NULL REFERENCES networks(id),
            owner_id INTEGER NOT NULL REFERENCES identities(id),
            name TEXT NOT NULL,
            target TEXT NOT NULL,
            services TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            UNIQUE (network_id, name)) STRICT;
        CREATE INDEX applications_by_name ON applications (name);
        CREATE INDEX applications_by_owner ON applications (owner_id);

        CREATE TABLE rules (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            application_id INTEGER NOT NULL REFERENCES applications(id),
            subject_kind TEXT NOT NULL CHECK (subject_kind IN ('device', 'site', 'group', 'label')),
            subject_id INTEGER REFERENCES identities(id),
            subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL) STRICT;
        CREATE UNIQUE INDEX rules_once ON rules (application_id, subject_kind, ifnull(subject_id, 0), subject);
        CREATE INDEX rules_by_subject ON rules (subject_id);

        CREATE TABLE changes (
            version INTEGER NOT NULL,
            kind TEXT NOT NULL,
            id INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (version, kind, id)) STRICT, WITHOUT ROWID;

        CREATE TABLE idempotency (
            key TEXT NOT NULL,
            actor TEXT NOT NULL,
            request_hash TEXT NOT NULL,
            resource_id INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (actor, key)) STRICT, WITHOUT ROWID;

        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL,
            previous_hash TEXT NOT NULL,
            hash TEXT NOT NULL) STRICT;
        CREATE TRIGGER audit_is_not_edited BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
        CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

        CREATE TABLE audit_checkpoints (
            sequence INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            hash TEXT NOT NULL,
            signature TEXT NOT NULL) STRICT;
        """,
        """
        ALTER TABLE networks ADD COLUMN token_seconds INTEGER NOT NULL DEFAULT 86400;
        """,
        """
        CREATE TABLE wrapping_keys (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created_at INTEGER NOT NULL,
            retired_at INTEGER) STRICT;
        INSERT INTO wrapping_keys (id, created_at) VALUES (1, unixepoch() * 1000000000);
        ALTER TABLE credentials ADD COLUMN wrapping_key_id INTEGER REFERENCES wrapping_keys(id);
        UPDATE credentials SET wrapping_key_id = 1 WHERE wrapped_key_id IS NOT NULL;
        """,
        """
        CREATE TABLE identities_next (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            network_id INTEGER NOT NULL REFERENCES networks(id),
            kind TEXT NOT NULL CHECK (kind IN ('device', 'site', 'host')),
            name TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'quarantined', 'retired')),
            state_reason TEXT,
            state_since INTEGER NOT NULL,
            address_v4 BLOB,
            address_v6 BLOB,
            subnets TEXT NOT NULL,
            labels TEXT NOT NULL,
            groups TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            UNIQUE (network_id, address_v4),
            UNIQUE (network_id, address_v6)) STRICT;
        INSERT INTO identities_next SELECT id, network_id, kind, name, state, state_reason, state_since, address_v4, address_v6, subnets, labels,
            groups, created_at, revision FROM identities;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'identities')
            WHERE name = 'identities_next' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'identities');
        INSERT INTO sqlite_sequence (name, seq) SELECT 'identities_next', seq FROM sqlite_sequence WHERE name = 'identities'
            AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'identities_next');
        DROP TABLE identities;
        ALTER TABLE identities_next RENAME TO identities;
        CREATE INDEX identities_by_name ON identities (kind, name);
        CREATE UNIQUE INDEX identities_once ON identities (network_id, name, kind = 'host');

        CREATE TABLE rules_next (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            application_id INTEGER NOT NULL REFERENCES applications(id),
            subject_kind TEXT NOT NULL CHECK (subject_kind IN ('device', 'site', 'host', 'group', 'label')),
            subject_id INTEGER REFERENCES identities(id),
            subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL) STRICT;
        INSERT INTO rules_next SELECT id, application_id, subject_kind, subject_id, subject, created_at, revision FROM rules;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'rules')
            WHERE name = 'rules_next' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rules');
        INSERT INTO sqlite_sequence (name, seq) SELECT 'rules_next', seq FROM sqlite_sequence WHERE name = 'rules'
            AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rules_next');
        DROP TABLE rules;
        ALTER TABLE rules_next RENAME TO rules;
        CREATE UNIQUE INDEX rules_once ON rules (application_id, subject_kind, ifnull(subject_id, 0), subject);
        CREATE INDEX rules_by_subject ON rules (subject_id);
        """,
        """
        ALTER TABLE rules ADD COLUMN effect TEXT NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny'));
        ALTER TABLE rules ADD COLUMN until INTEGER;
        ALTER TABLE rules ADD COLUMN windows TEXT NOT NULL DEFAULT '[]';
        DROP INDEX rules_once;
        CREATE UNIQUE INDEX rules_once ON rules (application_id, subject_kind, ifnull(subject_id, 0), subject, effect);
        """,
        """
        CREATE TABLE locks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            subject_kind TEXT NOT NULL
                CHECK (subject_kind IN ('device', 'site', 'network', 'application', 'rule', 'credential', 'group', 'label')),
            subject_id INTEGER,
            subject TEXT NOT NULL,
            network_id INTEGER REFERENCES networks(id) ON DELETE CASCADE,
            reason TEXT,
            until INTEGER,
            created_at INTEGER NOT NULL,
            created_by TEXT NOT NULL) STRICT;
        CREATE INDEX locks_by_subject ON locks (subject_kind, subject_id);
        CREATE TRIGGER locks_of_identity AFTER DELETE ON identities
            BEGIN DELETE FROM locks WHERE subject_kind IN ('device', 'site') AND subject_id = OLD.id; END;
        CREATE TRIGGER locks_of_credential AFTER DELETE ON credentials
            BEGIN DELETE FROM locks WHERE subject_kind = 'credential' AND subject_id = OLD.id; END;
        CREATE TRIGGER locks_of_application AFTER DELETE ON applications
            BEGIN DELETE FROM locks WHERE subject_kind = 'application' AND subject_id = OLD.id; END;
        CREATE TRIGGER locks_of_rule AFTER DELETE ON rules
            BEGIN DELETE FROM locks WHERE subject_kind = 'rule' AND subject_id = OLD.id; END;
        """,
        """
        ALTER TABLE networks ADD COLUMN service_ranges TEXT NOT NULL DEFAULT '["198.18.0.0/16"]';
        ALTER TABLE networks ADD COLUMN guest_pools TEXT NOT NULL DEFAULT '["198.19.0.0/16"]';
        ALTER TABLE networks ADD COLUMN guests TEXT NOT NULL DEFAULT 'each' CHECK (guests IN ('each', 'shared'));
        ALTER TABLE networks ADD COLUMN topology TEXT NOT NULL DEFAULT 'subnet' CHECK (topology IN ('subnet', 'p2p'));

        CREATE TABLE rules_next (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            application_id INTEGER NOT NULL REFERENCES applications(id),
            subject_kind TEXT NOT NULL CHECK (subject_kind IN ('device', 'site', 'host', 'group', 'label', 'network')),
            subject_id INTEGER REFERENCES identities(id),
            subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            effect TEXT NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
            until INTEGER,
            windows TEXT NOT NULL DEFAULT '[]',
            network_id INTEGER REFERENCES networks(id)) STRICT;
        INSERT INTO rules_next SELECT id, application_id, subject_kind, subject_id, subject, created_at, revision, effect, until, windows, NULL
            FROM rules;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'rules')
            WHERE name = 'rules_next' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rules');
        INSERT INTO sqlite_sequence (name, seq) SELECT 'rules_next', seq FROM sqlite_sequence WHERE name = 'rules'
            AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rules_next');
        DROP TABLE rules;
        ALTER TABLE rules_next RENAME TO rules;
        CREATE UNIQUE INDEX rules_once ON rules (application_id, subject_kind, ifnull(subject_id, 0), subject, ifnull(network_id, 0), effect);
        CREATE INDEX rules_by_subject ON rules (subject_id);
        CREATE INDEX rules_across ON rules (network_id) WHERE network_id IS NOT NULL;
        CREATE TRIGGER locks_of_rule AFTER DELETE ON rules
            BEGIN DELETE FROM locks WHERE subject_kind = 'rule' AND subject_id = OLD.id; END;

        CREATE TABLE appearances (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('service', 'guest')),
            network_id INTEGER NOT NULL,
            at TEXT NOT NULL,
            home_id INTEGER NOT NULL,
            of TEXT NOT NULL,
            UNIQUE (kind, network_id, home_id, of)) STRICT;
        """,
        """
        ALTER TABLE networks ADD COLUMN dns_serve INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE networks ADD COLUMN dns_forward TEXT NOT NULL DEFAULT '[]';
        """,
        """
        ALTER TABLE applications ADD COLUMN groups TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE applications ADD COLUMN management INTEGER NOT NULL DEFAULT 0;

        ALTER TABLE identities ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
        ALTER TABLE identities ADD COLUMN posture TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE identities ADD COLUMN quarantine_degree TEXT;
        ALTER TABLE identities ADD COLUMN quarantine_until INTEGER;
        ALTER TABLE identities ADD COLUMN quarantine_application_id INTEGER REFERENCES applications(id);
        ALTER TABLE identities ADD COLUMN quarantine_rate INTEGER;
        UPDATE identities SET quarantine_degree = 'dark' WHERE state = 'quarantined';

        CREATE TABLE rules_next (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            target_network_id INTEGER NOT NULL REFERENCES networks(id),
            application_id INTEGER REFERENCES applications(id),
            application_group TEXT,
            subject_kind TEXT NOT NULL CHECK (subject_kind IN ('device', 'site', 'host', 'group', 'label', 'network')),
            subject_id INTEGER REFERENCES identities(id),
            subject TEXT NOT NULL,
            network_id INTEGER REFERENCES networks(id),
            effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
            until INTEGER,
            windows TEXT NOT NULL,
            conditions TEXT NOT NULL,
            limits TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            CHECK ((application_id IS NULL) <> (application_group IS NULL))) STRICT;
        INSERT INTO rules_next SELECT r.id, a.network_id, r.application_id, NULL, r.subject_kind, r.subject_id, r.subject, r.network_id, r.effect, r.until,
            r.windows, '{}', '{}', r.created_at, r.revision FROM rules r JOIN applications a ON a.id = r.application_id;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'rules')
            WHERE name = 'rules_next' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rules');
        INSERT INTO sqlite_sequence (name, seq) SELECT 'rules_next', seq FROM sqlite_sequence WHERE name = 'rules'
            AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rules_next');
        DROP TABLE rules;
        ALTER TABLE rules_next RENAME TO rules;
        CREATE UNIQUE INDEX rules_once ON rules (target_network_id, ifnull(application_id, 0), ifnull(application_group, ''), subject_kind,
            ifnull(subject_id, 0), subject, ifnull(network_id, 0), effect, conditions);
        CREATE INDEX rules_by_subject ON rules (subject_id);
        CREATE INDEX rules_across ON rules (network_id) WHERE network_id IS NOT NULL;
        CREATE INDEX rules_by_application ON rules (application_id);
        CREATE TRIGGER locks_of_rule AFTER DELETE ON rules
            BEGIN DELETE FROM locks WHERE subject_kind = 'rule' AND subject_id = OLD.id; END;
        """,
        """
        ALTER TABLE networks ADD COLUMN default_route INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE applications ADD COLUMN names TEXT NOT NULL DEFAULT '[]';
        """,
        """
        ALTER TABLE locks ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
        UPDATE locks SET labels = json_array(subject) WHERE subject_kind = 'label';
        """,
        """
        ALTER TABLE networks ADD COLUMN ipsec TEXT NOT NULL DEFAULT '{}';
        ALTER TABLE identities ADD COLUMN ipsec TEXT NOT NULL DEFAULT '{}';

        CREATE TABLE credentials_next (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            identity_id INTEGER NOT NULL REFERENCES identities(id) ON DELETE CASCADE,
            kind TEXT NOT NULL CHECK (kind IN ('certificate', 'password', 'psk', 'eap')),
            protocol TEXT NOT NULL CHECK (protocol IN ('openvpn', 'ipsec')),
            fingerprint TEXT UNIQUE,
            serial TEXT,
            certificate BLOB,
            wrapping TEXT NOT NULL,
            wrapped_key_id TEXT UNIQUE,
            wrapping_key_id INTEGER REFERENCES wrapping_keys(id),
            username TEXT,
            password_salt BLOB,
            password_hash BLOB,
            peer_id TEXT,
            uplink INTEGER NOT NULL,
            secret BLOB,
            ppk_id TEXT,
            ppk BLOB,
            not_before INTEGER,
            not_after INTEGER,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER,
            revoke_reason TEXT) STRICT;
        INSERT INTO credentials_next SELECT id, identity_id, kind, 'openvpn', fingerprint, serial, certificate, wrapping, wrapped_key_id,
            wrapping_key_id, username, password_salt, password_hash, NULL, 1, NULL, NULL, NULL, not_before, not_after, created_at, revoked_at,
            revoke_reason FROM credentials;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'credentials')
            WHERE name = 'credentials_next' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'credentials');
        INSERT INTO sqlite_sequence (name, seq) SELECT 'credentials_next', seq FROM sqlite_sequence WHERE name = 'credentials'
            AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'credentials_next');
        DROP TABLE credentials;
        ALTER TABLE credentials_next RENAME TO credentials;
        CREATE INDEX credentials_by_identity ON credentials (identity_id);
        CREATE UNIQUE INDEX credentials_by_username ON credentials (username) WHERE revoked_at IS NULL;
        CREATE UNIQUE INDEX credentials_by_peer ON credentials (peer_id COLLATE NOCASE) WHERE kind = 'psk' AND revoked_at IS NULL;
        CREATE TRIGGER locks_of_credential AFTER DELETE ON credentials
            BEGIN DELETE FROM locks WHERE subject_kind = 'credential' AND subject_id = OLD.id; END;
        """,
    ];
}
