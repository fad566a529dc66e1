using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.EndToEnd.Peers;

internal sealed class SystemEntropy : IEntropy
{
    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
