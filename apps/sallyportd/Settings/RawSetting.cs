namespace Sallyport.Daemon.Settings;

/// <summary>What somebody wrote for a key, before it means anything.</summary>
/// <param name="Where">File, line and column, or the variable.</param>
/// <param name="BaseDirectory">Where a relative path starts.</param>
internal sealed record RawSetting(SettingKey Key, IReadOnlyList<string> Values, bool IsList, string Where, string BaseDirectory);
