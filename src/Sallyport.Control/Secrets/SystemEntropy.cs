using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Secrets;

internal sealed class SystemEntropy : IEntropy
{
    public static readonly SystemEntropy Shared = new();

    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
