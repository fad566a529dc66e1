namespace Sallyport.Daemon.Commands;

internal static class ExitCodes
{
    public const int Ok = 0;

    public const int Failed = 1;

    /// <summary>Settings or arguments are wrong; nothing was started.</summary>
    public const int Usage = 2;
}
