using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Control.Credentials;

/// <summary>A tls-crypt-v2 server key: it wraps the keys of profiles, and opens them again at the gateway.</summary>
internal sealed record WrappingKey(int Id, byte[] Bytes)
{
    public override string ToString() => $"tls-crypt-v2 server key {Id}";
}

/// <summary>
/// Keys that all gateways share. Made on the first start, sealed in the store, sent over the node link. The newest tls-crypt-v2 key wraps
/// new profiles; the others open old ones until they are retired.
/// </summary>
internal sealed class GatewayKeys
{
    /// <summary>The door tries each of them on the packets of strangers; more than this nobody rotates through without new profiles.</summary>
    public const int AcceptedMax = 4;

    private readonly SecretStore secrets;
    private readonly byte[] authToken;
    private readonly byte[] ikeTicket;
    private readonly string handlePrefix;
    private volatile IReadOnlyList<WrappingKey> wrapping;

    private GatewayKeys(SecretStore secrets, IReadOnlyList<WrappingKey> wrapping, byte[] authToken, byte[] ikeTicket, string handlePrefix)
    {
        this.handlePrefix = handlePrefix;
        this.secrets = secrets;
        this.wrapping = wrapping;
        this.authToken = authToken;
        this.ikeTicket = ikeTicket;
    }

    public WrappingKey Newest => wrapping[0];

    public static GatewayKeys Open(Database database, SecretStore secrets)
    {
        var handles = Networks.Handles.Open(database).ToString();
        return database.Write(sql => new GatewayKeys(
            secrets, Load(sql, secrets), secrets.GetOrCreate(sql, "auth-token-key", () => SecretStore.Random(32)),
            secrets.GetOrCreate(sql, "ike-ticket-key", () => SecretStore.Random(32)), handles));
    }

    /// <summary>Inside a transaction: one more, the newest from the commit on. Answers them all, for <see cref="Use"/>.</summary>
    public IReadOnlyList<WrappingKey> Add(SqliteConnection sql, long now)
    {
        sql.Execute("INSERT INTO wrapping_keys (created_at) VALUES (@now)", new { now });
        return Load(sql, secrets);
    }

    /// <summary>Inside a transaction: the key opens nothing from the commit on, and is gone. Answers those that are left.</summary>
    public IReadOnlyList<WrappingKey> Retire(SqliteConnection sql, int id, long now)
    {
        sql.Execute("UPDATE wrapping_keys SET retired_at = @now WHERE id = @id", new { id, now });
        SecretStore.Remove(sql, NameOf(id));
        return Load(sql, secrets);
    }

    /// <summary>After the commit.</summary>
    public void Use(IReadOnlyList<WrappingKey> keys) => wrapping = keys;

    public GatewaySettings AddTo(GatewaySettings settings) => AddTo(settings, wrapping);

    public GatewaySettings AddTo(GatewaySettings settings, IReadOnlyList<WrappingKey> keys) =>
        settings with
        {
            TlsCryptV2ServerKeys = [.. keys.Select(key => key.Bytes)],
            AuthTokenKey = authToken,
            IkeTicketKey = ikeTicket,
            HandlePrefix = handlePrefix,
        };

    public override string ToString() => "gateway keys";

    private static IReadOnlyList<WrappingKey> Load(SqliteConnection sql, SecretStore secrets) =>
    [
        .. sql.Query<int>("SELECT id FROM wrapping_keys WHERE retired_at IS NULL ORDER BY id DESC").AsList()
            .Select(id => new WrappingKey(id, secrets.GetOrCreate(sql, NameOf(id), () => SecretStore.Random(TlsCryptV2ServerKey.Length)))),
    ];

    private static string NameOf(int id) =>
        id == 1 ? "tls-crypt-v2-server-key" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"tls-crypt-v2-server-key:{id}");
}
