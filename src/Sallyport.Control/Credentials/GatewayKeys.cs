using Sallyport.Api.Nodes;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Control.Credentials;

/// <summary>Keys that all gateways share. Made on the first start, sealed in the store, sent over the node link.</summary>
internal sealed class GatewayKeys
{
    private GatewayKeys(byte[] tlsCryptV2, byte[] authToken)
    {
        TlsCryptV2 = tlsCryptV2;
        AuthToken = authToken;
    }

    public byte[] TlsCryptV2 { get; }

    public byte[] AuthToken { get; }

    public static GatewayKeys Open(Database database, SecretStore secrets) => database.Write(sql => new GatewayKeys(
        secrets.GetOrCreate(sql, "tls-crypt-v2-server-key", () => SecretStore.Random(TlsCryptV2ServerKey.Length)),
        secrets.GetOrCreate(sql, "auth-token-key", () => SecretStore.Random(32))));

    public GatewaySettings AddTo(GatewaySettings settings) => settings with { TlsCryptV2ServerKeys = [TlsCryptV2], AuthTokenKey = AuthToken };

    public override string ToString() => "gateway keys";
}
