using System.Security.Cryptography;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;

namespace Sallyport.Control.Changes;

/// <summary>Which settings the gateways were given last: other ones are a new version of the model, which they get whole.</summary>
internal static class SettingsNote
{
    /// <summary>Inside a transaction. True where they are others than noted before.</summary>
    public static bool Write(SqliteConnection sql, GatewaySettings settings)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(settings, NodeJson.Default.GatewaySettings)));
        if (sql.ExecuteScalar<string?>("SELECT value FROM settings WHERE name = 'gateway'") == hash)
        {
            return false;
        }

        sql.Execute(
            "INSERT INTO settings (name, value) VALUES ('gateway', @hash) ON CONFLICT (name) DO UPDATE SET value = excluded.value", new { hash });
        return true;
    }
}
