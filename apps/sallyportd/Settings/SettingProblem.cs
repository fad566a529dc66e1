namespace Sallyport.Daemon.Settings;

/// <summary>
/// One mistake of an operator: where it stands ("sallyport.yaml:4:3" or a variable), what is wrong, and what to write instead.
/// </summary>
internal sealed record SettingProblem(string Where, string What, string Fix)
{
    public override string ToString() => Fix.Length == 0 ? $"{Where}: {What}" : $"{Where}: {What}\n    {Fix}";
}
