using System.Buffers.Binary;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Ike;

/// <summary>Who a peer of IKE is, and by what: what a grant is known by.</summary>
/// <param name="GrantedBy">The fleet by which its selectors were made.</param>
internal sealed record Admittance(Identity Identity, TunnelProof Proof, int Uplink, FleetModel GrantedBy)
{
    public string Name => Handshakes.Authenticator.Describe(Identity);
}

/// <summary>What a resumption ticket says of its owner: numbers of ours, which the model is asked about again when it comes back.</summary>
internal static class IkeTicketData
{
    private const int Length = 5 * sizeof(int) + 1;

    public static byte[] Write(Admittance admitted)
    {
        var data = new byte[Length];
        var proof = admitted.Proof;
        Span<int> numbers = [admitted.Identity.Id, proof.CertificateId, proof.SecretId, proof.PpkId, admitted.Uplink];
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(i * sizeof(int)), numbers[i]);
        }

        data[^1] = (byte)proof.Ike;
        return data;
    }

    /// <summary>Null where it is not one, or what it speaks of is gone.</summary>
    public static Admittance? Read(ReadOnlySpan<byte> data, GatewayModel model)
    {
        if (data.Length != Length)
        {
            return null;
        }

        Span<int> numbers = stackalloc int[5];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = BinaryPrimitives.ReadInt32BigEndian(data[(i * sizeof(int))..]);
        }

        var proof = new TunnelProof { CertificateId = numbers[1], SecretId = numbers[2], PpkId = numbers[3], Ike = (IkeProof)data[^1] };
        return model.Fleet.Identity(numbers[0]) is { } identity && IsLive(identity.Id, proof.CertificateId, model)
            && IsLive(identity.Id, proof.SecretId, model) && IsLive(identity.Id, proof.PpkId, model)
            ? new Admittance(identity, proof, numbers[4], model.Fleet)
            : null;
    }

    private static bool IsLive(int identityId, int credentialId, GatewayModel model) => credentialId == 0 || model.HasCredential(identityId, credentialId);
}
