using System.Buffers.Binary;

namespace Sallyport.DataPlane.Model;

/// <summary>The model that handshakes are judged by. Replaced whole; any thread reads.</summary>
internal sealed class ModelHolder
{
    /// <summary>Names of revoked devices that still knock, for operators; more than that many are forgotten.</summary>
    private const int FormerMax = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, (int IdentityId, string Name)> _former = [];
    private volatile GatewayModel _current = GatewayModel.Empty;

    public GatewayModel Current => _current;

    /// <summary>To be called after every shard was told: a tunnel is never opened under a newer model than its shard's.</summary>
    public void Replace(GatewayModel next, ModelChange change)
    {
        Remember(_current, next, change);
        _current = next;
    }

    /// <summary>Whose tls-crypt-v2 key this was, where it was taken away since the gateway started.</summary>
    public (int IdentityId, string Name)? FormerOwner(ReadOnlySpan<byte> wrappedKeyId16)
    {
        lock (_lock)
        {
            return _former.TryGetValue(BinaryPrimitives.ReadUInt128BigEndian(wrappedKeyId16), out var owner) ? owner : null;
        }
    }

    private void Remember(GatewayModel before, GatewayModel next, ModelChange change)
    {
        lock (_lock)
        {
            foreach (var id in change.Identities)
            {
                foreach (var entry in before.Credentials.GetValueOrDefault(id, []))
                {
                    if (entry.Credential.WrappedKeyId is { } hex && !next.HasCredential(id, entry.Id)
                        && before.Fleet.Identity(id) is { } identity)
                    {
                        if (_former.Count >= FormerMax)
                        {
                            _former.Clear();
                        }

                        _former[BinaryPrimitives.ReadUInt128BigEndian(Convert.FromHexString(hex))] =
                            (id, Handshakes.Authenticator.Describe(identity));
                    }
                }
            }
        }
    }
}
