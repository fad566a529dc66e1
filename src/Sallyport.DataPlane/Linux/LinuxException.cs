using System.Globalization;
using System.Runtime.InteropServices;

namespace Sallyport.DataPlane.Linux;

/// <summary>A system call refused something that the gateway cannot do without. Never thrown per packet.</summary>
public sealed class LinuxException(string call, int errno)
    : IOException(string.Create(CultureInfo.InvariantCulture, $"{call}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})"))
{
    public int Errno { get; } = errno;
}
