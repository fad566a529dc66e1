namespace Sallyport.Core.OpenVpn.Door;

/// <summary>What the door asks about the fleet. An implementation is one state of the fleet and answers alike for as long as it is used.</summary>
public interface ICredentialDirectory
{
    /// <summary>Wrappings with a key that a network shares, or none at all; of each network that allows them. The door tries the first 32.</summary>
    /// <remarks>The same list object until the fleet changes: the door keeps its keys ready for as long as it sees that object.</remarks>
    IReadOnlyList<LegacyWrapping> LegacyWrappings { get; }

    /// <summary>Whether a live credential of an active identity has this id.</summary>
    /// <param name="wrappedKeyId16">From the metadata of an authentic tls-crypt-v2 client key.</param>
    bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16);
}
