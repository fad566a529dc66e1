using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane;

/// <summary>The system's CSPRNG. Any thread.</summary>
internal sealed class SystemEntropy : IEntropy
{
    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
