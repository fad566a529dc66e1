namespace Sallyport.Control.Policies.Mud;

/// <summary>What a MUD file may be. It comes from a manufacturer, over who knows what.</summary>
internal static class MudLimits
{
    public const int BytesMax = 512 << 10; // the largest of 66 public ones has 60 KiB; twice over base64 it fits into a request

    public const int DepthMax = 24; // what means something has ten levels

    public const int NodesMax = 60_000;

    public const int TextMax = 2_048; // characters of one value; a URL may be long

    public const int AcesMax = 2_000;

    public const int SignatureMax = 64 << 10; // a chain of certificates fits many times

    public const int BindingsMax = 64;

    /// <summary>Devices for each of which an application of its own is made.</summary>
    public const int DevicesMax = 256;

    public const int NamesMax = 64; // of one application
}
