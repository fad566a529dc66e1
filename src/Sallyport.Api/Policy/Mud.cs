namespace Sallyport.Api.Policy;

/// <summary>
/// A manufacturer's usage description (RFC 8520), for whom it is, and who is meant here by what it cannot know. Whoever is meant is application:NAME, device:NAME,
/// site:NAME, host:NETWORK, group:NAME, label:KEY=VALUE or network:NAME.
/// </summary>
public sealed record MudRequest
{
    /// <summary>The bytes of the file: its signature is about these.</summary>
    public required byte[] File { get; init; }

    /// <summary>"label:model=P200", "group:pumps" or "device:pump-17".</summary>
    public string? For { get; init; }

    /// <summary>Of the group or label, where several networks have members of it, or none has yet.</summary>
    public string? Network { get; init; }

    /// <summary>What names of applications begin with; by default what the file calls the model.</summary>
    public string? Name { get; init; }

    /// <summary>"URI=application:NAME": who is a controller of that class.</summary>
    public IReadOnlyList<string>? Controller { get; init; }

    public IReadOnlyList<string>? MyController { get; init; }

    public IReadOnlyList<string>? LocalNetworks { get; init; }

    /// <summary>Instead of the label of <see cref="ManufacturerLabel"/> with the host of the file's URL.</summary>
    public IReadOnlyList<string>? SameManufacturer { get; init; }

    /// <summary>"NAME=label:…", instead of the label of that value.</summary>
    public IReadOnlyList<string>? Manufacturer { get; init; }

    /// <summary>"URI=label:…", instead of the label of that value.</summary>
    public IReadOnlyList<string>? Model { get; init; }

    /// <summary>The key of the label that says the manufacturer; "manufacturer" by default.</summary>
    public string? ManufacturerLabel { get; init; }

    /// <summary>"model" by default.</summary>
    public string? ModelLabel { get; init; }

    /// <summary>The detached CMS over the file, DER; null where nobody checks one.</summary>
    public byte[]? Signature { get; init; }

    /// <summary>Certificates in PEM from which whoever signs must descend.</summary>
    public string? SignerCa { get; init; }
}

/// <summary>What a MUD file means here: applications and rules to review. Nothing of it is done.</summary>
public sealed record MudPlan
{
    public required string Subject { get; init; }

    public required string Network { get; init; }

    /// <summary>Who the subject stands for now.</summary>
    public required int Members { get; init; }

    public required string MudUrl { get; init; }

    public required DateTimeOffset LastUpdate { get; init; }

    /// <summary>After so many hours the manufacturer may have a newer one; nothing here looks for it.</summary>
    public required int CacheHours { get; init; }

    public required bool IsSupported { get; init; }

    public string? SystemInfo { get; init; }

    public string? Manufacturer { get; init; }

    public string? Model { get; init; }

    /// <summary>Who signed it; null where no signature was given.</summary>
    public string? SignedBy { get; init; }

    /// <summary>Entries of the file that are in force.</summary>
    public required int Entries { get; init; }

    public required IReadOnlyList<MudApplication> Applications { get; init; }

    public required IReadOnlyList<MudRule> Rules { get; init; }

    /// <summary>What no rule came of, and what else a reviewer has to know.</summary>
    public required IReadOnlyList<MudFinding> Findings { get; init; }

    /// <summary>The commands that make it so.</summary>
    public required IReadOnlyList<string> Commands { get; init; }

    /// <summary>The same as a part of a fleet file, in which each thing names the entries that it comes from.</summary>
    public required string FleetFile { get; init; }
}

/// <summary>Exactly one of <see cref="Site"/>, <see cref="Device"/> and <see cref="Host"/> carries it.</summary>
public sealed record MudApplication
{
    public required string Name { get; init; }

    public required string Network { get; init; }

    public string? Site { get; init; }

    public string? Device { get; init; }

    /// <summary>The network in which the gateway host offers it; "internet" for what lies beyond the host.</summary>
    public string? Host { get; init; }

    /// <summary>Null for the whole of the host, or for all that the names stand for.</summary>
    public string? Target { get; init; }

    public required IReadOnlyList<string> Names { get; init; }

    public required IReadOnlyList<string> Services { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>"new", "there", or "changes" where one of that name is otherwise.</summary>
    public required string State { get; init; }

    /// <summary>"from-ipv4-camera-0 (line 42)".</summary>
    public required IReadOnlyList<string> Entries { get; init; }
}

public sealed record MudRule
{
    public required string From { get; init; }

    /// <summary>Of the group or label, where it is another network than the application's.</summary>
    public string? FromNetwork { get; init; }

    public required string To { get; init; }

    public required bool Deny { get; init; }

    /// <summary>The rule that is there already; null for one to be made.</summary>
    public int? Existing { get; init; }

    public required IReadOnlyList<string> Entries { get; init; }
}

/// <param name="Kind">
/// "decide": the file grants it, and the operator has to say who is meant; nothing is allowed until then. "cannot": no rule can say it. "covered": it is
/// so without a rule. "answers": it lets answers back, which need no rule. "remark": to know.
/// </param>
/// <param name="Entry">The entry of the file; empty for the file as a whole.</param>
/// <param name="Hint">How to go on, where there is a way.</param>
public sealed record MudFinding(string Kind, string Entry, int? Line, string Why, string? Hint);
