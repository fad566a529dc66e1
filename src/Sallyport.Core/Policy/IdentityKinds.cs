namespace Sallyport.Core.Policy;

/// <summary>The words for kinds of identities: in the model, in the API and in messages.</summary>
public static class IdentityKinds
{
    public static string Word(this IdentityKind kind) => kind switch
    {
        IdentityKind.Device => "device",
        IdentityKind.Site => "site",
        IdentityKind.Host => "host",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>Null for a word that stands for none.</summary>
    public static IdentityKind? Read(string word) => word switch
    {
        "device" => IdentityKind.Device,
        "site" => IdentityKind.Site,
        "host" => IdentityKind.Host,
        _ => null,
    };
}
