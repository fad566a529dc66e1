using System.Net;

namespace Sallyport.Bench.Stages;

/// <summary>A server that is measured: ours or the distribution's.</summary>
internal interface IVpnServer : IAsyncDisposable
{
    /// <summary>The process that carries the packets.</summary>
    int ProcessId { get; }

    /// <summary>A process that belongs to it and carries none, if there is one.</summary>
    int? ControlProcessId { get; }

    /// <summary>Of the stock client that sends, with <c>dev</c> set.</summary>
    string SenderProfile { get; }

    /// <summary>Of the stock client behind which the receiver sits, with <c>dev</c> set.</summary>
    string ReceiverProfile { get; }

    /// <summary>Where the sender finds the receiver, once both are connected.</summary>
    IPAddress Target { get; }

    /// <summary>Profiles of simulated devices, each with an identity of its own.</summary>
    Task<IReadOnlyList<string>> MakeProfiles(int count, string wrapping);

    /// <summary>Devices that may send to one other, in a network of their own. Once for each server.</summary>
    Task<Station> MakeStation(int devices);

    /// <summary>A fresh process, nobody connected.</summary>
    Task Restart();
}
