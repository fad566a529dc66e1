namespace Sallyport.Cli;

/// <summary>What scripts may rely on; docs/cli.md lists them.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>The server refused, or something failed on the way.</summary>
    public const int Refused = 1;

    /// <summary>The command line itself is wrong; nothing was sent.</summary>
    public const int Usage = 2;

    public const int Unreachable = 3;

    public const int NotAuthorised = 4;

    public const int NotFound = 5;

    /// <summary>The change is committed, but not every gateway has confirmed that it is enforced.</summary>
    public const int NotConfirmed = 6;

    /// <summary>A plan that was asked to tell so has something to change.</summary>
    public const int Changes = 7;
}
