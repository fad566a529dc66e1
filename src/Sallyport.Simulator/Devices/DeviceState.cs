namespace Sallyport.Simulator.Devices;

internal enum DeviceState : byte
{
    Off,
    Connecting,

    /// <summary>It has its configuration and its keys.</summary>
    Online,

    /// <summary>The last attempt came to nothing, or the server fell silent; it tries again after a pause.</summary>
    Waiting,

    /// <summary>As <see cref="Waiting"/>, and it does not try again.</summary>
    Failed,
}

/// <summary>What a device does with what arrives for it.</summary>
internal enum DeviceRole : byte
{
    /// <summary>Takes note of the answers to its own questions.</summary>
    Asks,

    /// <summary>Answers questions of others: what stands behind a site.</summary>
    Answers,

    /// <summary>Counts datagrams and opens none.</summary>
    Counts,
}
