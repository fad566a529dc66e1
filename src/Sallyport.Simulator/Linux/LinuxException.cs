namespace Sallyport.Simulator.Linux;

/// <summary>The kernel refused something without which there is nothing to simulate.</summary>
public sealed class LinuxException(string call, int errno) : Exception($"{call} failed with errno {errno}")
{
    public int Errno { get; } = errno;
}
