using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Mud;

/// <summary>Who is at the other end of a conversation, in the file's own terms.</summary>
/// <param name="Kind">"name", "network", "anybody", or a class of <see cref="MudClass"/>.</param>
/// <param name="Network">Of "network", and of "local-networks" where an entry names a part of them.</param>
internal sealed record MudPeer(string Kind, string Value, IpPrefix? Network = null)
{
    public static readonly MudPeer Anybody = new("anybody", "");

    public bool IsAnybody => Kind == "anybody";

    /// <summary>Somebody whom only the operator can name.</summary>
    public bool IsClass => Kind is not ("name" or "network" or "anybody");

    /// <summary>As people read it: "controller urn:…", "local-networks".</summary>
    public string Text => Kind switch
    {
        "name" => Value,
        "network" => Network!.Value.ToString(),
        "anybody" => "anybody",
        _ => Value.Length == 0 ? Kind : $"{Kind} {Names.Label.Shorten(Value)}",
    };

    /// <summary>Whether everybody who is the other one is this one.</summary>
    public bool Covers(MudPeer other) => this == other || IsAnybody || ((Kind, other.Kind) == ("network", "network") && Network!.Value.Contains(other.Network!.Value));

    /// <summary>Whether somebody may be both.</summary>
    public bool MayBe(MudPeer other) => this == other || IsAnybody || other.IsAnybody || (Kind, other.Kind) switch
    {
        ("name", "name") => false,
        ("network", "network") => Network!.Value.Overlaps(other.Network!.Value),
        _ => true,
    };
}

internal enum MudOpener : byte
{
    Device,
    Peer,
}

/// <summary>What one entry grants or denies, as a firewall that knows conversations says it: who may open which services of whom.</summary>
internal sealed record MudGrant(MudAce Ace, MudOpener Opener, MudPeer Peer, MudServices Services)
{
    public bool Accepts => Ace.Accepts;

    /// <summary>It denies, and under conditions that no rule has: what is accepted after it may be just that.</summary>
    public bool IsUnsayable { get; init; }

    /// <summary>What was denied before and may be a part of it; the rules for these are to be made, or it is not.</summary>
    public IReadOnlyList<MudGrant> Behind { get; init; } = [];
}

/// <summary>Something about an entry, or about the whole file, that a reviewer has to know.</summary>
/// <param name="Kind">"decide", "cannot", "answers", "covered" or "remark".</param>
internal sealed record MudNote(string Kind, string Entry, int? Line, string Why, string? Hint = null)
{
    /// <summary>The file grants it, and somebody has to say what is meant here; until then nothing is allowed.</summary>
    public const string Decide = "decide";

    /// <summary>There is no way to say it here.</summary>
    public const string Cannot = "cannot";

    /// <summary>It lets answers back, which need no rule.</summary>
    public const string Answers = "answers";

    /// <summary>It is so without a rule.</summary>
    public const string Covered = "covered";

    public const string Remark = "remark";

    public static MudNote Of(MudAce ace, string kind, string why, string? hint = null) => new(kind, Names.Label.Shorten(ace.Name), ace.At.Line, why, hint);
}
