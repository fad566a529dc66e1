using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Keys of every kind, the same in every run: seeds are made with them.</summary>
internal static class Keys
{
    public static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    public static readonly StaticKey Static = StaticKey.Generate(new Chance(1));
    public static readonly TlsCryptV2ServerKey Server = TlsCryptV2ServerKey.Generate(new Chance(2));
    public static readonly byte[] WrappedKeyId = new Chance(3).Bytes(16);
    public static readonly TlsCryptV2ClientKey Client = Server.IssueClient(new Chance(4), WrappedKeyId);
}
